"""What the bench asks of a policy where it knows little: tasks it never learned from, and prompts that were changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from router.policy.bench_figures import figures_of, mean_of
from router.policy.data import data_of
from router.policy.fitting import fit_policy
from router.policy.value import choices, weights, worth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from router.policy.bench_figures import Draws, Figure
    from router.policy.model import Policy
    from router.policy.rows import Prompt

    Array = NDArray[np.float64]

DROPPED = 7
"""Of the changed prompts: every seventh word is taken out."""
N_RANDOM = 20
"""Routers by dice that a task left out is compared with."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A task of which no prompt was learned from, measured on its held-out prompts: lift, or gain at equal prices."""

    task: str
    n: int
    told: Figure
    """Where the policy is told the task's name, which it has not seen."""
    silent: Figure
    by_chance: float
    """The same of routers that expect random quality, their mean: the best weights are looked for on the task's own
    prompts, so that on few of them luck alone makes some lift."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Which tasks are left out, and how many fits that may take."""

    n_groups: int
    """Tasks are dealt to so many groups, largest first, and a group is left out at once; 0 leaves none out."""
    least: int
    """Held-out prompts from which on a task is measured."""


def left_out(
    train: Sequence[Prompt], test: Sequence[Prompt], leaving: Leaving, draws: Draws, *, tell: Callable[[str], None]
) -> list[LeftOut]:
    """Return what each large task is worth to a policy that learned nothing from it, largest first."""
    sizes = Counter(each.intent for each in test if each.intent)
    names = [name for name, n in sizes.most_common() if n >= leaving.least]
    found: list[LeftOut] = []
    for group in (names[at :: leaving.n_groups] for at in range(min(leaving.n_groups, len(names)))):
        rest = [each for each in train if each.intent not in group]
        if not rest:
            continue
        tell(f"leaving out {', '.join(group)}")
        policy = fit_policy(data_of(rest, {}), seed=draws.seed)
        found += [_measured(policy, name, [each for each in test if each.intent == name], draws) for name in group]
    return sorted(found, key=lambda each: -each.n)


def same_choice(policy: Policy, test: Sequence[Prompt], draws: Draws) -> Figure:
    """Return the share of prompts that keep their model, at the middle weight of cost, without every seventh word."""
    silent = [replace(each, intent=None) for each in test]
    changed = [replace(each, text=_thinned(each.text)) for each in silent]
    quality, cost = policy.predict(silent)
    tried = weights(quality, cost)
    middle = float(tried[len(tried) // 2])
    same = choices(quality, cost, middle) == choices(*policy.predict(changed), middle)
    return mean_of(same.astype(np.float64), draws)


def _measured(policy: Policy, name: str, there: Sequence[Prompt], draws: Draws) -> LeftOut:
    models = policy.models
    quality = np.array([[each.quality[model] for model in models] for each in there])
    truth = quality, np.array([[each.cost[model] for model in models] for each in there])
    told, silent = (
        figures_of(policy.predict(asked), truth, draws)
        for asked in (there, [replace(each, intent=None) for each in there])
    )
    key = "gain" if np.isnan(told["lift"][0]) else "lift"
    expected = policy.predict(there)[1]
    return LeftOut(name, len(there), told[key], silent[key], _by_chance(expected, truth, key, seed=draws.seed))


def _by_chance(expected: Array, truth: tuple[Array, Array], key: str, *, seed: int) -> float:
    draw = np.random.default_rng(seed)
    found = [getattr(worth(draw.random(expected.shape), expected, *truth), key) for _ in range(N_RANDOM)]
    return float(np.mean(found))


def _thinned(text: str) -> str:
    words = text.split(" ")
    return " ".join(word for at, word in enumerate(words, 1) if at % DROPPED) or text
