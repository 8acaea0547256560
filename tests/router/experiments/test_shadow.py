"""Recorded conversations, and what another model says to them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from config.errors import StorageError
from router.experiments.shadow import MAX_CHARS, Recorded, answered, read_recorded
from tests.router.offpolicy.books import NOW, booked, record_of
from tests.router.offpolicy.worlds import decided

SINCE = NOW - timedelta(days=1)
ASKED = [{"role": "user", "content": "What is 2 + 2?"}]


def stored(name, request, *, response=b"4", **changes):
    """Return a booked decision with its bodies."""
    row = decided(name, chosen="large", probabilities=(0.6, 0.4), reward=None, cost=0.01)
    raw = request if isinstance(request, bytes | None) else json.dumps(request).encode()
    return record_of(row, request_body=raw, response_body=response, **changes)


async def test_plain_conversations_are_read(database):
    """With their system text, in either dialect; who answered is told."""
    await booked(
        database,
        [
            stored("1", {"messages": [{"role": "system", "content": "Be brief."}, *ASKED]}),
            stored("2", {"system": "Be brief.", "messages": ASKED}),
        ],
    )
    found = await read_recorded(database, since=SINCE, candidate="new", most=10, seed=0)

    assert {"1", "2"} == {each.id for each in found}
    for each in found:
        assert ("large", "4") == (each.model, each.answer)
        assert [("system", "Be brief."), ("user", "What is 2 + 2?")] == [
            (turn["role"], turn["content"]) for turn in each.messages
        ]


@pytest.mark.parametrize(
    "record",
    [
        stored("x", {"messages": ASKED, "tools": [{}]}),
        stored("x", {"messages": [{"role": "tool", "content": "1"}]}),
        stored("x", {"messages": [*ASKED, {"role": "assistant", "content": "4"}]}),
        stored("x", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
        stored("x", {"messages": [{"role": "user", "content": "x" * (MAX_CHARS + 1)}]}),
        stored("x", {"messages": [1]}),
        stored("x", {"messages": "x"}),
        stored("x", {}),
        stored("x", []),
        stored("x", b"{"),
        stored("x", None),
        stored("x", {"messages": ASKED}, response=b" "),
        stored("x", {"messages": ASKED}, status="failed_upstream"),
        stored("x", {"messages": ASKED}, ts=SINCE - timedelta(seconds=1)),
        stored("x", {"messages": ASKED}, served_model="new"),
        stored("x", {"messages": ASKED}, served_model=None),
    ],
)
async def test_everything_else_is_passed_over(sqlite_database, record):
    """Tools, pictures, damaged or unanswered requests, and answers of the candidate itself."""
    await booked(sqlite_database, [record])

    assert [] == await read_recorded(sqlite_database, since=SINCE, candidate="new", most=10, seed=0)


async def test_no_more_than_so_many_are_drawn(sqlite_database):
    """The same seed draws the same."""
    await booked(sqlite_database, [stored(f"{at}", {"messages": ASKED}) for at in range(20)])
    found = [await read_recorded(sqlite_database, since=SINCE, candidate="new", most=5, seed=1) for _ in range(2)]

    assert found[0] == found[1]
    assert 5 == len({each.id for each in found[0]})


class Candidate:
    """Answers with the number of turns, fails where the question says so."""

    async def generate(self, messages, **_):
        match messages[-1]["content"]:
            case "fail":
                raise StorageError("away")
            case "late":
                raise TimeoutError
            case "nothing":
                return " "
        return f"{len(messages)} turns"

    async def stream(self, messages, **_):
        yield await self.generate(messages)


async def test_a_model_that_fails_leaves_fewer_pairs():
    """Failed and empty answers are counted, and not judged."""
    asked = [
        Recorded(text, ({"role": "user", "content": text},), "recorded", "large")
        for text in ("fail", "late", "nothing", "fine")
    ]
    found = await answered(asked, Candidate(), name="new")

    assert 3 == found.n_failed
    assert [("fine", "fine", "recorded", "1 turns")] == [
        (each.id, each.question, each.current, each.candidate) for each in found.pairs
    ]
