"""What a log takes in, and what it sets aside and counts."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from router.choosing.values import Question
from router.offpolicy.encoding import WIDTH, encoded
from router.offpolicy.logged import log_of, with_encodings
from tests.router.offpolicy.worlds import decided

ROW = decided("1", chosen="large", probabilities=(0.6, 0.3, 0.1), reward=1.0, cost=0.5)


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("no_probabilities", {"probabilities": None}),
        ("broken", {"probabilities": (0.5, 0.5)}),
        ("broken", {"probabilities": (nan, 0.5, 0.5)}),
        ("broken", {"probabilities": (inf, 0.0, 0.0)}),
        ("broken", {"probabilities": (-0.5, 1.0, 0.5)}),
        ("broken", {"probabilities": (0.5, 0.2, 0.1)}),
        ("broken", {"probabilities": (0.0, 0.0, 0.0)}),
        ("broken", {"probabilities": (), "eligible": ()}),
        ("broken", {"chosen": "unheard of"}),
        ("broken", {"eligible": ("large", "large", "small")}),
        ("impossible", {"probabilities": (0.0, 0.5, 0.5)}),
        ("one_model", {"probabilities": (1.0,), "eligible": ("large",)}),
        ("no_draw", {"probabilities": (1.0, 0.0, 0.0)}),
    ],
)
def test_decisions_that_can_tell_nothing_are_set_aside(why, changes):
    """Nothing is assumed of them: least of all that every model was as likely."""
    log = log_of([ROW, replace(ROW, id="2", **changes)])

    assert (1, {why: 1}) == (len(log), log.set_aside)


def test_a_decision_counts_once():
    """Where an id comes twice, the first row stands."""
    log = log_of([ROW, replace(ROW, reward=0.0), replace(ROW, id="2")])

    assert (2, {"duplicate": 1}) == (len(log), log.set_aside)
    assert [1.0, 1.0] == log.rewards.tolist()


@pytest.mark.parametrize("wrong", [nan, inf, -0.1, 1.1])
def test_a_reward_that_is_none_is_unknown(wrong):
    """Not 0, not cut to size; the decision itself stays. A cost has no upper bound."""
    log = log_of([replace(ROW, reward=wrong, cost_usd=wrong)])

    assert np.isnan(log.rewards[0])
    assert np.isnan(log.costs_usd[0]) == (wrong != 1.1)


def test_rows_are_laid_out_by_the_names_of_models():
    """Models are sorted; who is not eligible has probability 0; who only served has a column too."""
    row = replace(
        ROW, eligible=("small", "large"), probabilities=(0.25, 0.75), served="other", expected={"small": 0.5, "x": 1.0}
    )
    log = log_of([row, replace(row, id="2", served=None)])

    assert ("large", "other", "small") == log.models
    assert [0.75, 0.0, 0.25] == log.probabilities[0].tolist()
    assert [True, False, True] == log.eligible[0].tolist()
    assert [1, -1] == log.served.tolist()
    assert [0, 0] == log.conversations.tolist()
    assert 0.5 == log.expected[0, 2]
    assert np.isnan(log.expected[0, :2]).all()


def test_an_empty_log_is_a_log():
    """Of no decisions and no models."""
    log = log_of([])

    assert (0, (), (0, WIDTH)) == (len(log), log.models, log.encodings.shape)


def test_encodings_can_be_others():
    """Whoever knows the text knows more than the books keep."""
    log = with_encodings(log_of([ROW]), np.ones((1, 3)))

    assert (1, 3) == log.encodings.shape


def test_questions_become_bounded_numbers():
    """Languages and domains differ, absurd figures are cut, and lone surrogates are names like any other."""
    questions = (
        Question("", language="zh", domain="code", intents=("a", "b"), complexity=99, n_tokens=10**12, has_code=True),
        Question("", language="en", domain="\ud800", complexity=-1, n_tokens=-5),
        Question(""),
    )
    found = encoded(questions)

    assert (3, WIDTH) == found.shape
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 5
    assert 3 == len({tuple(each) for each in found.tolist()})
