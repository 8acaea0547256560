"""One question, one seed, one choice: with every probability, its reasons, and no way for a damaged policy to stop it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.choosing.choose import Terms, choose, settle, standing, version_of
from router.choosing.drawing import drawn
from router.choosing.scoring import Taste
from router.choosing.starting import StartingExperience
from router.choosing.stored import candidates_json
from router.choosing.values import Expected, Offer, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

QUESTION = Question("Why is the sky blue?", language="en", n_tokens=300)
OFFERS = [
    Offer("small", input_usd=0.1, output_usd=0.4, weight=2),
    Offer("large", input_usd=3, output_usd=15),
    Offer("other"),
]


class Known:
    """An experience with fixed expectations."""

    version = "known-1"

    def __init__(self, *expected: Expected) -> None:
        self._expected = expected

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:
        del question, offers
        return self._expected


def known(*qualities: float, deviation: float = 0.05) -> Known:
    return Known(*(Expected(o.model, q, deviation, 0.001) for o, q in zip(OFFERS, qualities, strict=True)))


@pytest.mark.parametrize("method", ["thompson", "softmax", "epsilon"])
def test_same_seed_same_choice(method: str) -> None:
    """A choice made again is equal in every field."""
    terms = Terms(method=method)  # pyright: ignore[reportArgumentType]  # each is one of the three

    choices = [choose(QUESTION, OFFERS, StartingExperience(), seed=5, terms=terms) for _ in range(2)]

    assert choices[0] == choices[1]


@given(st.integers(0, 2**53), st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0, 1))
def test_every_choice_tells_the_whole_vector(seed: int, qualities: list[float], dial: float) -> None:
    """All models are ranked with a floor of 0.02, the chosen one first and the others by score."""
    found = choose(QUESTION, OFFERS, known(*qualities), seed=seed, terms=Terms(Taste(dial)))

    assert math.fsum(each.probability for each in found.ranked) == pytest.approx(1.0)
    assert min(each.probability for each in found.ranked) >= 0.02 - 1e-12
    assert {each.model for each in found.ranked} == {"small", "large", "other"}
    assert [each.score for each in found.ranked[1:]] == sorted((e.score for e in found.ranked[1:]), reverse=True)
    assert all(each.score == pytest.approx(math.fsum(each.parts.values())) for each in found.ranked)
    assert found.explored == (found.ranked[0].score < max(each.score for each in found.ranked))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_of_two_models_the_dearer_is_drawn_more_often_the_higher_the_dial(
    cheap: float, dear: float, one: float, other: float
) -> None:
    """Its probability never falls while the dial rises."""
    experience = Known(Expected("small", cheap, 0.1, 0.001), Expected("large", dear, 0.1, 0.01))

    low, high = (
        {each.model: each.probability for each in choose(
            QUESTION, OFFERS[:2], experience, seed=0, terms=Terms(Taste(dial))
        ).ranked}
        for dial in sorted((one, other))
    )  # fmt: skip

    assert high["large"] >= low["large"] - 1e-9


def test_a_tool_loop_stays_where_it_is() -> None:
    """`stay` is taken with probability 1 where it is among them; where it is not, the best is."""
    stood = standing(QUESTION, OFFERS, known(0.2, 0.9, 0.4), terms=Terms())

    stays = settle(stood, version="v", seed=1, explores=False, stay="small")
    goes = settle(stood, version="v", seed=1, explores=False, stay="gone")

    assert (stays.ranked[0].model, stays.ranked[0].probability, stays.explored) == ("small", 1.0, False)
    assert "it serves this tool loop" in stays.reasons[0]
    assert goes.ranked[0].model == "large"


def test_a_conversation_keeps_its_model_while_no_other_leads_by_much() -> None:
    """Nothing is won by another voice that is hardly better; by a much better one it is."""
    for better, stays in ((0.52, True), (0.60, False)):
        stood = standing(QUESTION, OFFERS, known(0.5, better, 0.1), terms=Terms(Taste(dial=1.0, latency_weight=0.0)))
        found = settle(stood, version="v", seed=1, explores=False, own="small")
        assert ("small" if stays else "large", 1.0) == (found.ranked[0].model, found.ranked[0].probability)


def test_without_exploration_the_best_is_taken_for_sure() -> None:
    """Its propensity is 1, the others' 0, and no seed is told since none was used."""
    found = choose(QUESTION, OFFERS, known(0.2, 0.9, 0.4), seed=1, explores=False)

    assert [(each.model, each.probability) for each in found.ranked] == [("large", 1.0), ("other", 0.0), ("small", 0.0)]
    assert (found.seed, found.explored) == (None, False)
    assert found.confidence == pytest.approx(1.0, abs=0.01)


