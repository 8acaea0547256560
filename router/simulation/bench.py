"""`make bench-learning`: what learning from ratings is worth in the fixed scenario; writes docs/reports/learning.md.

python -m router.simulation.bench --report docs/reports/learning.md
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from router.choosing.choose import Terms
from router.simulation.report import page_of
from router.simulation.scenario import fixed_scenario, read_scenario
from router.simulation.simulate import Simulated, learning_runs, simulated, terms_of, warm_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.simulation.run import Played
    from router.simulation.scenario import Scenario
    from router.simulation.warmth import Warmth

N_SEEDS: Final = 20
N_SEEDS_OF_DRAWS: Final = 5
"""Ways of drawing are compared with fewer runs, and smaller samples of each day."""
PLAYED_OF_DRAWS: Final = 150
N_SEEDS_WITH_KEYS: Final = 2
"""Runs with keys take the longest: how much each key may move is computed anew with each of its ratings."""
N_SEEDS_OF_LABELS: Final = 8
N_KEYS: Final = 300
DOMAIN_KNOWN: Final = 0.951
"""Share of its test rows of which the shipped domain model has a likely guess, and of these the share that is wrong: a
test holds both to the model, whose room this one does not know."""
DOMAIN_WRONG: Final = 0.084


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that the page tells of."""

    main: Simulated
    draws: tuple[tuple[str, tuple[Played, ...]], ...]
    """Ways of drawing, by name."""
    with_keys: Simulated
    partly_known: Simulated
    """The domain is told of a share of the questions only, and not always rightly."""
    warm: tuple[Warmth, ...]
    cold: tuple[Warmth, ...]


class Told:
    """Tells stderr how far a step is."""

    def __init__(self) -> None:
        self._what, self._total, self._done = "", 1, 0

    def begin(self, what: str, total: int) -> None:
        """Begin a step."""
        self._what, self._total, self._done = what, max(1, total), 0
        sys.stderr.write(f"{what}\n")

    def advance(self) -> None:
        """Tell each tenth."""
        before, self._done = self._done * 10 // self._total, self._done + 1
        if self._done * 10 // self._total > before:
            sys.stderr.write(f"{self._what}: {self._done} of {self._total}\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, and write the page; `arguments` are those of the command line unless given."""
    parser = argparse.ArgumentParser(description="Measure what learning from ratings is worth, with known truth.")
    parser.add_argument("--report", type=Path, help="write the page here, else to stdout")
    parser.add_argument("--scenario", type=Path, help="a scenario in TOML instead of the fixed one")
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--days", type=int, help="instead of the scenario's")
    options = parser.parse_args(arguments)
    scenario = read_scenario(options.scenario) if options.scenario else fixed_scenario()
    page = page_of(measured(scenario, seeds=options.seeds, days=options.days or scenario.days))
    if options.report:
        options.report.write_text(page, "utf-8")
    else:
        sys.stdout.write(page)


def measured(scenario: Scenario, *, seeds: int, days: int) -> Measured:
    """Return the runs of all parts of the page."""
    told = Told()
    few, fewest, some = (min(seeds, most) for most in (N_SEEDS_OF_DRAWS, N_SEEDS_WITH_KEYS, N_SEEDS_OF_LABELS))
    partly = replace(scenario, domain_known=min(scenario.domain_known, DOMAIN_KNOWN), domain_wrong=DOMAIN_WRONG)
    main_runs = simulated(scenario, seeds=seeds, days=days, progress=told)
    small = replace(scenario, played_per_day=min(scenario.played_per_day, PLAYED_OF_DRAWS))
    draws: list[tuple[str, tuple[Played, ...]]] = []
    for name, terms in ways_of_drawing(terms_of(scenario)).items():
        told.begin(f"drawing by {name}", few * days)
        draws.append((name, learning_runs(small, seeds=few, days=days, terms=terms, told=told)))
    keyed = replace(scenario, callers=N_KEYS)
    told.begin("with keys", fewest * days)
    runs = learning_runs(keyed, seeds=fewest, days=days, terms=terms_of(scenario), told=told)
    with_keys = Simulated(keyed, days, runs, main_runs.start[:fewest], main_runs.static[:fewest])
    partly_known = simulated(partly, seeds=seeds, days=days, progress=told)
    told.begin("beginning with labelled questions", 2 * some)
    warm = warm_runs(scenario, seeds=some, told=told)
    cold = warm_runs(scenario, seeds=some, n_labelled=0, told=told)
    return Measured(main_runs, tuple(draws), with_keys, partly_known, warm, cold)


def ways_of_drawing(usual: Terms) -> dict[str, Terms]:
    """Return what is compared."""
    return {
        "Thompson sampling": replace(usual, method="thompson"),
        "Thompson sampling, a quarter of the deviation": replace(usual, method="thompson", spread=0.25),
        "softmax, temperature 0.05": replace(usual, method="softmax", temperature=0.05),
        "softmax, temperature 0.02": replace(usual, method="softmax", temperature=0.02),
        "epsilon mixture, 0.2": replace(usual, method="epsilon", epsilon=0.2),
        "epsilon mixture, 0.1": replace(usual, method="epsilon", epsilon=0.1),
    }


if __name__ == "__main__":
    main()
