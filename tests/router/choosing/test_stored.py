"""What the books keep of a choice is read back as the same question, and tells what would have flipped it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.choosing.choose import Terms, choose
from router.choosing.scoring import Taste, flipping_dial
from router.choosing.starting import StartingExperience
from router.choosing.stored import candidates_json, expected_json, question_from, question_json, runner_up_json
from router.choosing.values import Choice, Expected, Offer, Question, Ranked

QUESTION = Question("secret words", "zh", "math", ("payment",), 7, 900, True, True, True, True, "followup", "sk-1")
OFFERS = [Offer("small", input_usd=0.1, output_usd=0.4), Offer("large", input_usd=3, output_usd=15)]


def test_a_question_comes_back_without_its_text() -> None:
    """All that is learned from survives JSON; nobody's words are in it."""
    stored = json.loads(json.dumps(question_json(QUESTION)))

    assert "secret" not in json.dumps(stored)
    assert question_from(stored, caller="sk-1") == replace(QUESTION, text="")


def test_asking_for_none_of_the_intents_is_no_intent() -> None:
    """Else all that asks for none would be one topic, and what was learned of one domain would move all others."""
    stored = question_json(replace(QUESTION, intents=("none",)))

    assert () == question_from(stored).intents


@given(st.dictionaries(st.sampled_from(sorted(question_json(QUESTION))), st.none() | st.booleans() | st.text()))
def test_damaged_rows_are_as_if_unknown(stored: dict[str, object]) -> None:
    """Whatever stands there, a question comes out."""
    found = question_from(stored)

    assert isinstance(found.complexity, int)
    assert isinstance(found.language, str)


def test_candidates_tell_their_parts() -> None:
    """Each with probability, score, its parts, and what was expected."""
    choice = choose(QUESTION, OFFERS, StartingExperience(), seed=1)

    first = candidates_json(choice)[0]

    assert set(first) >= {
        "model", "probability", "score", "parts", "predicted_quality", "deviation", "expected_cost_usd",
        "expected_latency_ms", "n", "reasons",
    }  # fmt: skip
    assert expected_json(choice)[str(first["model"])] == first["predicted_quality"]


def test_a_candidate_of_whom_nothing_is_expected_is_told_plainly() -> None:
    """A choice may rest on weights alone."""
    choice = Choice((Ranked("a", 1.0, 0.5),), "v")

    assert candidates_json(choice) == [{"model": "a", "probability": 1.0, "score": 0.5, "parts": {}}]
    assert expected_json(choice) == {}
    assert runner_up_json(choice, dial=0.5) is None


def expected(model: str, quality: float, cost: float) -> Expected:
    return Expected(model, quality, 0.01, cost)


class Fixed:
    """Two models, the cheap one a little worse."""

    version = "fixed"

    def expect(self, question: object, offers: object) -> tuple[Expected, ...]:
        del question, offers
        return (expected("small", 0.7, 0.1), expected("large", 0.8, 1.0))


def test_the_runner_up_would_win_at_the_dial_that_is_told() -> None:
    """On either side of that dial another model scores higher."""
    told = runner_up_json(choose(QUESTION, OFFERS, Fixed(), seed=1, explores=False), dial=0.5)
    assert told is not None
    flips = told["flips_at_dial"]
    assert isinstance(flips, float)

    sides = [
        choose(QUESTION, OFFERS, Fixed(), seed=1, explores=False, terms=Terms(Taste(flips + step))).ranked[0].model
        for step in (-0.01, 0.01)
    ]

    assert sides == ["small", "large"]
    assert flips == pytest.approx(0.548, abs=0.001)
    assert told["margin"] == pytest.approx(0.035)


def test_no_dial_is_told_where_the_runner_up_scores_higher_already() -> None:
    """The seed, or the judge, put the chosen one first: the dial at which both score alike would change nothing."""
    found = next(
        each
        for seed in range(1000)
        if (each := choose(QUESTION, OFFERS, Fixed(), seed=seed, terms=Terms(Taste(0.6)))).explored
    )

    told = runner_up_json(found, dial=0.6)

    assert told is not None
    assert isinstance(told["margin"], float)
    assert told["margin"] < 0
    assert told["flips_at_dial"] is None


def test_no_dial_flips_what_costs_alike_or_is_better_at_any_price() -> None:
    """Then none is told, nor where costs do not show."""
    one, other = {"quality": 0.9, "cost": -0.1}, {"quality": 0.5, "cost": -0.1}

    assert flipping_dial(one, other, 0.5) is None
    assert flipping_dial(one, {"quality": 0.5, "cost": -0.15}, 0.5) is None
    assert flipping_dial(one, other, 1.0) is None
    assert flipping_dial({"weight": 0.5}, other, 0.5) is None
