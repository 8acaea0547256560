"""A log read from the books."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from config.types import Intent
from router.choosing.values import Question
from router.offpolicy.reading import read_books, read_prompts
from router.selection import NAMED_POLICY
from tests.router.offpolicy.books import NOW, booked, booked_world, rated, record_of
from tests.router.offpolicy.worlds import World, decided

SINCE, UNTIL = NOW - timedelta(days=1), NOW + timedelta(minutes=1)
ROW = decided(
    "1", chosen="large", probabilities=(0.6, 0.3, 0.1), reward=None, cost=0.5, expected={"large": 0.8, "small": 0.4},
    question=Question("", language="zh", domain="code", intents=("fix",), complexity=4, n_tokens=77, has_code=True),
)  # fmt: skip


async def test_what_was_booked_comes_back(database):
    """Probabilities, question, expectations, cost and dial; the newest rating; no text."""
    await booked(database, [record_of(ROW)], [rated("1", 0.75), rated("1", 1.0, source="asked_again", kind="implicit")])
    books = await read_books(database, since=SINCE, until=UNTIL)
    log = books.log

    assert (1, {"learned-1-test": 1}, {"1": 0.5}) == (books.n_read, books.versions, books.dials)
    assert ("large", "middle", "small") == log.models
    assert [0.6, 0.3, 0.1] == pytest.approx(log.probabilities[0].tolist())
    assert (0.75, 0.5, 0.8) == (log.rewards[0], log.costs_usd[0], log.expected[0, 0])
    assert np.isnan(log.expected[0, 1])
    assert ROW.question == log.questions[0]


async def test_decisions_that_no_policy_made_are_left_out(database):
    """The client named the model, the request was refused or only analysed, it is too old or too new."""
    named = record_of(replace(ROW, id="2"))
    await booked(
        database,
        [
            record_of(ROW),
            replace(named, decision=replace(named.decision, policy_version=NAMED_POLICY)),
            record_of(replace(ROW, id="3"), decision=None, status="refused"),
            record_of(replace(ROW, id="4"), ts=SINCE - timedelta(seconds=1)),
            record_of(replace(ROW, id="5"), ts=UNTIL),
            record_of(replace(ROW, id="6"), status="analyzed"),
        ],
    )
    books = await read_books(database, since=SINCE, until=UNTIL)

    assert (1, ("1",)) == (books.n_read, books.log.ids)


async def test_unlogged_probabilities_are_never_assumed(database):
    """Rows of an older version, and damaged ones, are read and set aside."""
    record = record_of(ROW)
    older = replace(record, id="2", decision=replace(record.decision, probabilities=None))
    damaged = replace(record, id="3", decision=replace(record.decision, probabilities=("x", True, 1.0)))
    await booked(database, [older, damaged, replace(record, id="4", decision=replace(record.decision, features={}))])
    books = await read_books(database, since=SINCE, until=UNTIL)

    assert (3, 1) == (books.n_read, len(books.log))
    assert {"no_probabilities": 1, "broken": 1} == books.log.set_aside


async def test_inferred_outcomes_count_only_where_wished(database):
    """And a corrected model is a person's word, by whichever of its names."""
    rows = [replace(ROW, id=name) for name in ("1", "2", "3")]
    said = [
        rated("1", None, source="asked_again", kind="implicit"),
        rated("2", None, kind="corrected_model", comment="small"),
        rated("3", 1.0, source="dissatisfied", kind="implicit"),
        rated("3", 1.0, kind="thumbs"),
    ]
    await booked(database, [record_of(each) for each in rows], said)
    without = await read_books(database, since=SINCE, until=UNTIL)
    with_signs = await read_books(database, since=SINCE, until=UNTIL, with_signs=True)
    named = await read_books(database, since=SINCE, until=UNTIL, canonical={"small": "large"}.__getitem__)

    assert [None, 0.0, 1.0] == [None if np.isnan(each) else each for each in without.log.rewards]
    assert 0.1 == with_signs.log.rewards[0]
    assert 1.0 == named.log.rewards[1]


async def test_after_a_failover_neither_reward_nor_cost_are_the_chosen_models(database):
    """The reward stays with who served; of the cost nobody knows whose it is."""
    await booked(database, [record_of(replace(ROW, served="small"))], [rated("1", 1.0)])
    log = (await read_books(database, since=SINCE, until=UNTIL)).log

    assert ("small", 1.0) == (log.models[log.served[0]], log.rewards[0])
    assert np.isnan(log.costs_usd[0])


async def test_nobody_served(database):
    """A request that failed is in the log and says nothing of any answer."""
    await booked(database, [record_of(ROW, served_model=None, status="failed_upstream")], [rated("1", 0.0)])
    log = (await read_books(database, since=SINCE, until=UNTIL)).log

    assert -1 == log.served[0]
    assert np.isnan(log.rewards[0])


async def test_many_decisions_are_read_in_parts_and_in_order(database):
    """More than one batch, oldest first."""
    rows = [replace(each, id=f"{at:04}") for at, each in enumerate(World().rows(1100, 1))]
    await booked_world(database, rows)
    log = (await read_books(database, since=SINCE, until=UNTIL)).log

    assert [each.id for each in rows] == list(log.ids)
    assert [each.reward for each in rows] == log.rewards.tolist()


async def test_prompts_are_what_the_books_keep(database):
    """The stored request's last user turn stands before the preview; who has neither has none."""
    turns = [{"role": "user", "content": "first"}, {"role": "user", "content": "last"}, {"role": "assistant"}]
    body = json.dumps({"messages": turns}).encode()
    changes = {
        "1": {"request_body": body, "preview": "cut", "intent": Intent(("law",), 0.9, "x")},
        "2": {"preview": "cut"},
        "3": {"request_body": b"{", "preview": "damaged"},
        "4": {"request_body": b"[]", "preview": " "},
        "5": {"request_body": json.dumps({"messages": [{"role": "user", "content": [1]}]}).encode()},
    }
    await booked(database, [record_of(replace(ROW, id=name), **each) for name, each in changes.items()])
    found = await read_prompts(database, ["1", "2", "3", "4", "5", "6"])

    assert {"1": "last", "2": "cut", "3": "damaged"} == {name: each.text for name, each in found.items()}
    assert ("law", None) == (found["1"].intent, found["2"].intent)
