"""The intents page: sums, and what labels say about confusion, confidence and thresholds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.pages.intents import at_threshold, confusion, reliability_bins
from admin.queries.intents import Labelled
from config.types import OutcomeRecord
from config.writer import GroupWriter
from router.ledger import SqlLedger

WHEN = datetime(2026, 11, 20, tzinfo=UTC)
NAMES = ("order", "payment", "支付")


def a_label(true, said, confidence=0.9):
    return Labelled("x", WHEN, tuple(true), tuple(said), confidence, None)


LABELS = st.builds(
    a_label,
    st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
    st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
    st.floats(0, 1),
)


@given(st.lists(LABELS, max_size=30))
def test_matrix_counts_each_once_and_right_ones_on_the_diagonal(labelled):
    """Its sum is the number of labels, and its diagonal the right ones."""
    names, counts = confusion(labelled)

    assert len(labelled) == sum(map(sum, counts))
    assert sum(each.right for each in labelled) == sum(counts[n][n] for n in range(len(names)))


@given(st.lists(LABELS, max_size=30))
def test_coverage_falls_with_the_threshold(labelled):
    """Less is answered above a higher threshold, and nothing that was abstained on is ever an answer."""
    found = [at_threshold(labelled, each / 10)["n"] for each in range(11)]

    assert sorted(found, reverse=True) == found
    assert (
        sum(bool(each.said) for each in labelled) == found[0] == sum(each["n"] for each in reliability_bins(labelled))
    )


def test_several_intents_show_what_differs():
    """Of two intents, the one that was missed stands against the one that was said in its place."""
    names, counts = confusion([a_label(("order", "payment"), ("order", "支付")), a_label(("order",), ())])

    assert 1 == counts[names.index("payment")][names.index("支付")]
    assert 1 == counts[names.index("order")][names.index("")]


async def _label(database, records):
    writer = GroupWriter(database, group_commit_ms=1)
    ledger = SqlLedger(writer)
    writer.start()
    for n, record in enumerate(records[:12]):
        said = record.intent.labels[0]
        true = "translation" if n % 4 == 0 else said
        ledger.record_outcome(OutcomeRecord(record.id, "admin", "corrected_intent", record.ts, comment=true))
    await writer.flush(10)
    await writer.aclose()


async def test_labels_make_the_pictures(site, filled, sqlite_database):
    """Twelve labels, three of them corrections: the matrix, the examples, and a cell's examples."""
    await _label(sqlite_database, filled)
    twin = (await site.get("/dashboard/intents.json?threshold=0")).json()
    page = await site.get("/dashboard/intents", headers={"accept-language": "zh"})
    cell = (await site.get("/dashboard/intents.json", params={"true": "translation", "said": "math"})).json()

    assert (12, 3) == (twin["n_labelled"], len(twin["examples"]))
    assert 30 == sum(each["n_requests"] for each in twin["intents"])
    assert 0.75 == pytest.approx(twin["tried"]["accuracy"])
    assert {("translation",)} == {tuple(each["true"]) for each in cell["examples"]}
    assert "<svg" in page.text
    assert "置信度名副其实" in page.text


async def test_nothing_yet_says_what_to_do(site):
    """An empty page gives the commands that fill it."""
    page = await site.get("/dashboard/intents")

    assert "corrected_intent" in page.text
    assert "thalamus route" in page.text


@pytest.mark.parametrize("threshold", ["-1", "2", "nan", "much"])
async def test_senseless_threshold_is_refused(site, threshold):
    """A threshold is a number from 0 to 1."""
    page = await site.get("/dashboard/intents", params={"threshold": threshold})

    assert 400 == page.status_code


async def test_labels_are_read_through_indexes(site, filled, sqlite_database, statements):
    """The page asks a fixed number of questions, however many labels there are."""
    await site.get("/dashboard/intents")
    few = len(statements)
    await _label(sqlite_database, filled)
    statements.clear()
    await site.get("/dashboard/intents")

    assert len(statements) <= few
