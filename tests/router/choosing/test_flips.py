"""A stored choice run again, and the single changes that would have favoured another model."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.choosing.choose import Terms, choose
from router.choosing.eligibility import RESTING
from router.choosing.flips import Change, Options, applied, flips_json, flips_of
from router.choosing.rerun import CLOSE, rerun_of
from router.choosing.scoring import Taste
from router.choosing.starting import StartingExperience
from router.choosing.stored import candidates_json, question_json
from router.choosing.values import Expected, Offer, Question

OPTIONS = Options(domains=("code", "math"), intents=("billing", "code"))
CHEAP = Offer("cheap", domains=("code",), input_usd=0.1, output_usd=0.4, weight=3.0, latency_ms=300.0)
GOOD = Offer("good", domains=("billing",), input_usd=3.0, output_usd=15.0, weight=3.0, latency_ms=2_000.0)
ASKED = Question("", language="en", domain="math", complexity=3, n_tokens=900)


class Learned:
    """Prefers one model for a domain, another else; says so surely."""

    version = "l1"

    def expect(self, question, offers):
        best = "cheap" if question.domain == "code" or question.complexity > 6 else "good"
        return tuple(
            Expected(each.model, 0.9 if each.model == best else 0.4, 0.05, 0.001 * question.n_tokens, each.latency_ms)
            for each in offers
        )


def booked(question, offers, experience, *, terms=None, explores=True, warm=None, excluded=None):
    """Return a decision as the books give it back."""
    choice = choose(question, offers, experience, seed=1, terms=terms, explores=explores, warm=warm)
    by_model = {each.model: each.probability for each in choice.ranked}
    row = {
        "eligible": [each.model for each in offers],
        "probabilities": [by_model[each.model] for each in offers],
        "seed": choice.seed,
        "features": {
            "question": question_json(question),
            "dial": (terms or Terms()).taste.dial,
            "candidates": candidates_json(choice),
            "excluded": excluded or {},
        },
    }
    return msgspec.json.decode(msgspec.json.encode(row))


def again(row, offers, experience, terms=None):
    return rerun_of(row, offers={each.model: each for each in offers}, experience=experience, terms=terms or Terms())


numbers = st.floats(0.0, 20.0, allow_nan=False)
offers = st.lists(
    st.builds(
        Offer,
        st.sampled_from(["a", "b", "c", "d"]),
        domains=st.lists(st.sampled_from(["code", "math", "billing"]), max_size=2).map(tuple),
        input_usd=numbers,
        output_usd=numbers,
        weight=st.floats(0.1, 5.0),
        latency_ms=st.none() | st.floats(50.0, 20_000.0),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda each: each.model,
)
questions = st.builds(
    Question,
    st.just(""),
    language=st.sampled_from(["", "zh", "en"]),
    domain=st.sampled_from(["", "code", "math"]),
    intents=st.sampled_from([(), ("billing",)]),
    complexity=st.integers(1, 10),
    n_tokens=st.integers(0, 30_000),
    has_code=st.booleans(),
)
terms = st.builds(
    Terms,
    st.builds(Taste, st.floats(0.0, 1.0), st.floats(0.0, 0.3), st.floats(0.0, 0.3)),
    method=st.sampled_from(["thompson", "softmax", "epsilon"]),
)


@settings(max_examples=60, deadline=None)
@given(questions, offers, terms, st.booleans(), st.booleans())
def test_a_shown_change_does_flip_the_choice_when_the_policy_runs_with_it(question, offered, how, explores, is_warm):
    """Each of them, alone: another model is the most probable one, with the probability that was told."""
    row = booked(
        question,
        offered,
        StartingExperience(),
        terms=how,
        explores=explores,
        warm=offered[0].model if is_warm else None,
    )
    rerun = again(row, offered, StartingExperience(), how)
    favourite = rerun.favourite()

    for flip in flips_of(rerun, OPTIONS):
        changed = applied(rerun, flip.change)
        assert favourite != changed.favourite() == flip.model
        assert flip.probability == changed.probabilities()[flip.model]
        assert flip.change.before != flip.change.after


@settings(max_examples=60, deadline=None)
@given(questions, offers, terms)
def test_a_stored_choice_run_again_is_the_choice_that_was_made(question, offered, how):
    """The books hold what it takes, whatever weights the settings have by now."""
    row = booked(question, offered, StartingExperience(), terms=how)
    rerun = again(row, offered, StartingExperience(), replace(how, taste=Taste(0.9, how.taste.latency_weight)))
    probabilities = rerun.probabilities()

    for name, stored in zip(row["eligible"], row["probabilities"], strict=True):
        assert stored == pytest.approx(probabilities[name], abs=CLOSE)


def test_what_was_learned_for_another_domain_or_complexity_flips():
    """The difference that today's experience sees is added to what was expected then."""
    row = booked(ASKED, (CHEAP, GOOD), Learned())
    found = {
        (each.change.feature, each.change.after): each.model
        for each in flips_of(again(row, (CHEAP, GOOD), Learned()), OPTIONS)
    }

    assert "cheap" == found["domain", "code"]
    assert "cheap" == found["complexity", 7]
    assert "cheap" == found["health", "resting"]
    assert ("domain", "billing") not in found
    assert ("complexity", 8) not in found


