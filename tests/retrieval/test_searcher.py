"""The index of a library on disk, and what a request gets of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from config.errors import ArtefactError, SettingsError
from config.settings import EmbedderSettings, RetrievalSettings
from retrieval.building import build_index
from retrieval.choose import Limits
from retrieval.hybrid import Recipe
from retrieval.ingest import Document
from retrieval.scoped import Wanted
from retrieval.searcher import HybridBuilder, HybridScopedSearch, limits_for


def names(found):
    return [each.passage.doc for each in found.passages]


def test_a_look_keeps_to_its_scope(documents):
    """The scope's passages, and whether it was kept."""
    searcher = HybridScopedSearch(build_index(documents))
    looked = searcher.look("How long to knead dough", Wanted(4, scope={"en/bread.md"}))

    assert ("kept", {"en/bread.md"}) == (looked.scope, {each.doc for each in looked.passages})


def test_a_look_with_a_leaning_bars_no_document(documents):
    """What is likelier comes first, though the words speak for another; of the others, what is good comes too."""
    searcher = HybridScopedSearch(build_index(documents))
    question = "When does the ferry leave, and how long does dough rest?"
    firsts = [
        searcher.look(question, Wanted(6, 400, scope={doc}, lean={doc: 1.0})).passages
        for doc in ("en/bread.md", "en/harbour.md")
    ]

    assert ["en/bread.md", "en/harbour.md"] == [each[0].doc for each in firsts]
    assert {"en/bread.md", "en/harbour.md"} <= {each.doc for each in firsts[0]}
    assert all(0 < each.score <= 1 for found in firsts for each in found)


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


class _Counting(_Fixed):
    """Counts what it embeds."""

    def __init__(self, fingerprint="server:1"):
        self.fingerprint, self.embedded = fingerprint, []

    def embed(self, texts):
        self.embedded += texts
        return np.array([[float(len(text) % 7 + 1)] for text in texts], dtype=np.float32)


def test_what_was_embedded_is_not_embedded_again(documents, tmp_path):
    """Only the windows of the document that changed go to the server, and the index is as if all had gone."""
    embedder = _Counting()
    builder = HybridBuilder(embedder)
    builder.build(documents, tmp_path / "old")
    n_all = len(embedder.embedded)
    changed = (replace(documents[0], text="# Harbour\n\nThe ferry is sold."), *documents[1:])
    embedder.embedded.clear()
    builder.build(changed, tmp_path / "new", before=tmp_path / "old")
    new, afresh = builder.load(tmp_path / "new"), HybridBuilder(_Counting()).index(changed)
    rows = np.arange(len(new))

    assert 0 < len(embedder.embedded) < n_all
    assert all("ferry is sold" in text for text in embedder.embedded)
    assert np.array_equal(afresh.vectors.vectors(rows), new.vectors.vectors(rows))
    embedder.embedded.clear()
    builder.build(changed, tmp_path / "same", before=tmp_path / "new")
    assert [] == embedder.embedded


@pytest.mark.parametrize("before", ["other", "prefix", "lost"])
def test_vectors_of_another_kind_are_never_taken_over(documents, tmp_path, before):
    """Another embedder, another prefix before each passage, an index that is damaged: all is embedded."""
    other = {
        "other": HybridBuilder(_Counting("server:2")),
        "prefix": HybridBuilder(_Counting(), Recipe(800, "passage: ")),
    }
    if before in other:
        other[before].build(documents, tmp_path / "old")
    embedder = _Counting()
    HybridBuilder(embedder).build(documents, tmp_path / "new", before=tmp_path / "old")

    assert len(HybridBuilder(embedder).load(tmp_path / "new")) == len(embedder.embedded)


def test_an_empty_index_has_no_vectors_to_take_over(tmp_path):
    """The first document after none is embedded."""
    builder = HybridBuilder(_Counting())
    builder.build((), tmp_path / "none")
    builder.build((Document("a.md", "One."),), tmp_path / "one", before=tmp_path / "none")

    assert 1 == len(builder.load(tmp_path / "one"))


def test_the_settings_make_the_builder():
    """Sizes, prefixes and embedder are those of the settings; a server that is not named is told at once."""
    server = EmbedderSettings(kind="ollama", model="m", passage_prefix="p: ", question_prefix="q: ")
    builder = HybridBuilder.of(RetrievalSettings(window_size=300, flat_max_vectors=7, embedder=server))

    assert (Recipe(300, "p: ", "q: "), 7, "ollama") == (builder.recipe, builder.flat_max, builder.embedder.name)
    assert HybridBuilder() == HybridBuilder.of(RetrievalSettings())
    with pytest.raises(SettingsError, match="needs 'model'"):
        HybridBuilder.of(RetrievalSettings(embedder=EmbedderSettings(kind="openai")))
