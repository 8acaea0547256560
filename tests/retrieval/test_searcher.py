"""The current index: swapped under load, searched off the event loop, built for a library on disk."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from config.errors import ArtefactError, SettingsError
from config.settings import EmbedderSettings, RetrievalSettings
from retrieval.building import build_index
from retrieval.choose import Limits
from retrieval.hybrid import Recipe
from retrieval.searcher import HybridBuilder, Searcher, limits_for


def names(found):
    return [each.passage.doc for each in found.passages]


@pytest.fixture
def searcher(documents):
    found = Searcher(build_index(documents))
    yield found
    found.close()


async def test_a_search_runs_off_the_event_loop(searcher):
    """The counter of tokens is called in one of the searcher's own threads."""
    seen = set()
    found = await searcher.find(
        "When does the ferry leave?", Limits(1), count_tokens=lambda _: seen.add(threading.current_thread().name) or 1
    )

    assert ["en/harbour.md"] == names(found)
    assert all(name.startswith("search") for name in seen)


async def test_an_index_is_swapped_under_load(searcher, documents):
    """Every search sees one index or the other, whole."""
    other = build_index(documents[3:])
    searches = [searcher.find("ferry dough", Limits(3)) for _ in range(20)]
    running = asyncio.gather(*searches)
    searcher.swap(other)

    assert {1, 2} >= {len(set(names(found))) for found in await running}
    assert searcher.index is other


def test_before_the_first_index_nothing_is_found():
    """A library that is still being built finds nothing; closing what never ran is no error."""
    early = Searcher()
    early.close()

    assert () == early.look("ferry", most=4).passages
    assert early.index is None


def test_a_look_keeps_to_its_scope(searcher):
    """The scope's passages, and whether it was kept."""
    looked = searcher.look("How long to knead dough", most=4, scope={"en/bread.md"})

    assert ("kept", {"en/bread.md"}) == (looked.scope, {each.doc for each in looked.passages})


@pytest.mark.parametrize(("most", "least"), [(2, 2), (4, 3), (6, 4), (9, 9)])
def test_the_last_passages_must_be_good(most, least):
    """One intent takes 3 to 4, several 4 to 6, none 2; other numbers are taken as they are."""
    assert (most, least, 7) == (
        limits_for(most).most,
        limits_for(most).least,
        limits_for(4, token_budget=7).token_budget,
    )


class _Fixed:
    name, dimension, fingerprint = "folder", 1, "folder:1"

    def embed(self, texts):
        return np.ones((len(texts), 1), dtype=np.float32)


def test_a_library_on_disk_gets_its_index(documents, tmp_path):
    """What is built is read; another recipe or embedder has another fingerprint and is refused."""
    builder, other = HybridBuilder(), HybridBuilder(recipe=Recipe(400))
    builder.build(documents, tmp_path)

    assert ["en/harbour.md"] == names(builder.load(tmp_path).search("ferry", Limits(1)))
    assert 3 == len({builder.fingerprint, other.fingerprint, HybridBuilder(_Fixed()).fingerprint})
    with pytest.raises(ArtefactError, match="other sizes"):
        other.load(tmp_path)


def test_the_settings_make_the_builder():
    """Sizes, prefixes and embedder are those of the settings; a server that is not named is told at once."""
    server = EmbedderSettings(kind="ollama", model="m", passage_prefix="p: ", question_prefix="q: ")
    builder = HybridBuilder.of(RetrievalSettings(window_size=300, flat_max_vectors=7, embedder=server))

    assert (Recipe(300, "p: ", "q: "), 7, "ollama") == (builder.recipe, builder.flat_max, builder.embedder.name)
    assert HybridBuilder() == HybridBuilder.of(RetrievalSettings())
    with pytest.raises(SettingsError, match="needs 'model'"):
        HybridBuilder.of(RetrievalSettings(embedder=EmbedderSettings(kind="openai")))