def test_confidence_is_how_likely_the_chosen_one_is_best() -> None:
    """Two models that are alike leave one half each, the floor aside."""
    found = choose(QUESTION, OFFERS, known(0.8, 0.8, 0.1), seed=1)

    assert found.confidence == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["quality", "deviation", "cost_usd", "latency_ms"])
def test_a_damaged_policy_leaves_the_choice_to_the_weights(broken: float, field: str) -> None:
    """What is no number is never compared; the reason names the model."""
    damaged = replace(Expected("large", 0.5, 0.1, 0.1, 10.0), **{field: broken})
    experience = Known(Expected("small", 0.5, 0.1), damaged, Expected("other", 0.5, 0.1))

    found = choose(QUESTION, OFFERS, experience, seed=3)

    assert {each.model: each.probability for each in found.ranked} == pytest.approx(
        {"small": 0.5, "large": 0.25, "other": 0.25}
    )
    assert found.reasons == ("the policy expects no possible number of 'large': by weight",)


def test_a_policy_that_speaks_of_others_is_not_believed() -> None:
    """Expectations of a model that was not offered are of no use; neither is a negative deviation."""
    strange = choose(QUESTION, OFFERS[:1], Known(Expected("stranger", 1.0, 0.1)), seed=3)
    negative = choose(QUESTION, OFFERS[:1], Known(Expected("small", 1.0, -0.1)), seed=3)

    assert strange.reasons[0].startswith("the policy speaks of other models")
    assert negative.reasons[0].startswith("the policy expects no possible number")


def test_a_damaged_policy_and_no_weight_leaves_all_alike() -> None:
    """Weights of zero are no division by zero."""
    offers = [Offer("a", weight=0.0), Offer("b", weight=0.0)]

    found = choose(QUESTION, offers, Known(), seed=3)

    assert [each.probability for each in found.ranked] == [0.5, 0.5]


def test_nothing_offered_is_refused() -> None:
    """Who calls without offers is told."""
    with pytest.raises(ValueError, match="nothing to choose from"):
        choose(QUESTION, [], StartingExperience(), seed=1)


def test_reasons_show_the_parts_and_the_runner_up() -> None:
    """A person reads why, and what stood next."""
    found = choose(QUESTION, OFFERS[:2], Known(Expected("small", 0.7, 0.01, 0.1), Expected("large", 0.8, 0.01, 1.0)),
                   seed=1, explores=False)  # fmt: skip

    assert found.reasons == (
        "'small': the highest score, without exploring; score 0.685 (quality +0.700, cost -0.015)",
        "runner-up 'large': score 0.650 (quality +0.800, cost -0.150)",
    )


def test_the_version_changes_with_the_way_of_choosing_and_not_with_the_dial() -> None:
    """The dial is the request's own; all else names another policy."""
    base = version_of(Terms(), "start-1")

    assert version_of(Terms(Taste(0.9)), "start-1") == base
    assert version_of(Terms(method="softmax"), "start-1") != base
    assert version_of(Terms(Taste(latency_weight=0.3)), "start-1") != base
    assert version_of(Terms(), "known-7") != base


