"""The page that `router.policy.bench` writes: figures, goals beside them, and which were missed."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from router.policy.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.policy.bench import Suite
    from router.policy.bench_figures import Draws, Figure
    from router.policy.bench_strange import Leaving, LeftOut

OURS = "Thalamus, prompt alone"
HEAD = """# What the learned policy expects: figures

Written by `make bench-router DATA=FOLDER`; do not edit by hand. This run:
`ARGS="--seed {draws.seed} --bootstraps {draws.n} --left-out {leaving.n_groups} --least {leaving.least}"`.

The policy of [this page](../policy.md) is fitted to 65 % of the labelled prompts of a file and measured on the other
35 %, which a seeded hash of the prompt chooses. A router answers with the model of the highest *expected quality -
weight x expected cost*; the weight runs from 0 to so much that only cost counts, and the true rewards and costs of the
chosen models are added up. Intervals are 95 % of bootstraps over the held-out prompts; they do not hold what another
split of the same prompts would change. *Reached* and *missed* are of the figure itself; where its interval holds the
goal's other side, too, that is said beside it.

- **lift**: mean quality over all costs between the cheapest and the dearest model (hull of the points), less that of
  mixing single models at random (RouterBench's AIQ over its Zero router).
- **c95**: cost at 95 % of the best single model's quality, as a share of that model's cost.
- **APGR** (two models): mean share of the gap in quality that is won, over all shares of calls to the better one, by
  expected quality alone. 0.5 is chance.
- **gain**: highest quality at any weight, less that of the best single model.

The plain routers are fitted to the same 65 %. *Matrix factorisation* is the form of RouteLLM's router (Ong et al. 2024,
arXiv 2406.18665): a model's score is the product of its vector and a projection of the prompt. Theirs is trained on
preferences between two answers, over embeddings of a hosted model; this one is not theirs. It is fitted by squares to
the graded answers, over the hashed words that the policy reads, as the best product of two factors of its rank
(reduced-rank ridge). Rank and strength are those that earn most on five folds of the 65 %, as the policy's own recipe
is. Of two models a rank of 2 is a plain ridge for each.
"""
GOALS = (("apgr", "APGR", 0.66, 0.705), ("c95", "c95", 0.39, 0.335))
"""Of two models: measure, its name, what must be reached, what is aimed at."""
GOALS_OF_MANY = (("lift", "lift", 0.030, 0.036), ("c95", "c95", 0.32, 0.26))
GOALS_OF_EQUALS = (("gain", "gain", 0.018, 0.027),)
KINDS = {
    "suites of two priced models": GOALS,
    "suites of many priced models (the goals are of 11 models)": GOALS_OF_MANY,
    "suites of models of equal price (the goals are of 7 models)": GOALS_OF_EQUALS,
}
WORST_LIFT = (-0.03, -0.01)
"""What must be reached, and what is aimed at; so with the next."""
SAME_CHOICE = (0.75, 0.85)
UNMEASURED = """## What is not measured here

{kinds}- Paraphrases of a prompt get the same model: must {must:.0%}, aim {aim:.0%}: **not measured**. No pairs of
  paraphrases are at hand. Above, every seventh word is taken out of a prompt; that is no paraphrase. Other words and
  their order stay, and these are what the policy reads, so that it is an easier question: it says nothing of prompts
  that say the same in other words, and is held against no goal.
"""
OF_A_KIND = """- {kind}: {goals}:
  **not measured**. No such labelled prompts are at hand. The same command measures them on a folder that holds them in
  the same format (`*.train.jsonl`), and prints these goals beside them.
