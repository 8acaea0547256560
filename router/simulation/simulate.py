"""A scenario played with many seeds: by the gateway that learns, by one that does not, and by the best model alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.choosing.choose import Terms
from router.choosing.scoring import Taste
from router.choosing.starting import StartingExperience
from router.policy.data import Silent
from router.simulation.figures import Goal, at_end, changed, gained, mean_of
from router.simulation.learning import Learning
from router.simulation.players import Always, Learned
from router.simulation.run import AGREEMENT, BEST, FAVOURITE, QUALITY, RIGHT, SATISFACTION, best_static, play
from router.simulation.warmth import N_LABELLED, warmed
from router.simulation.world import offers_of

if TYPE_CHECKING:
    from router.policy.data import Progress
    from router.simulation.run import Played
    from router.simulation.scenario import Scenario
    from router.simulation.warmth import Warmth


@dataclass(frozen=True, slots=True)
class Simulated:
    """Runs of one scenario; place i of each is of seed i."""

    scenario: Scenario
    days: int
    learned: tuple[Played, ...]
    start: tuple[Played, ...]
    """The same questions without learning."""
    static: tuple[Played, ...]
    """The same questions answered by the model that turned out best on them."""

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What learning is to reach on the last days."""
        return (
            Goal("favourite is the expert's, over the start", 0.10, gained(self.learned, self.start, FAVOURITE)),
            Goal("favourite is the expert's", 0.80, mean_of(at_end(self.learned, FAVOURITE))),
            Goal(
                "served by the expert's, exploration included, over the start",
                0.10,
                gained(self.learned, self.start, AGREEMENT),
            ),
            Goal("served by the expert's, exploration included", 0.80, mean_of(at_end(self.learned, AGREEMENT))),
            Goal("right at first try, change", 0.15, changed(self.learned, self.start, RIGHT)),
            Goal("satisfied (4 or 5 stars), change", 0.20, changed(self.learned, self.start, SATISFACTION)),
            Goal("served by the model that is best for it, change", 0.25, changed(self.learned, self.start, BEST)),
            Goal("quality over the best single model", 0.0, gained(self.learned, self.static, QUALITY)),
        )


def simulated(
    scenario: Scenario, *, seeds: int, days: int, terms: Terms | None = None, progress: Progress | None = None
) -> Simulated:
    """Play a scenario; each seed is another world of its kind. `terms` are the server's own unless given."""
    told = progress or Silent()
    terms = terms or terms_of(scenario)
    offers = offers_of(scenario)
    runs: list[tuple[Played, Played, Played]] = []
    told.begin("simulating", 2 * seeds * days)
    for seed in range(seeds):
        best = Always(best_static(scenario, seed=seed, days=days))
        start = Learned(offers, StartingExperience(), terms=terms)
        runs.append(
            (
                play(scenario, Learning(offers, terms=terms), seed=seed, days=days, told=told.advance),
                play(scenario, start, seed=seed, days=days, told=told.advance),
                play(scenario, best, seed=seed, days=days),
            )
        )
    learned, frozen, static = zip(*runs, strict=True)
    return Simulated(scenario, days, learned, frozen, static)


def learning_runs(scenario: Scenario, *, seeds: int, days: int, terms: Terms, told: Progress) -> tuple[Played, ...]:
    """Return only the runs of the gateway that learns: to compare ways of drawing."""
    offers = offers_of(scenario)
    return tuple(
        play(scenario, Learning(offers, terms=terms), seed=seed, days=days, told=told.advance) for seed in range(seeds)
    )


def warm_runs(scenario: Scenario, *, seeds: int, n_labelled: int = N_LABELLED, told: Progress) -> tuple[Warmth, ...]:
    """Return runs that begin with fully labelled questions, or cold with 0."""
    offers, terms = offers_of(scenario), terms_of(scenario)
    found: list[Warmth] = []
    for seed in range(seeds):
        found.append(warmed(scenario, Learning(offers, terms=terms), seed=seed, n_labelled=n_labelled))
        told.advance()
    return tuple(found)


def terms_of(scenario: Scenario) -> Terms:
    """Return how the server chooses at the scenario's dial."""
    return Terms(Taste(dial=scenario.dial))
