"""`make bench-router`: the policy beside plain ones on labelled prompts that it did not see; writes the report.

    python -m router.policy.bench ../shared/data/routing --report docs/reports/routing.md

Every `*.train.jsonl` (or, without one, every `*.jsonl`) of the folder is a suite. 35 % of its prompts, chosen by a
seeded hash of the prompt, are held out. Intervals are 95 % of bootstraps over the held-out prompts.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, cast

from config.errors import CorpusError
from router.policy.bench_figures import Draws, figures_of
from router.policy.bench_plain import plain_routers
from router.policy.bench_report import report_of
from router.policy.bench_strange import Leaving, left_out, same_choice
from router.policy.data import data_of
from router.policy.fitting import fit_policy
from router.policy.rows import read_labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from config.types import Json
    from router.policy.bench_figures import Figure
    from router.policy.bench_strange import LeftOut
    from router.policy.model import Policy
    from router.policy.rows import Prompt

    Array = NDArray[np.float64]

HELD_OUT = 0.35
N_BOOTSTRAPS = 200
N_GROUPS = 4
LEAST_LEFT_OUT = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One router on one suite: each measure with the ends of its 95 % interval."""

    router: str
    figures: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Suite:
    """What was measured on one file."""

    name: str
    n_train: int
    n_test: int
    models: tuple[tuple[str, float, float], ...]
    """Name, mean quality and mean cost of each on the held-out prompts."""
    lines: tuple[Line, ...]
    left_out: tuple[LeftOut, ...]
    same_choice: Figure
    """Share of prompts that keep their model, at the middle weight of cost, when every seventh word is taken out."""
    recipe: Json


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the page; `arguments` are those of the command line unless given."""
    parser = argparse.ArgumentParser(description="Measure the learned policy beside plain ones.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--report", type=Path, help="write the page here, else to stdout")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bootstraps", type=int, default=N_BOOTSTRAPS)
    parser.add_argument(
        "--left-out", type=int, default=N_GROUPS, help="groups to which tasks are dealt, each left out in turn; 0: none"
    )
    parser.add_argument(
        "--least", type=int, default=LEAST_LEFT_OUT, help="held-out prompts from which on a task is left out"
    )
    options = parser.parse_args(arguments)
    files = sorted(options.data.glob("*.train.jsonl")) or sorted(options.data.glob("*.jsonl"))
    if not files:
        parser.error(f"{options.data} holds no *.jsonl")
    draws, leaving = Draws(options.bootstraps, options.seed), Leaving(options.left_out, options.least)
    page = report_of([measured(file, draws, leaving) for file in files], draws, leaving)
    if options.report:
        options.report.write_text(page, "utf-8")
    else:
        sys.stdout.write(page)


def measured(file: Path, draws: Draws, leaving: Leaving) -> Suite:
    """Return what every router is worth on the held-out prompts of a file. Raises `CorpusError`."""
    train, test = _parts(file, seed=draws.seed)
    learned_from, asked = data_of(train, {}), data_of(test, {})
    _tell(f"{file.name}: fitting to {len(train)} prompts")
    policy = fit_policy(learned_from, seed=draws.seed)
    _tell(f"{file.name}: fitting the plain routers")
    plain = plain_routers(learned_from, asked, seed=draws.seed)
    truth = asked.quality, asked.cost
    lines: list[Line] = []
    for name, guess in {**plain, **_learned(policy, test), "oracle": truth}.items():
        _tell(f"{file.name}: {name}")
        lines.append(Line(name, figures_of(guess, truth, draws)))
    return Suite(
        name=file.name.removesuffix(".jsonl").removesuffix(".train"),
        n_train=len(train),
        n_test=len(test),
        models=tuple(
            zip(asked.models, asked.quality.mean(0).tolist(), asked.cost.mean(0).tolist(), strict=True),
        ),
        lines=tuple(lines),
        left_out=tuple(left_out(train, test, leaving, draws, tell=_tell)),
        same_choice=same_choice(policy, test, draws),
        recipe=cast("Json", policy.manifest["recipe"]),
    )


def _parts(file: Path, *, seed: int) -> tuple[list[Prompt], list[Prompt]]:
    """Return the prompts to fit and those held out; of each the reward and cost of every model are known."""
    prompts = read_labelled(file)
    models = {model for each in prompts for model in each.quality}
    whole = [
        replace(each, cost={model: each.cost[model] for model in models})
        for each in prompts
        if each.quality.keys() >= models and each.cost.keys() >= models
    ]
    held = [_is_held_out(each.text, seed) for each in whole]
    train = [each for each, out in zip(whole, held, strict=True) if not out]
    test = [each for each, out in zip(whole, held, strict=True) if out]
    if not train or not test:
        raise CorpusError("holds too few prompts with quality and cost of every model", file=str(file))
    return train, test


def _learned(policy: Policy, test: Sequence[Prompt]) -> dict[str, tuple[Array, Array]]:
    silent = [replace(each, intent=None) for each in test]
    return {"Thalamus, prompt alone": policy.predict(silent), "Thalamus, task told": policy.predict(test)}


def _is_held_out(text: str, seed: int) -> bool:
    found = sha256(f"{seed}\n{' '.join(text.lower().split())}".encode()).digest()
    return int.from_bytes(found[:4]) / 2**32 < HELD_OUT


def _tell(what: str) -> None:
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    main()
