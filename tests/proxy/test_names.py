"""What a request names reaches the search of documents, and the trace says what it did."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from classifier.readings import ENTITIES, Reading, mentions_of
from config.types import Citation, Mention
from proxy.names import named, told
from retrieval.scoped import Lifted
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import Gateway, model, running_gateway, user

SCRIPT = Script((Reply(text="hello"),))
QUESTION = "What does error PAY-3008 mean for parcels?"
CODE = {"text": "PAY-3008", "type": "identifier", "start": 11, "end": 19, "confidence": 0.9}


def library(folder: Path, more: str = "") -> str:
    """Write many small documents, of which one holds a code, and return the settings that read them."""
    home = folder / "library"
    home.mkdir()
    for n in range(30):
        (home / f"{n}.md").write_text(f"# Error {n}\n\nThe error with parcels of town {n} means that none came.\n")
    (home / "code.md").write_text("# PAY-3008\n\nThe error PAY-3008 means that parcels were paid for twice.\n")
    return f'[retrieval]\nlibrary = "{home}"\n{more}\n'


async def stage(gateway: Gateway) -> dict[str, object]:
    """Ask once all is loaded, and return what the stage `retrieve` noted."""
    await asyncio.to_thread(gateway.house.understanding.load_now)  # what a start does in the background
    await gateway.house.documents.load()
    answer = await gateway.http.post(
        "/v1/chat/completions",
        json={"model": "auto", "messages": user(QUESTION)},
        headers={"x-thalamus-router": "explain"},
    )
    return next(each for each in answer.json()["thalamus"]["stages"] if each["name"] == "retrieve")


@pytest.mark.parametrize("preview", [True, False])
async def test_the_explanation_says_which_name_lifted_which_passages(tmp_path: Path, preview: bool) -> None:
    """With its text only where words of the user may be kept."""
    settings = f"{library(tmp_path)}[storage]\nstore_preview = {str(preview).lower()}\n"
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, settings, model("m", upstream.url + "/v1")) as gateway,
    ):
        noted = await stage(gateway)

    (name,) = [each for each in noted["names"] if each["passages"]]
    assert ("PAY-3008" if preview else None) == name.get("text")
    assert "code.md" in name["passages"][0]
    assert 0 < name["lift"] <= 0.1


async def test_a_boost_of_nothing_asks_nobody(tmp_path: Path) -> None:
    """0 switches it off, and the trace names nothing."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, library(tmp_path, "entity_boost = 0"), model("m", upstream.url + "/v1")) as gateway,
    ):
        noted = await stage(gateway)

    assert "names" not in noted


@pytest.mark.parametrize(
    ("text", "more", "n"),
    [
        (QUESTION, "", 1),
        (f"{QUESTION} {'please ' * 50}", "", 0),
        (QUESTION, "[classifier]\nfeatures = false\n", 0),
        (QUESTION, "[classifier]\nenabled = false\n", 0),
    ],
    ids=["short", "long", "no features", "no classifier"],
)
async def test_only_a_short_turn_is_read_and_only_where_the_models_may(
    tmp_path: Path, text: str, more: str, n: int
) -> None:
    """A long text would take too long; who switched the models off has no tagger."""
    async with running_gateway(tmp_path, f"{library(tmp_path)}{more}") as gateway:
        if "enabled" not in more:
            await asyncio.to_thread(gateway.house.understanding.load_now)
        found = await asyncio.to_thread(named, gateway.house, text)

    assert n == len(found)


def test_a_form_is_named_once() -> None:
    """Whatever else the tagger says, and nothing where it was not heard."""
    twice = Reading(("identifier",), 0.9, abstained=False, ms=0.4, entities=(CODE, {**CODE, "start": 30, "end": 38}))

    assert (Mention("PAY-3008", "identifier", 0.9),) == mentions_of({ENTITIES: twice})
    assert () == mentions_of({})


def test_what_is_told_has_lines_and_bounds() -> None:
    """A name that lifted nothing is told too."""
    mention = Mention("Lindholm", "place", 0.8)
    lifted = [Lifted(mention, 2, 0.0512345, (Citation("a.md", 3, 7),)), Lifted(mention, 900, 0.0)]

    assert [
        {"text": "Lindholm", "type": "place", "windows": 2, "lift": 0.0512, "passages": ["a.md:3-7"]},
        {"text": "Lindholm", "type": "place", "windows": 900, "lift": 0.0, "passages": []},
    ] == told(lifted, with_texts=True)