def test_a_replay_of_1000_decisions_from_the_books_gives_the_same_choices() -> None:
    """Eligible models in their order, the vector and the seed, as they are written, draw again what was drawn then."""
    replayed: list[str] = []
    chosen: list[str] = []
    for seed in range(1_000):
        question = replace(QUESTION, n_tokens=seed, complexity=1 + seed % 10)
        choice = choose(question, OFFERS, StartingExperience(), seed=seed, terms=Terms(Taste((seed % 11) / 10)))
        booked = {each["model"]: each["probability"] for each in json.loads(json.dumps(candidates_json(choice)))}
        vector = [booked[offer.model] for offer in OFFERS]
        replayed.append(OFFERS[drawn(vector, seed=seed)].model)
        chosen.append(choice.ranked[0].model)

    assert chosen == replayed
    assert {"small", "large", "other"} == set(chosen)


def test_choices_are_the_same_in_another_process() -> None:
    """Neither the order of a hash nor anything else of the process has a say."""
    program = (
        "from router.choosing.choose import choose\n"
        "from router.choosing.starting import StartingExperience\n"
        "from router.choosing.values import Offer, Question\n"
        "offers = [Offer(name, domains=('code', 'math'), weight=1 + at) for at, name in enumerate('abc')]\n"
        "asked = Question('', domain='math', intents=('code', 'proof'), has_code=True)\n"
        "for seed in range(200):\n"
        "    print(choose(asked, offers, StartingExperience(), seed=seed))\n"
    )

    told = [
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": salt}
        ).stdout
        for salt in ("1", "2")
    ]

    assert told[0] == told[1]
    assert len(told[0].splitlines()) == 200


def test_below_half_the_threshold_weights_draw() -> None:
    """Three models that are alike: nobody is surely the best, and what was configured counts."""
    alike = known(0.5, 0.5, 0.5)
    by_score = choose(QUESTION, OFFERS, alike, seed=1, terms=Terms(Taste(dial=1.0)))
    by_weight = choose(QUESTION, OFFERS, alike, seed=1, terms=Terms(Taste(dial=1.0), threshold=0.9))

    assert {"small": 0.5, "large": 0.25, "other": 0.25} == {each.model: each.probability for each in by_weight.ranked}
    assert "not sure enough: 100 % by weight" == by_weight.reasons[-1]
    assert 0.45 > max(each.probability for each in by_score.ranked)
    assert by_score.version != by_weight.version


def test_the_threshold_leaves_a_sure_choice_and_every_score_alone() -> None:
    """It only says whether a difference is enough to act upon."""
    for qualities in ((0.2, 0.95, 0.4), (0.5, 0.6, 0.5)):
        stood = [standing(QUESTION, OFFERS, known(*qualities), terms=Terms(threshold=each)) for each in (0.0, 0.7)]
        assert stood[0].scores == stood[1].scores
        if qualities[1] > 0.9:
            assert (1.0, stood[0].probabilities) == (stood[1].trust, stood[1].probabilities)


@given(st.floats(0.01, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.02))
def test_a_threshold_tips_nothing_at_once(threshold: float, one: float, other: float, little: float) -> None:
    """A little more of an expectation moves the draw by little, floor and sum are kept."""
    terms = Terms(threshold=threshold)
    before, after = (
        standing(QUESTION, OFFERS, known(one, q, 0.5), terms=terms) for q in (other, min(1, other + little))
    )
    learned = [standing(QUESTION, OFFERS, known(one, q, 0.5), terms=Terms()) for q in (other, min(1, other + little))]
    moved = max(abs(a - b) for a, b in zip(before.probabilities, after.probabilities, strict=True))
    best_moved = max(abs(a - b) for a, b in zip(learned[0].p_best, learned[1].p_best, strict=True))

    assert moved <= (1 + 2 / threshold) * best_moved + 1e-9
    assert math.isclose(1.0, sum(after.probabilities))
    assert min(after.probabilities) >= 0.02 - 1e-9