"""


def report_of(suites: Sequence[Suite], draws: Draws, leaving: Leaving) -> str:
    """Return the page in Markdown."""
    parts = [HEAD.format(draws=draws, leaving=leaving)]
    for suite in suites:
        parts += [
            f"## {suite.name}\n",
            _verdicts(suite),
            _models(suite),
            _table(suite),
            _left_out(suite, leaving),
            _rest(suite),
        ]
    return "\n".join((*parts, _unmeasured(suites)))


def _verdicts(suite: Suite) -> str:
    ours = next(line for line in suite.lines if line.router == OURS)
    said = [
        f"- {name} {_interval(ours.figures[key])}: {_against(ours.figures[key], must, aim, at_most=key == 'c95')}"
        for key, name, must, aim in _goals(suite)
    ]
    if suite.left_out:
        where, way, worst = min(_every(suite), key=lambda each: each[2][0])
        lowest = min(figure[1] for _, _, figure in _every(suite))
        said.append(
            f"- Worst {_measure(suite)} on a task left out {_interval(worst)}: {_against(worst, *WORST_LIFT)} It is "
            f"that of {where.task}, {way}, the lowest of {len(suite.left_out)} tasks both ways; the lowest end of all "
            f"their intervals is {lowest:.3f}. A task whose cheapest model is its best one has nothing to lose, and 0."
        )
    same = suite.same_choice
    said.append(
        f"- Same model when every seventh word is taken out: {same[0]:.1%} ({same[1]:.1%} to {same[2]:.1%}), "
        "which is no paraphrase (see the end of the page)."
    )
    return "\n".join((*said, ""))


def _every(suite: Suite) -> list[tuple[LeftOut, str, Figure]]:
    told = [(each, "task told", each.told) for each in suite.left_out]
    return told + [(each, "prompt alone", each.silent) for each in suite.left_out]


def _against(found: Figure, must: float, aim: float, *, at_most: bool = False) -> str:
    said = [f"{name} {goal}, {verdict(found, goal, at_most=at_most)}" for name, goal in (("must", must), ("aim", aim))]
    return f"{' / '.join(said)}."


def _goals(suite: Suite) -> tuple[tuple[str, str, float, float], ...]:
    if _is_of_equals(suite):
        return GOALS_OF_EQUALS
    return GOALS if len(suite.models) == 2 else GOALS_OF_MANY  # noqa: PLR2004  # a pair


def _is_of_equals(suite: Suite) -> bool:
    return len({cost for _, _, cost in suite.models}) == 1


def _measure(suite: Suite) -> str:
    return "gain" if _is_of_equals(suite) else "lift"


def _unmeasured(suites: Sequence[Suite]) -> str:
    seen = [_goals(suite) for suite in suites]
    kinds = [
        OF_A_KIND.format(
            kind=kind[0].upper() + kind[1:],
            goals=", ".join(f"{name} must {must}, aim {aim}" for _, name, must, aim in goals),
        )
        for kind, goals in KINDS.items()
        if goals not in seen
    ]
    must, aim = SAME_CHOICE
    return UNMEASURED.format(kinds="".join(kinds), must=must, aim=aim)


def _models(suite: Suite) -> str:
    rows = [f"| {name} | {quality:.3f} | {cost:.3g} |" for name, quality, cost in suite.models]
    head = (
        f"{suite.n_train} prompts to fit, {suite.n_test} held out.\n\n| model | quality | USD a prompt |\n|---|---|---|"
    )
    return "\n".join((head, *rows, ""))


def _table(suite: Suite) -> str:
    rows = [
        f"| {line.router} | {' | '.join(_interval(line.figures[key]) for key in ('apgr', 'c95', 'lift', 'gain'))} |"
        for line in suite.lines
    ]
    return "\n".join(("| router | APGR | c95 | lift | gain |", "|---|---|---|---|---|", *rows, ""))


def _left_out(suite: Suite, leaving: Leaving) -> str:
    if not suite.left_out:
        return ""
    rows = [
        f"| {each.task} | {each.n} | {_interval(each.told)} | {_interval(each.silent)} | {each.by_chance:.3f} |"
        for each in suite.left_out
    ]
    measure = _measure(suite)
    head = (
        f"All {len(rows)} tasks of at least {leaving.least} held-out prompts, left out of fitting and of the choice",
        f"of the recipe in {min(leaving.n_groups, len(rows))} groups: a policy that is measured on one task of a group",
        "has seen none of the group's. Where a weight is best is looked up on the task's own prompts, which may",
        "flatter a router on few of them: *by chance* is the mean of routers that expect random quality.\n",
        f"| task | held-out prompts | {measure}, task told | {measure}, prompt alone | {measure}, by chance |",
        "|---|---|---|---|---|",
    )
    return "\n".join((*head, *rows, ""))


def _rest(suite: Suite) -> str:
    chosen = {key: value for key, value in suite.recipe.items() if key != "validated"}
    return f"Recipe chosen by validation: `{chosen}`.\n"


def _interval(figure: Figure) -> str:
    at, low, high = figure
    if isnan(at):
        return "-"
    return f"{at:.3f}" if isnan(low) else f"{at:.3f} ({low:.3f} to {high:.3f})"
