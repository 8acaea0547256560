"""The page that `router.policy.bench` writes: figures, goals beside them, and which were missed."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.policy.bench import Line, Suite

OURS = "Thalamus, prompt alone"
HEAD = """# What the learned policy expects: figures

Written by `make bench-router DATA=FOLDER`; do not edit by hand. This run:
`ARGS="--seed {seed} --bootstraps {n_bootstraps} --left-out {n_left_out}"`.

The policy of [this page](../policy.md) is fitted to 65 % of the labelled prompts of a file and measured on the other
35 %, which a seeded hash of the prompt chooses. A router answers with the model of the highest *expected quality -
weight x expected cost*; the weight runs from 0 to so much that only cost counts, and the true rewards and costs of the
chosen models are added up. Intervals are 95 % of bootstraps over the held-out prompts; they do not hold what another
split of the same prompts would change.

- **lift**: mean quality over all costs between the cheapest and the dearest model (hull of the points), less that of
  mixing single models at random (RouterBench's AIQ over its Zero router).
- **c95**: cost at 95 % of the best single model's quality, as a share of that model's cost.
- **APGR** (two models): mean share of the gap in quality that is won, over all shares of calls to the better one, by
  expected quality alone. 0.5 is chance.
- **gain**: highest quality at any weight, less that of the best single model.
"""
GOALS = (("apgr", "APGR", 0.66, 0.705), ("c95", "c95", 0.39, 0.335))
"""Of two models: measure, its name, what must be reached, what is aimed at."""
GOALS_OF_MANY = (("lift", "lift", 0.030, 0.036), ("c95", "c95", 0.32, 0.26))
GOALS_OF_EQUALS = (("gain", "gain", 0.018, 0.027),)
WORST_LIFT = -0.03
SAME_CHOICE = 0.75


def report_of(suites: Sequence[Suite], *, seed: int, n_bootstraps: int) -> str:
    """Return the page in Markdown."""
    n_left_out = max(len(suite.left_out) for suite in suites)
    parts = [HEAD.format(seed=seed, n_bootstraps=n_bootstraps, n_left_out=n_left_out)]
    for suite in suites:
        parts += [f"## {suite.name}\n", _verdict(suite), _models(suite), _table(suite), _left_out(suite), _rest(suite)]
    return "\n".join(parts)


def _verdict(suite: Suite) -> str:
    ours = next(line for line in suite.lines if line.router == OURS)
    said = [
        f"- {name} {_interval(ours, key)}: must {must}, {_word(_reaches(key, ours, must))}; "
        f"aim {aim}, {_word(_reaches(key, ours, aim))}."
        for key, name, must, aim in _goals(suite)
    ]
    if suite.left_out:
        worst = min(min(told, silent) for _, _, told, silent in suite.left_out)
        said.append(f"- Worst lift on a task left out {worst:.3f}: must {WORST_LIFT}, {_word(worst >= WORST_LIFT)}.")
    same = suite.same_choice
    said.append(
        f"- Same model when every seventh word is taken out {same:.1%} (a stand-in: no paraphrases lie here): "
        f"must {SAME_CHOICE:.0%}, {_word(same >= SAME_CHOICE)}."
    )
    return "\n".join((*said, ""))


def _goals(suite: Suite) -> tuple[tuple[str, str, float, float], ...]:
    if len({cost for _, _, cost in suite.models}) == 1:
        return GOALS_OF_EQUALS
    return GOALS if len(suite.models) == 2 else GOALS_OF_MANY  # noqa: PLR2004  # a pair


def _models(suite: Suite) -> str:
    rows = [f"| {name} | {quality:.3f} | {cost:.3g} |" for name, quality, cost in suite.models]
    head = (
        f"{suite.n_train} prompts to fit, {suite.n_test} held out.\n\n| model | quality | USD a prompt |\n|---|---|---|"
    )
    return "\n".join((head, *rows, ""))


def _table(suite: Suite) -> str:
    rows = [
        f"| {line.router} | {' | '.join(_interval(line, key) for key in ('apgr', 'c95', 'lift', 'gain'))} |"
        for line in suite.lines
    ]
    return "\n".join(("| router | APGR | c95 | lift | gain |", "|---|---|---|---|---|", *rows, ""))


def _left_out(suite: Suite) -> str:
    if not suite.left_out:
        return ""
    rows = [f"| {name} | {n} | {told:.3f} | {silent:.3f} |" for name, n, told, silent in suite.left_out]
    head = (
        "The largest tasks, each left out of fitting:\n",
        "| task | held-out prompts | lift, task told | lift, prompt alone |",
        "|---|---|---|---|",
    )
    return "\n".join((*head, *rows, ""))


def _rest(suite: Suite) -> str:
    chosen = {key: value for key, value in suite.recipe.items() if key != "validated"}
    return f"Recipe chosen by validation: `{chosen}`.\n"


def _interval(line: Line, key: str) -> str:
    at, low, high = line.figures[key]
    if isnan(at):
        return "-"
    return f"{at:.3f}" if isnan(low) else f"{at:.3f} ({low:.3f} to {high:.3f})"


def _reaches(key: str, line: Line, goal: float) -> bool:
    at = line.figures[key][0]
    return at <= goal if key == "c95" else at >= goal


def _word(reached: bool) -> str:  # noqa: FBT001  # the truth itself is what is put in words
    return "**reached**" if reached else "**missed**"
