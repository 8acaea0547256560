from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.choosing.choose import Terms, settle, standing
from router.choosing.drawing import drawn, with_floor
from router.choosing.values import Choice, Offer, Question
from router.judge.mixing import bounded, followed, mixed, weight_of
from router.judge.values import Verdict
from tests.router.judge.cases import MODELS, Guess, chosen


def follow(choice: Choice, verdict: Verdict, *, trust: float) -> tuple[Choice, Mapping[str, float]]:
    expected = Guess(*(each.expected.quality for each in sorted(choice.ranked, key=lambda each: each.model)))
    stood = standing(Question("hi"), [Offer(name) for name in MODELS], expected, terms=Terms())
    return followed(choice, verdict, trust=trust, chances=dict(zip(MODELS, stood.probabilities, strict=True)))


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=12).filter(lambda each: sum(each) > 0.01),
    st.floats(0, 1),
    st.data(),
)
def test_mixed_probabilities_stay_probabilities(parts, weight, data):
    """They sum to 1, none falls below its floor, the named one never falls and no other one ever rises."""
    before = with_floor([each / sum(parts) for each in parts])
    position = data.draw(st.integers(0, len(before) - 1))
    after = mixed(before, position, weight=weight)

    assert pytest.approx(1.0) == sum(after)
    assert min(after) >= min(*before, 0.02) - 1e-12
    for i, (old, new) in enumerate(zip(before, after, strict=True)):
        assert new >= old - 1e-12 if i == position else new <= old + 1e-12


def test_weight_one_leaves_the_others_their_floor():
    """A judge that is trusted wholly and is sure takes all but the floors."""
    assert pytest.approx((0.02, 0.96, 0.02)) == mixed((0.5, 0.3, 0.2), 1, weight=1.0)


def test_weight_zero_changes_nothing():
    """Without trust nothing moves."""
    assert (0.5, 0.3, 0.2) == mixed((0.5, 0.3, 0.2), 1, weight=0.0)


@pytest.mark.parametrize(("confidence", "weight"), [(1.0, 0.8), (0.5, 0.4), (0.0, 0.0), (None, 0.4)])
def test_weight_is_confidence_times_trust(confidence, weight):
    """A verdict without a confidence counts as one that is half sure."""
    assert pytest.approx(weight) == weight_of(Verdict("a", confidence), trust=0.8)


def test_stored_vector_and_seed_give_the_same_model_again():
    """1,000 choices: the model that is tried first is the one that its own vector and seed draw."""
    for seed in range(1000):
        choice = follow(chosen(0.5, 0.5, 0.4, seed=seed), Verdict("b", 0.7), trust=0.8)[0]
        probability = {each.model: each.probability for each in choice.ranked}

        assert MODELS[drawn([probability[name] for name in MODELS], seed=seed)] == choice.ranked[0].model


def test_models_are_drawn_as_often_as_their_vector_says():
    """Over many seeds, each model's share is its recorded probability: the propensity is true."""
    rng, n = Random(7), 2000
    choices = [
        follow(chosen(0.5, 0.5, 0.4, seed=rng.getrandbits(53)), Verdict("c", 0.6), trust=0.5)[0] for _ in range(n)
    ]
    recorded = {each.model: each.probability for each in choices[0].ranked}

    for name in MODELS:
        share = sum(each.ranked[0].model == name for each in choices) / n
        assert pytest.approx(recorded[name], abs=0.04) == share


def test_choice_says_what_the_judge_did():
    """The named model rises, its rise is told in words, and drawing it is no exploration."""
    before = chosen(0.6, 0.5, 0.4)
    after = next(
        each
        for seed in range(50)
        if (each := follow(chosen(0.6, 0.5, 0.4, seed=seed), Verdict("c", 1.0), trust=0.8)[0]).ranked[0].model == "c"
    )
    was = next(each.probability for each in before.ranked if each.model == "c")

    assert after.ranked[0].probability > 0.7 > was
    assert not after.explored
    assert after.confidence >= 0.8
    assert f"the judge named 'c': its probability went from {was:.2f} to" in after.reasons[0]
    assert sorted((each.score for each in after.ranked[1:]), reverse=True) == [each.score for each in after.ranked[1:]]


@pytest.mark.parametrize(("confidence", "first"), [(1.0, "c"), (0.1, "a")])
def test_choice_without_a_draw_goes_to_the_likeliest(confidence, first):
    """Where nothing is drawn, the named model is taken if it is the likeliest now, with probability 1."""
    before = chosen(0.6, 0.5, 0.4, explores=False)
    after, chances = follow(before, Verdict("c", confidence), trust=0.8)

    assert (first, 1.0) == (after.ranked[0].model, after.ranked[0].probability)
    assert [0.0, 0.0] == [each.probability for each in after.ranked[1:]]
    assert (None, False) == (after.seed, after.explored)
    assert pytest.approx(1.0) == sum(chances.values())


@pytest.mark.parametrize("confidence", [0.1, 0.5, 1.0])
def test_no_verdict_lifts_a_new_model_above_its_ceiling(confidence):
    """Drawn, it gets what it may at most; where nothing is drawn, it is not taken."""

    class New(Guess):
        def expect(self, question, offers):
            *known, last = super().expect(question, offers)
            return (*known, replace(last, newcomer=10.0))

    stood = standing(Question("hi"), [Offer(name) for name in MODELS], New(0.6, 0.5, 0.4), terms=Terms())
    chances = dict(zip(MODELS, stood.probabilities, strict=True))
    for explores in (True, False):
        choice = settle(stood, version="v", seed=1, explores=explores)
        found, after = followed(choice, Verdict("c", confidence), trust=1.0, chances=chances)

        assert chances["c"] < after["c"] <= 0.28 + 1e-9
        assert pytest.approx(1.0) == sum(after.values())
        assert explores or found.ranked[0].model == "a"


def test_a_new_model_that_has_all_it_may_gets_no_more():
    """Nor is anything taken from the others."""
    assert 0.0 == bounded((0.4, 0.4, 0.2), 2, 0.2)
    assert 1.0 == bounded((0.4, 0.4, 0.2), 2, None)
    assert 1.0 == bounded((0.02, 0.02, 0.96), 2, 0.2)


def test_a_lower_floor_of_the_settings_leaves_the_others_less():
    """What the policy gives each at least is what stays with each, not a constant."""
    choice = chosen(0.5, 0.5, 0.5, seed=1)
    chances = dict.fromkeys(MODELS, 1 / 3)
    after = followed(choice, Verdict("b", 1.0), trust=1.0, chances=chances, floor=0.001)[1]

    assert pytest.approx((0.001, 0.998, 0.001)) == tuple(after.values())


def test_after_a_verdict_a_new_model_is_tried_last_too():
    """As before it: unless it is drawn, or the conversation is its own."""
    choice = chosen(0.5, 0.5, 0.9, seed=1)
    held = replace(
        choice,
        ranked=tuple(
            replace(each, expected=replace(each.expected, ceiling=0.2)) if each.model == "c" else each
            for each in choice.ranked
        ),
    )
    chances = {"a": 0.02, "b": 0.96, "c": 0.02}
    order, own = (
        [each.model for each in followed(held, Verdict("b", 1.0), trust=1.0, chances=chances, own=own)[0].ranked]
        for own in (None, "c")
    )

    assert (["b", "a", "c"], ["b", "c", "a"]) == (order, own)
