"""`thalamus policy simulate`: what learning would be worth in a scenario whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.bars import Bars
from proxy.cli.options import AsJson
from proxy.cli.printing import print_json, print_table, say
from router.simulation.run import MEASURES
from router.simulation.scenario import MOST_REQUESTS, fixed_scenario, read_scenario
from router.simulation.simulate import simulated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json
    from router.simulation.run import Played
    from router.simulation.simulate import Simulated

MAX_SEEDS = 1_000
SHOWN = ("favourite", "agreement", "best", "right", "satisfied")


def simulate(
    *,
    scenario: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Models, questions and raters in TOML; else the shipped one.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=MAX_SEEDS, help="Worlds that are played, each another draw.")] = 3,
    days: Annotated[
        int | None, typer.Option(min=1, max=MOST_REQUESTS, help="How many days, if not the scenario's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play simulated traffic through the real choice and the real learner, and print what was learned day by day.

    The same scenario and seeds give the same figures. Nothing is called and nothing is written.
    """
    told = read_scenario(scenario) if scenario else fixed_scenario()
    with Bars() as bars:
        found = simulated(told, seeds=seeds, days=days or told.days, progress=bars)
    if as_json:
        print_json(_as_json(found))
        return
    say(f"{told.name}: {found.days} days, {told.requests_per_day:,} requests a day, {seeds} seeds.")
    print_table(("day", *SHOWN), [_row(str(day + 1), found.learned, day) for day in range(found.days)])
    print_table(("last day of", *SHOWN), [_row("no learning", found.start, -1), _row("best model", found.static, -1)])
    for goal in found.goals:
        figure = goal.found
        interval = f"{figure.low:.3f} to {figure.high:.3f}" if seeds > 1 else "of one seed: no interval"
        say(f"{goal.name}: {figure.value:.3f} ({interval}), wanted {goal.wanted}: {goal.verdict.replace('**', '')}")


VERBS = (("simulate", "thalamus policy simulate --seeds 3", simulate),)


def _row(name: str, runs: Sequence[Played], day: int) -> tuple[str, ...]:
    return name, *(f"{_mean(runs, day, MEASURES.index(each)):.3f}" for each in SHOWN)


def _mean(runs: Sequence[Played], day: int, measure: int) -> float:
    return sum(float(run.measures[day, measure]) for run in runs) / len(runs)


def _as_json(found: Simulated) -> Json:
    return {
        "scenario": found.scenario.name,
        "days": found.days,
        "seeds": len(found.learned),
        **{
            name: [
                {each: round(_mean(runs, day, at), 6) for at, each in enumerate(MEASURES)} for day in range(found.days)
            ]
            for name, runs in (("learned", found.learned), ("start", found.start), ("best_single", found.static))
        },
        "goals": [
            {
                "name": goal.name,
                "wanted": goal.wanted,
                "value": round(goal.found.value, 6),
                "low": round(goal.found.low, 6) if len(found.learned) > 1 else None,
                "high": round(goal.found.high, 6) if len(found.learned) > 1 else None,
                "reached": goal.is_reached,
            }
            for goal in found.goals
        ],
    }