def test_the_dial_is_told_to_the_third_digit():
    """A little less turns to the cheap model, a little more does not."""
    row = booked(ASKED, (CHEAP, GOOD), StartingExperience(), terms=Terms(Taste(0.8)))
    rerun = again(row, (CHEAP, GOOD), StartingExperience())
    [flip] = [each for each in flips_of(rerun, OPTIONS) if each.change.feature == "dial"]
    nearer = applied(rerun, replace(flip.change, after=flip.change.after + 0.002))

    assert ("good", "cheap", 0.8) == (rerun.favourite(), flip.model, flip.change.before)
    assert "good" == nearer.favourite()


def test_a_model_that_rested_comes_back_as_it_is_expected_now():
    """One that was left out for another reason as well stays out."""
    excluded = {"good": [RESTING], "blind": ["it has no vision", RESTING]}
    row = booked(ASKED, (CHEAP,), Learned(), excluded=excluded)
    rerun = again(row, (CHEAP, GOOD), Learned())

    assert ["good"] == [each.model for each in rerun.resting]
    assert [Change("health", "resting", "healthy", "good")] == [each.change for each in flips_of(rerun, OPTIONS)]
    with pytest.raises(ValueError, match="nobody"):
        applied(rerun, Change("health", "healthy", "resting", "cheap"))


@pytest.mark.parametrize(
    "features",
    [
        None,
        [],
        {},
        {"candidates": [], "question": {}},
        {"candidates": [{"model": "a"}], "question": {}},
        {"candidates": [{"model": "a", "predicted_quality": True, "deviation": "x"}], "question": {}},
        {"candidates": [{"model": "a", "predicted_quality": 0.5, "deviation": 0.1}]},
        {"candidates": "odd", "question": {}},
    ],
)
def test_what_no_policy_decided_is_not_run_again(features):
    """A rule, a name, the weights, or books of an older version."""
    assert again({"features": features, "eligible": None}, (), StartingExperience()) is None


def test_books_that_lack_a_part_are_read_as_far_as_they_go():
    """Without a dial, parts or an order of those who could be chosen, the rest stands."""
    candidates = [{"model": "a", "predicted_quality": 0.7, "deviation": 0.0, "parts": None}]
    row = {"features": {"candidates": candidates, "question": {}, "excluded": {"b": "odd"}}, "eligible": None}
    rerun = again(row, (), StartingExperience())

    assert ({"a": 1.0}, Taste(), ()) == (rerun.probabilities(), rerun.terms.taste, rerun.resting)


def test_flips_are_told_as_plain_values():
    """As the page and its twin show them."""
    row = booked(ASKED, (CHEAP, GOOD), Learned())
    told = flips_json(flips_of(again(row, (CHEAP, GOOD), Learned()), OPTIONS))

    assert {"feature", "before", "after", "of", "model", "probability"} == set(told[0])
    assert told == msgspec.json.decode(msgspec.json.encode(told))
