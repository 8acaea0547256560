from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from router.choosing.choose import Terms
from router.choosing.scoring import Taste
from router.choosing.starting import StartingExperience
from router.simulation.figures import slope
from router.simulation.players import Always, Learned, lesson_of
from router.simulation.run import MEASURES, best_static, measured, play, worth
from router.simulation.scenario import fixed_scenario
from router.simulation.world import day_of, offers_of

SCENARIO = replace(fixed_scenario(), requests_per_day=240, played_per_day=230)


class _Listening(Always):
    def __init__(self, place):
        super().__init__(place)
        self.lessons = []

    def learn(self, lessons, *, hour):
        self.hour = hour
        self.lessons.extend(lessons)


def test_expert_agrees_with_himself():
    """Who knows the truth agrees with the expert always, and is right more often than any single model."""
    day = day_of(SCENARIO, 1, seed=0)
    expert = worth(day.foreseen, day.cost_usd, SCENARIO.dial).argmax(1)
    found = dict(zip(MEASURES, measured(day, expert, expert, dial=SCENARIO.dial).tolist(), strict=True))
    alone = np.full(len(expert), best_static(SCENARIO, seed=0, days=1))
    single = measured(day, alone, alone, dial=SCENARIO.dial)

    assert (1.0, 1.0) == (found["favourite"], found["agreement"])
    assert found["best"] > 0.8
    assert found["quality"] > single[MEASURES.index("quality")] + 0.1


def test_dial_makes_cheap_models_worth_more():
    """At the cheap end the expert takes the cheapest model."""
    day = day_of(SCENARIO, 1, seed=0)

    assert 3 == np.bincount(worth(day.quality, day.cost_usd, 0.0).argmax(1)).argmax()


def test_same_seed_gives_the_same_run():
    """A run can be played again."""
    runs = [
        play(SCENARIO, Learned(offers_of(SCENARIO), StartingExperience(), terms=Terms()), seed=3, days=1)
        for _ in range(2)
    ]

    assert (runs[0].measures == runs[1].measures).all()
    assert (runs[0].shares == runs[1].shares).all()


def test_curve_is_flat_without_learning():
    """With learning off, ten days change nothing: what rises elsewhere is learned."""
    terms = Terms(Taste(dial=SCENARIO.dial))
    runs = [
        play(SCENARIO, Learned(offers_of(SCENARIO), StartingExperience(), terms=terms), seed=seed, days=4)
        for seed in range(4)
    ]
    found = slope(runs, MEASURES.index("agreement"))

    assert found.low < 0.0 < found.high
    assert abs(found.value) < 0.02


def test_only_the_served_model_is_rated_and_no_text_is_kept():
    """A lesson holds the model that answered, the stars as a reward, and no word of the question."""
    told = []
    player = _Listening(1)
    found = play(SCENARIO, player, seed=0, days=2, told=lambda: told.append(None))

    assert {"bamboo"} == {each.model for each in player.lessons}
    assert {""} == {each.question.text for each in player.lessons}
    assert (2, len(player.lessons)) == (len(told), found.n_ratings)
    assert 1.0 == found.shares[0][1]
    assert player.hour <= 48


@pytest.mark.parametrize(("stars", "reward"), [(1, 0.0), (3, 0.5), (5, 1.0)])
def test_stars_become_rewards(stars, reward):
    """One star is 0, five are 1."""
    question = day_of(SCENARIO, 1, seed=0).questions[0]

    assert reward == lesson_of("d", question, "a", stars, 0.5).reward


def test_favourite_is_chosen_without_dice():
    """Whatever is drawn, the favourite stays."""
    question = day_of(SCENARIO, 1, seed=0).questions[0]
    player = Learned(offers_of(SCENARIO), StartingExperience(), terms=Terms(Taste(dial=1.0)))
    player.learn([], hour=1)

    picked = [player.choose(replace(question, domain="business"), seed=seed) for seed in range(30)]

    assert {0} == {each.favourite for each in picked}
    assert len({each.place for each in picked}) > 1
