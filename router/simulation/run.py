"""Days of a scenario played through by whoever chooses, and what they came to, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from router.choosing.scoring import cost_weight
from router.simulation.players import lesson_of
from router.simulation.world import day_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from router.choosing.values import Lesson
    from router.simulation.players import Player
    from router.simulation.scenario import Scenario
    from router.simulation.world import Day

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]

HOURS: Final = 24
"""Into which a day is cut; what is said of an answer is learned from the next hour on."""
SATISFIED: Final = 4
"""Stars from which on a reader is satisfied."""
MEASURES: Final = ("favourite", "agreement", "best", "right", "satisfied", "quality", "cost_usd")
FAVOURITE, AGREEMENT, BEST, RIGHT, SATISFACTION, QUALITY, COST_USD = range(len(MEASURES))


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one player's days."""

    measures: Array
    """(days, 7): means of `MEASURES` over a day's questions."""
    shares: Array
    """(days, k): share of the questions that each model answered."""
    n_ratings: int


def play(
    scenario: Scenario, player: Player, *, seed: int, days: int, told: Callable[[], None] = lambda: None
) -> Played:
    """Return what a player came to; `told` is called after each day. The same arguments give the same figures."""
    measures: list[Array] = []
    shares: list[Array] = []
    n_ratings = 0
    for number in range(1, days + 1):
        day = day_of(scenario, number, seed=seed)
        chosen, favourites, n_rated = _played(scenario, player, day, seed=seed)
        measures.append(measured(day, chosen, favourites, dial=scenario.dial))
        shares.append(np.bincount(chosen, minlength=len(scenario.models)) / len(chosen))
        n_ratings += n_rated
        told()
    return Played(np.array(measures), np.array(shares), n_ratings)


def measured(day: Day, chosen: Ints, favourites: Ints, *, dial: float) -> Array:
    """Return the `MEASURES` of a day whose questions were answered by the models `chosen` (n,).

    An expert sees a question and knows all but its hidden topic: `favourite` is how often the policy's favourite is
    the expert's, `agreement` how often who served is, exploration included. `best` is how often who served is the
    model that truly does best on that very question.
    """
    at = np.arange(len(chosen))
    expert = worth(day.foreseen, day.cost_usd, dial).argmax(1)
    return np.array(
        [
            (favourites == expert).mean(),
            (chosen == expert).mean(),
            (chosen == worth(day.quality, day.cost_usd, dial).argmax(1)).mean(),
            day.right[at, chosen].mean(),
            (day.stars[at, chosen] >= SATISFIED).mean(),
            day.quality[at, chosen].mean(),
            day.cost_usd[at, chosen].mean(),
        ]
    )


def worth(quality: Array, cost_usd: Array, dial: float) -> Array:
    """Return quality less what the dial makes of the cost (n, k), as the score of a choice has it."""
    return np.asarray(quality - cost_weight(dial) * cost_usd / cost_usd.max(1, keepdims=True))


def best_static(scenario: Scenario, *, seed: int, days: int) -> int:
    """Return the model that is worth most on these days if it answers everything: known in hindsight only."""
    total = np.zeros(len(scenario.models))
    for number in range(1, days + 1):
        day = day_of(scenario, number, seed=seed)
        total += worth(day.quality, day.cost_usd, scenario.dial).sum(0)
    return int(total.argmax())


def _played(scenario: Scenario, player: Player, day: Day, *, seed: int) -> tuple[Ints, Ints, int]:
    n = len(day.questions)
    chosen, favourites = np.zeros(n, np.int64), np.zeros(n, np.int64)
    seeds = np.random.default_rng((seed, day.number, 1)).integers(0, 1 << 62, n).tolist()
    n_rated = 0
    for hour, rows in enumerate(np.array_split(np.arange(n), HOURS), (day.number - 1) * HOURS + 1):
        lessons: list[Lesson] = []
        for at in (int(each) for each in rows):
            question = day.questions[at]
            picked = player.choose(question, seed=seeds[at])
            chosen[at], favourites[at] = picked.place, picked.favourite
            if day.rates[at]:
                name, stars = scenario.models[picked.place].name, int(day.told[at, picked.place])
                lessons.append(lesson_of(f"{day.number}-{at}", question, name, stars, picked.probability))
        if lessons:
            player.learn(lessons, hour=hour)
        n_rated += len(lessons)
    return chosen, favourites, n_rated
