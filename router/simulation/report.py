"""The page that `router.simulation.bench` writes: goals, which were missed, and the tables behind them."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from router.policy.verdict import MISSED, REACHED
from router.simulation.figures import LAST_DAYS, Figure, at_end, mean_of, slope
from router.simulation.run import AGREEMENT, BEST, COST_USD, FAVOURITE, QUALITY, RIGHT, SATISFACTION
from router.simulation.warmth import CHECKPOINTS, N_HELD_OUT, N_LABELLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.simulation.bench import Measured
    from router.simulation.figures import Goal
    from router.simulation.run import Played
    from router.simulation.scenario import Scenario
    from router.simulation.simulate import Simulated
    from router.simulation.warmth import Warmth

HEAD = """# What learning from ratings is worth: figures

Written by `make bench-learning`; do not edit by hand. This run: `ARGS="--seeds {seeds} --days {days}"`, the scenario
"{name}" ([what it is and what each measure means](../simulation.md)).

{days} simulated days of {requests:,} requests, {share:.0%} of them rated, {wrong:.0%} of the ratings the opposite of
what was meant; {models} models, {domains} domains, two languages. The real choice and the real learner play, through
their public functions. Figures are means over {seeds} seeds with 95 % intervals (Student's t); the end is the last
{last} days. The start is the same gateway on the same questions with learning switched off. It simulates: people, and
what models are good at, are not those of your traffic.

*Reached* and *missed* are of the mean; where the interval holds the other side, too, that is said beside it.
"""
LASTING_MUST, LASTING_AIM = 500, 100


def page_of(measured: Measured) -> str:
    """Return the page in Markdown."""
    main = measured.main
    parts = (
        _head(main.scenario, seeds=len(main.learned), days=main.days),
        goals_table(main.goals),
        _flat(main),
        _curve(main),
        _draws(measured.draws),
        _with_keys(measured.with_keys),
        _partly_known(measured.partly_known),
        _warm(measured.warm, measured.cold),
    )
    return "\n".join(parts)


def goals_table(goals: Sequence[Goal]) -> str:
    """Return what was to be reached beside what was."""
    rows = [f"| {goal.name} | {goal.wanted:.2f} | {_told(goal.found)} | {goal.verdict} |" for goal in goals]
    return "\n".join(("| at the end | wanted | found (95 %) | |", "|---|---|---|---|", *rows, ""))


def _head(scenario: Scenario, *, seeds: int, days: int) -> str:
    return HEAD.format(
        seeds=seeds,
        days=days,
        name=scenario.name,
        requests=scenario.requests_per_day,
        share=scenario.feedback.share,
        wrong=scenario.feedback.wrong,
        models=len(scenario.models),
        domains=len(scenario.domains),
        last=min(LAST_DAYS, days),
    )


def _flat(main: Simulated) -> str:
    found = slope(main.start, FAVOURITE)
    is_flat = found.low <= 0.0 <= found.high
    return (
        f"With learning switched off the curve {'is flat' if is_flat else '**is not flat**'}: "
        f"{_told(found, digits=5)} a day. Ratings a run: {np.mean([run.n_ratings for run in main.learned]):.0f}.\n"
    )


def _curve(main: Simulated) -> str:
    head = (
        "## Day by day\n",
        "| day | favourite is the expert's | served by it | best for it | right | satisfied | USD a request |",
        "|---|---|---|---|---|---|---|",
    )
    measures = (FAVOURITE, AGREEMENT, BEST, RIGHT, SATISFACTION)
    rows = [
        f"| {day + 1} | {' | '.join(_of_day(main.learned, day, each) for each in measures)} | "
        f"{_of_day(main.learned, day, COST_USD, digits=5)} |"
        for day in range(main.days)
    ]
    plain = [
        f"| {name}, at the end | {' | '.join(_told(mean_of(at_end(runs, each))) for each in measures)} | "
        f"{mean_of(at_end(runs, COST_USD)).value:.5f} |"
        for name, runs in (("without learning", main.start), ("best single model", main.static))
    ]
    return "\n".join((*head, *rows, *plain, ""))


def _draws(draws: Sequence[tuple[str, Sequence[Played]]]) -> str:
    head = (
        "## Ways of drawing\n",
        f"{len(draws[0][1])} seeds each. Learning costs answers while it lasts, which the quality over all days",
        "counts. Each way keeps the floor of 0.02 for every model.\n",
        "| drawn by | favourite, at the end | served, at the end | quality over all days | quality at the end |",
        "|---|---|---|---|---|",
    )
    rows = [
        f"| {name} | {_told(mean_of(at_end(runs, FAVOURITE)))} | {_told(mean_of(at_end(runs, AGREEMENT)))} | "
        f"{_told(mean_of([run.measures[:, QUALITY].mean() for run in runs]))} | "
        f"{_told(mean_of(at_end(runs, QUALITY)))} |"
        for name, runs in draws
    ]
    return "\n".join((*head, *rows, ""))


def _with_keys(keyed: Simulated) -> str:
    return (
        "## With keys, each of which may move little\n\n"
        "Where callers have keys, no key moves a probability by more than a few points in a burst, however often it\n"
        f"rates. That bound costs speed. With {keyed.scenario.callers} keys and {len(keyed.learned)} seeds:\n\n"
        f"{goals_table(keyed.goals)}"
    )


def _partly_known(found: Simulated) -> str:
    known, wrong = found.scenario.domain_known, found.scenario.domain_wrong
    return (
        f"## With the domain guessed: of {known:.1%}, wrongly of {wrong:.1%} of these\n\n"
        "Above, the gateway is told the domain of every question, rightly. The shipped domain model has a likely\n"
        "guess of this share of its test rows, and so many of its guesses are wrong. So here the domain of that share\n"
        "is told, and so often it is another one, both drawn at random, while the expert knows it. What a question\n"
        "says of itself (language, complexity, length, code) is told as before.\n"
        f"{len(found.learned)} seeds, {found.days} days:\n\n"
        f"{goals_table(found.goals)}"
    )


def _warm(warm: Sequence[Warmth], cold: Sequence[Warmth]) -> str:
    rows = [
        f"| {ratings} | {_told(mean_of([run.gains[at] for run in warm]))} | "
        f"{_told(mean_of([run.gains[at] for run in cold]))} |"
        for at, ratings in enumerate(CHECKPOINTS)
    ]
    return "\n".join(
        (
            "## Beginning with labelled questions\n",
            f"{N_LABELLED} questions are answered by every model and judged; then only the model that was chosen is",
            f"rated, as noisily as above. What the policy's favourites earn on {N_HELD_OUT:,} other questions, over",
            f"the best single model ({len(warm)} seeds):\n",
            f"| ratings | after {N_LABELLED} labelled | cold |",
            "|---|---|---|",
            *rows,
            "",
            _verdict(_lasting(warm)),
            f"Cold: {_ratings(median(_lasting(cold)))} in the median run.\n",
        )
    )


def _lasting(runs: Sequence[Warmth]) -> list[float]:
    return [float("inf") if run.lasting_from is None else float(run.lasting_from) for run in runs]


def _verdict(lasting: Sequence[float]) -> str:
    middle = median(lasting)
    return (
        f"A lasting win (this and every later checkpoint is one) is there after {_ratings(middle)} ratings in the\n"
        f"median run, after {_ratings(max(lasting))} in the slowest: must {LASTING_MUST}, "
        f"{_reached(lasting, LASTING_MUST)}; aim {LASTING_AIM}, {_reached(lasting, LASTING_AIM)}."
    )


def _ratings(n: float) -> str:
    return f"over {CHECKPOINTS[-1]}" if n == float("inf") else f"{n:.0f}"


def _reached(lasting: Sequence[float], goal: int) -> str:
    """Return whether the median run reaches a goal, and whether another one does not."""
    if median(lasting) > goal:
        return MISSED
    return REACHED if max(lasting) <= goal else f"{REACHED}, though not by every run"


def _of_day(runs: Sequence[Played], day: int, measure: int, *, digits: int = 3) -> str:
    return f"{mean_of([run.measures[day, measure] for run in runs]).value:.{digits}f}"


def _told(figure: Figure, *, digits: int = 3) -> str:
    if figure.low == figure.high:  # of one run, which has no interval
        return f"{figure.value:.{digits}f}"
    return f"{figure.value:.{digits}f} ({figure.low:.{digits}f} to {figure.high:.{digits}f})"
