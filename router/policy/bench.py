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

import numpy as np

from router.policy.bench_report import report_of
from router.policy.costs import fit_costs
from router.policy.data import data_of
from router.policy.features import N_FEATURES, features
from router.policy.fitting import fit_policy
from router.policy.rows import read_labelled
from router.policy.sparse import sparse
from router.policy.value import choices, every_choice, recovered, weights, worth, worth_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from config.types import Json
    from router.policy.model import Policy
    from router.policy.rows import Prompt

    Array = NDArray[np.float64]

HELD_OUT = 0.35
N_BOOTSTRAPS = 200
N_NEIGHBOURS = 40
DROPPED = 7
"""Of the rewording stand-in: every seventh word is taken out."""


@dataclass(frozen=True, slots=True)
class Line:
    """One router on one suite: each measure with the ends of its 95 % interval."""

    router: str
    figures: dict[str, tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Suite:
    """What was measured on one file."""

    name: str
    n_train: int
    n_test: int
    models: tuple[tuple[str, float, float], ...]
    """Name, mean quality and mean cost of each on the held-out prompts."""
    lines: tuple[Line, ...]
    left_out: tuple[tuple[str, int, float, float], ...]
    """Intent, prompts, lift without it where it was told, and where it was not."""
    same_choice: float
    """Share of prompts that keep their model, at the middle weight of cost, when every seventh word is taken out."""
    recipe: Json


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the page; `arguments` are those of the command line unless given."""
    parser = argparse.ArgumentParser(description="Measure the learned policy beside plain ones.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--report", type=Path, help="write the page here, else to stdout")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bootstraps", type=int, default=N_BOOTSTRAPS)
    parser.add_argument("--left-out", type=int, default=3, help="how many of the largest tasks are left out, in turn")
    options = parser.parse_args(arguments)
    files = sorted(options.data.glob("*.train.jsonl")) or sorted(options.data.glob("*.jsonl"))
    if not files:
        parser.error(f"{options.data} holds no *.jsonl")
    suites = [
        measured(file, seed=options.seed, n_bootstraps=options.bootstraps, n_left_out=options.left_out)
        for file in files
    ]
    page = report_of(suites, seed=options.seed, n_bootstraps=options.bootstraps)
    if options.report:
        options.report.write_text(page, "utf-8")
    else:
        sys.stdout.write(page)


def measured(file: Path, *, seed: int, n_bootstraps: int, n_left_out: int) -> Suite:
    """Return what every router is worth on the held-out prompts of a file. Raises `CorpusError`."""
    prompts = read_labelled(file)
    models = sorted({model for each in prompts for model in each.quality})
    whole = [each for each in prompts if each.quality.keys() >= set(models) and each.cost.keys() >= set(models)]
    held = [_is_held_out(each.text, seed) for each in whole]
    train = [each for each, out in zip(whole, held, strict=True) if not out]
    test = [each for each, out in zip(whole, held, strict=True) if out]
    _tell(f"{file.name}: fitting to {len(train)} prompts")
    policy = fit_policy(data_of(train, {}), seed=seed)
    quality, cost = _truth(test, models)
    guesses = {**_plain(train, test, models, seed=seed), **_learned(policy, test), "oracle": (quality, cost)}
    lines: list[Line] = []
    for name, (guess, expected) in guesses.items():
        _tell(f"{file.name}: {name}")
        lines.append(Line(name, _figures((guess, expected), (quality, cost), n_bootstraps=n_bootstraps, seed=seed)))
    means = zip(models, quality.mean(0).tolist(), cost.mean(0).tolist(), strict=True)
    return Suite(
        name=file.name.removesuffix(".jsonl").removesuffix(".train"),
        n_train=len(train),
        n_test=len(test),
        models=tuple(means),
        lines=tuple(lines),
        left_out=tuple(_left_out(train, test, models, seed=seed, n=n_left_out)),
        same_choice=_same_choice(policy, test),
        recipe=cast("Json", policy.manifest["recipe"]),
    )


def _plain(
    train: Sequence[Prompt], test: Sequence[Prompt], models: Sequence[str], *, seed: int
) -> dict[str, tuple[Array, Array]]:
    """Return quality and cost that the plain routers expect."""
    quality, cost = _truth(train, models)
    lines = fit_costs(_lengths(train), cost, [], ())
    expected = lines.expected(_lengths(test), np.zeros((len(test), 0)))
    general = np.tile(quality.mean(0), (len(test), 1))
    dice = np.random.default_rng(seed).random((len(test), len(models)))
    best, cheapest = np.eye(len(models))[[quality.mean(0).argmax(), cost.mean(0).argmin()]]
    return {
        "always the best": (np.tile(best, (len(test), 1)), np.zeros_like(expected)),
        "always the cheapest": (np.tile(cheapest, (len(test), 1)), np.zeros_like(expected)),
        "random": (dice, expected),
        "cost alone": (general, expected),
        f"{N_NEIGHBOURS} nearest neighbours": (_neighbours(train, test, quality), expected),
        "mean of the true task": (_by_task(train, test, quality), expected),
    }


def _learned(policy: Policy, test: Sequence[Prompt]) -> dict[str, tuple[Array, Array]]:
    silent = [replace(each, intent=None) for each in test]
    return {"Thalamus, prompt alone": policy.predict(silent), "Thalamus, task told": policy.predict(test)}


def _figures(
    guessed: tuple[Array, Array], truth: tuple[Array, Array], *, n_bootstraps: int, seed: int
) -> dict[str, tuple[float, float, float]]:
    quality, cost = truth
    draw, at = np.random.default_rng(seed), np.arange(len(quality))
    chosen = every_choice(*guessed)
    earned = np.stack([quality[at, each] for each in chosen])
    paid = np.stack([cost[at, each] for each in chosen])
    found = [worth(*guessed, *truth)]
    for _ in range(n_bootstraps):
        drawn = draw.integers(0, len(at), len(at))
        share = np.bincount(drawn, minlength=len(at)) / len(at)
        apgr = recovered(guessed[0][drawn], quality[drawn]) if quality.shape[1] == 2 else float("nan")  # noqa: PLR2004
        points, singles = np.stack([paid @ share, earned @ share], 1), np.stack([share @ cost, share @ quality], 1)
        found.append(worth_of(points, singles, apgr=apgr))
    figures: dict[str, tuple[float, float, float]] = {}
    for key in ("apgr", "c95", "lift", "gain"):
        values = np.array([getattr(each, key) for each in found])
        known = values[1:][~np.isnan(values[1:])]
        low, high = np.quantile(known, (0.025, 0.975)) if len(known) else (np.nan, np.nan)
        figures[key] = (float(values[0]), float(low), float(high))
    return figures


def _left_out(
    train: Sequence[Prompt], test: Sequence[Prompt], models: Sequence[str], *, seed: int, n: int
) -> list[tuple[str, int, float, float]]:
    """Return lift on the largest tasks when none of their prompts was learned from."""
    sizes = {each.intent: 0 for each in test if each.intent}
    for each in test:
        if each.intent:
            sizes[each.intent] += 1
    found: list[tuple[str, int, float, float]] = []
    for name in sorted(sizes, key=lambda each: -sizes[each])[: n if len(sizes) > 1 else 0]:
        _tell(f"leaving out {name}")
        policy = fit_policy(data_of([each for each in train if each.intent != name], {}), seed=seed)
        there = [each for each in test if each.intent == name]
        truth = _truth(there, models)
        told, silent = policy.predict(there), policy.predict([replace(each, intent=None) for each in there])
        found.append((name, len(there), worth(*told, *truth).lift, worth(*silent, *truth).lift))
    return found


def _same_choice(policy: Policy, test: Sequence[Prompt]) -> float:
    silent = [replace(each, intent=None) for each in test]
    changed = [replace(each, text=_thinned(each.text)) for each in silent]
    quality, cost = policy.predict(silent)
    tried = weights(quality, cost)
    middle = float(tried[len(tried) // 2])
    return float((choices(quality, cost, middle) == choices(*policy.predict(changed), middle)).mean())


def _thinned(text: str) -> str:
    words = text.split(" ")
    return " ".join(word for at, word in enumerate(words, 1) if at % DROPPED) or text


def _neighbours(train: Sequence[Prompt], test: Sequence[Prompt], quality: Array) -> Array:
    """Return the mean over the most similar prompts, weighted by squared similarity."""
    known = sparse([features(each.text) for each in train])
    found = np.zeros((len(test), quality.shape[1]))
    for first in range(0, len(test), 64):
        asked = sparse([features(each.text) for each in test[first : first + 64]])
        near = known.times(np.ascontiguousarray(asked.dense(N_FEATURES).T)).T
        best = np.argpartition(-near, min(N_NEIGHBOURS, len(train)) - 1, axis=1)[:, :N_NEIGHBOURS]
        weight = np.take_along_axis(near, best, 1) ** 2
        found[first : first + 64] = (weight[:, :, None] * quality[best]).sum(1) / weight.sum(1)[:, None]
    return found


def _by_task(train: Sequence[Prompt], test: Sequence[Prompt], quality: Array) -> Array:
    labels = np.array([each.intent or "" for each in train])
    general = quality.mean(0)
    means = {
        name: (quality[labels == name].sum(0) + 10 * general) / ((labels == name).sum() + 10)
        for name in set(labels.tolist())
    }
    return np.array([means.get(each.intent or "", general) for each in test])


def _truth(prompts: Sequence[Prompt], models: Sequence[str]) -> tuple[Array, Array]:
    quality = np.array([[each.quality[model] for model in models] for each in prompts])
    return quality, np.array([[each.cost[model] for model in models] for each in prompts])


def _lengths(prompts: Sequence[Prompt]) -> Array:
    return np.array([len(each.text) for each in prompts], np.float64)


def _is_held_out(text: str, seed: int) -> bool:
    found = sha256(f"{seed}\n{' '.join(text.lower().split())}".encode()).digest()
    return int.from_bytes(found[:4]) / 2**32 < HELD_OUT


def _tell(what: str) -> None:
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    main()
