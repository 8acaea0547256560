from __future__ import annotations

from random import Random

import pytest

from classifier.calibration import Interval
from classifier.verdict import FEWEST, Pair, Word, verdict

SURE = Word(("a",), 0.98, abstained=False)
OTHER = Word(("b",), 0.98, abstained=False)
UNSURE = Word(("a",), 0.4, abstained=True)


def _pairs(*kinds: tuple[int, Word, Word]) -> list[Pair]:
    found = [(live, candidate) for n, live, candidate in kinds for _ in range(n)]
    return [Pair(str(at), live, candidate) for at, (live, candidate) in enumerate(found)]


def test_nothing_is_said_before_five_hundred_requests() -> None:
    """One fewer is too few, however well they agree."""
    assert ("only 499 of 500 requests were compared",) == verdict(_pairs((FEWEST - 1, SURE, SURE)), {}).reasons
    assert verdict(_pairs((FEWEST, SURE, SURE)), {}).passes
    assert 0 == verdict([], {}).n


def test_the_same_model_passes_whatever_it_says() -> None:
    """Against itself: full agreement, no difference of coverage, and no Brier score lost."""
    rng = Random(3)
    words = [Word((rng.choice("ab"),), rng.random(), abstained=rng.random() < 0.2) for _ in range(800)]
    found = verdict([Pair(str(at), word, word) for at, word in enumerate(words)], {})

    assert found.passes
    assert (1.0, 0.0) == (found.agreement.value, found.coverage.value)
    assert Interval(0.0, 0.0, 0.0) == Interval(*(pytest.approx(each, abs=1e-12) for each in _of(found.brier)))


def test_a_model_that_disagrees_is_held_back() -> None:
    """The lower end of the interval counts, not the share itself."""
    found = verdict(_pairs((480, SURE, SURE), (20, SURE, OTHER)), {})

    assert 0.96 == found.agreement.value
    assert found.agreement.low < 0.95
    assert found.reasons[0].startswith("agreement may be as low as 0.9")


def test_a_model_that_answers_less_is_held_back() -> None:
    """Labels of an abstention are guesses: they count neither for nor against agreement."""
    found = verdict(_pairs((500, SURE, SURE), (60, SURE, UNSURE)), {})

    assert (560, 500, 1.0) == (found.n, found.n_both, found.agreement.value)
    assert any("of the requests fewer" in each for each in found.reasons)


def test_a_model_whose_confidence_does_not_fit_is_held_back() -> None:
    """Over- or underconfident, as the live model's confidence sees it."""
    for wrong in (Word(("a",), 0.5, abstained=False), Word(("a",), 0.7, abstained=False)):
        reasons = verdict(_pairs((600, SURE, wrong)), {}).reasons
        assert ["its confidence may be worse"] == [each[:27] for each in reasons]
    doubtful = Word(("a",), 0.7, abstained=False)

    assert not verdict(_pairs((600, doubtful, SURE)), {}).passes


def test_corrections_are_judged_where_there_are_enough() -> None:
    """A hundred of them may hold back what agreement alone lets pass, and fewer are only shown."""
    pairs = _pairs((980, SURE, SURE), (12, SURE, OTHER))
    truths = {each.decision_id: frozenset({"a"}) for each in pairs[-112:]}
    few = dict(list(truths.items())[-50:])

    assert verdict(pairs, {}).passes
    assert verdict(pairs, few).passes
    assert 50 == verdict(pairs, few).n_truths
    found = verdict(pairs, truths)
    assert 112 == found.n_truths
    assert ["on corrected decisions"] * 2 == [each[:22] for each in found.reasons]
    better = {each.decision_id: frozenset(each.candidate.labels) for each in pairs[-112:]}
    assert verdict(pairs, better).passes


def _of(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high
