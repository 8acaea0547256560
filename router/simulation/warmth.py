"""A start with some questions answered by all models and judged, then ratings of the chosen model only.

After how many of these is the policy better than the best single model, and stays so?
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from router.choosing.values import Lesson
from router.simulation.players import lesson_of
from router.simulation.run import worth
from router.simulation.world import day_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from router.simulation.players import Player
    from router.simulation.scenario import Scenario
    from router.simulation.world import Day

    Array = NDArray[np.float64]

N_LABELLED: Final = 200
CHECKPOINTS: Final = (0, 50, 100, 200, 300, 500, 1000)
"""Ratings after which the policy is asked what it would choose."""
N_HELD_OUT: Final = 1000
"""Questions on which it is asked; nobody rates those."""
LABELLED_ON, RATED_ON, ASKED_ON = 101, 102, 103
"""Days that no run has."""


@dataclass(frozen=True, slots=True)
class Warmth:
    """One run."""

    gains: Array
    """(checkpoints,): worth of the policy's favourites on the held-out questions, less the best single model's."""

    @property
    def lasting_from(self) -> int | None:
        """The number of ratings from which on each checkpoint is a win, `None` where the last one is none."""
        found: int | None = None
        for ratings, gain in zip(reversed(CHECKPOINTS), reversed(self.gains.tolist()), strict=True):
            if gain <= 0:
                break
            found = ratings
        return found


def warmed(
    scenario: Scenario,
    player: Player,
    *,
    seed: int,
    n_labelled: int = N_LABELLED,
    told: Callable[[], None] = lambda: None,
) -> Warmth:
    """Return how a player does that begins with fully labelled questions; `told` is called at each checkpoint."""
    held_out = day_of(_sized(scenario, N_HELD_OUT), ASKED_ON, seed=seed)
    if n_labelled:
        player.learn(_labels(scenario, day_of(_sized(scenario, n_labelled), LABELLED_ON, seed=seed)), hour=0)
    day = day_of(_sized(scenario, CHECKPOINTS[-1]), RATED_ON, seed=seed)
    seeds = np.random.default_rng((seed, 2)).integers(0, 1 << 62, len(day.questions)).tolist()
    gains = [_gain(scenario, player, held_out)]
    for first, last in pairwise(CHECKPOINTS):
        told()
        for start in range(first, last, 10):
            lessons: list[Lesson] = []
            for at in range(start, min(start + 10, last)):
                picked = player.choose(day.questions[at], seed=seeds[at])
                name, stars = scenario.models[picked.place].name, int(day.told[at, picked.place])
                lessons.append(lesson_of(f"rated-{at}", day.questions[at], name, stars, picked.probability))
            player.learn(lessons, hour=1)
        gains.append(_gain(scenario, player, held_out))
    told()
    return Warmth(np.array(gains))


def _sized(scenario: Scenario, n: int) -> Scenario:
    """Return the scenario with days of exactly `n` questions."""
    return replace(scenario, requests_per_day=n, played_per_day=n, feedback=replace(scenario.feedback, share=0.0))


def _gain(scenario: Scenario, player: Player, day: Day) -> float:
    value = worth(day.quality, day.cost_usd, scenario.dial)
    chosen = np.array([player.choose(each, seed=0).favourite for each in day.questions])
    return float(value[np.arange(len(chosen)), chosen].mean() - value.mean(0).max())


def _labels(scenario: Scenario, day: Day) -> list[Lesson]:
    """Return what a judge says of every model's answers: right or not, and it does not err."""
    return [
        Lesson(
            f"label-{at}-{model.name}", replace(question, text="", caller=None), model.name, float(day.right[at, place])
        )
        for at, question in enumerate(day.questions)
        for place, model in enumerate(scenario.models)
    ]
