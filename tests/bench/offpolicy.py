"""Whether off-policy estimates are right, on logs whose truth is known; writes docs/reports/off-policy.md.

    OPENBLAS_NUM_THREADS=1 python -m tests.bench.offpolicy --report docs/reports/off-policy.md [FOLDER]

Two worlds: an invented one in which the reward model's form is wrong, and, where a FOLDER with `*.train.jsonl` of
labelled prompts is given (see docs/policy.md), logs drawn from those labels.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: threads that wait for each other take longer

import numpy as np

from router.offpolicy.estimators import evidence_of, five
from router.offpolicy.logged import Log
from router.policy.data import data_of
from router.policy.features import features
from router.policy.fitting import fit_policy
from router.policy.rows import read_labelled
from tests.bench.offpolicy_report import page_of

ESTIMATORS = ("naive", "ips", "snips", "direct", "doubly_robust")
N_POPULATION = 100_000
N_SLOTS = 64
FIRST_SEED = 1000
"""Smaller ones were looked at while the estimators were built."""
EPSILON = 0.1
DEAREST_COSTS = 0.1
"""Quality that the dearest model's mean price outweighs, for the policies that route by labels."""


@dataclass(frozen=True)
class World:
    """A population of questions: what is seen of them, what each model earns, what log and targets would draw."""

    name: str
    encodings: np.ndarray
    expected: np.ndarray
    quality: np.ndarray
    binary: bool
    logger: np.ndarray
    targets: dict[str, np.ndarray]
    group: int = 1
    """Turns of a conversation: the same draw, and the next questions of the population."""


def invented(seed: int = 0) -> World:
    """Return a world of three models, two languages and four domains; quality bends where the ridge is straight."""
    rng = np.random.default_rng(seed)
    n = N_POPULATION
    zh, domain, hard = rng.random(n) < 0.5, rng.integers(0, 4, n), rng.integers(1, 11, n)
    tokens = np.exp(rng.normal(5.5, 1.0, n))
    by_domain = np.array([[0.9, 0.2, 0.0, -0.4], [0.1, 0.8, -0.3, 0.2], [-0.6, 0.1, 0.9, -0.9]])
    scores = np.stack(
        [
            0.9 + by_domain[0][domain] - 0.25 * np.maximum(hard - 6, 0),
            0.3 + by_domain[1][domain] + 0.9 * zh * (hard < 5) - 0.2 * np.maximum(hard - 4, 0),
            0.2 + by_domain[2][domain] * np.sin(hard) + 0.3 * np.sin(np.log(tokens) * 2) - 0.3 * (hard > 3),
        ],
        axis=1,
    )
    quality = 1 / (1 + np.exp(-scores))
    seen = np.column_stack([zh, np.eye(4)[domain], hard / 10, np.log1p(tokens) / 8, zh[:, None] * np.eye(4)[domain]])
    line = np.column_stack([seen, np.ones(n)])
    sample = rng.integers(0, n, 600)  # what an earlier policy learned from a few labels
    learned = line @ np.linalg.lstsq(line[sample], quality[sample] + rng.normal(0, 0.3, (600, 3)), rcond=None)[0]
    price = np.array([0.12, 0.04, 0.01])
    odds = np.exp((learned - price) / 0.08)
    logger = 0.02 + (1 - 3 * 0.02) * odds / odds.sum(1, keepdims=True)
    best = int((quality - price).mean(0).argmax())
    targets = {
        "the best single model": np.tile(np.eye(3)[best], (n, 1)),
        "a better router": 0.02 + 0.94 * np.eye(3)[(quality - price + rng.normal(0, 0.05, quality.shape)).argmax(1)],
        "equal weights": np.full((n, 3), 1 / 3),
    }
    return World("invented", seen.astype(float), learned, quality, True, logger, targets, group=2)


def labelled(file: Path, seed: int = 0) -> World:
    """Return the world of labelled prompts: a log epsilon-greedy on a router that learned from 300 of them."""
    prompts = read_labelled(file)
    models = sorted(prompts[0].quality)
    order = np.random.default_rng(seed).permutation(len(prompts))
    first, more, pool = ([prompts[at] for at in part] for part in (order[:300], order[:1500], order[1500:]))
    quality = np.array([[each.quality[model] for model in models] for each in pool])
    cost = np.array([[each.cost[model] for model in models] for each in pool])
    relative = DEAREST_COSTS * cost / cost.mean(0).max()
    k = len(models)
    few, many = (fit_policy(data_of(part, {}), seed=seed).predict(pool)[0] for part in (first, more))
    greedy = {name: np.eye(k)[(each - relative).argmax(1)] for name, each in (("few", few), ("many", many))}
    means = quality.mean(0)
    encodings = np.zeros((len(pool), N_SLOTS))
    for at, each in enumerate(pool):
        for slot, weight in features(each.text).items():
            encodings[at, slot % N_SLOTS] += weight if (slot // N_SLOTS) & 1 else -weight
    targets = {
        "always the best": np.tile(np.eye(k)[means.argmax()], (len(pool), 1)),
        "always the cheapest": np.tile(np.eye(k)[cost.mean(0).argmin()], (len(pool), 1)),
        "equal weights": np.full((len(pool), k), 1 / k),
        "router of 300 labels": greedy["few"],
        "router of 1,500 labels": greedy["many"],
    }
    name = file.name.removesuffix(".jsonl").removesuffix(".train")
    logger = (1 - EPSILON) * greedy["few"] + EPSILON / k
    return World(name, encodings, few, quality, False, logger, targets)


def log_from(world: World, n: int, seed: int, *, rated: float, wrong: float) -> tuple[Log, np.ndarray]:
    """Return a log of n decisions, and which questions of the population they are."""
    rng = np.random.default_rng(seed)
    size, k = world.quality.shape
    firsts = rng.integers(0, size, (n + world.group - 1) // world.group)
    asked = ((firsts[:, None] + np.arange(world.group)) % size).ravel()[:n]
    conversations = np.repeat(np.arange(len(firsts)), world.group)[:n]
    draws = np.repeat(rng.random(len(firsts)), world.group)[:n]
    p = world.logger[asked]
    chosen = np.minimum((draws[:, None] > np.cumsum(p, 1)).sum(1), k - 1)
    earned = world.quality[asked, chosen]
    rewards = (rng.random(n) < earned).astype(float) if world.binary else earned.copy()
    flipped = rng.random(n) < wrong
    rewards[flipped] = 1 - rewards[flipped]
    rates = np.minimum(rated * np.linspace(1.5, 0.5, k), 1.0) if rated < 1 else np.ones(k)
    rewards[rng.random(n) >= rates[chosen]] = np.nan
    log = Log(
        tuple(map(str, range(k))), p, np.ones((n, k), np.bool_), chosen, chosen, rewards, np.full(n, np.nan),
        world.encodings[asked], world.expected[asked], conversations, (), (),
    )  # fmt: skip
    return log, asked


def measured(world: World, n: int, runs: int, *, rated: float = 1.0, wrong: float = 0.0) -> dict:
    """Return error, coverage and half width of every estimator, by target, over runs with seeds from `FIRST_SEED` on."""
    began = time.monotonic()
    found = {name: {each: [] for each in ESTIMATORS} for name in world.targets}
    for seed in range(FIRST_SEED, FIRST_SEED + runs):
        log, asked = log_from(world, n, seed, rated=rated, wrong=wrong)
        evidence = evidence_of(log, log.rewards, spread=1.0, seed=seed)
        for name, target in world.targets.items():
            right = float((target * world.quality).sum(1).mean())
            truth = right * (1 - wrong) + (1 - right) * wrong
            told = five(evidence, target[asked]).by_name()
            for each in ESTIMATORS:
                estimate = told[each]
                found[name][each].append(
                    (estimate.value - truth, estimate.low <= truth <= estimate.high, estimate.error)
                )
        if seed % 50 == 49:
            sys.stderr.write(
                f"{world.name}, {n} decisions: {seed + 1 - FIRST_SEED} of {runs} runs, {time.monotonic() - began:.0f} s\n"
            )
    return {
        "world": world.name, "n": n, "runs": runs, "rated": rated, "wrong": wrong,
        "targets": {name: {each: np.array(rows, float) for each, rows in by.items()} for name, by in found.items()},
    }  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    """Measure, and write or print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="with *.train.jsonl of labelled prompts")
    parser.add_argument("--report", type=Path, help="where the page goes; printed without it")
    parser.add_argument("--runs", type=int, default=500, help="of the invented world")
    parser.add_argument("--replicas", type=int, default=100, help="of labelled prompts, at each size")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000, 20_000])
    wanted = parser.parse_args(argv)
    world = invented()
    found = [
        measured(world, 2000, wanted.runs),
        measured(world, 20_000, wanted.runs, rated=0.05, wrong=0.2),
    ]
    for file in sorted(wanted.folder.glob("*.train.jsonl")) if wanted.folder else []:
        from_labels = labelled(file)
        found += [measured(from_labels, n, wanted.replicas) for n in wanted.sizes]
    page = page_of(found)
    if wanted.report:
        wanted.report.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


if __name__ == "__main__":
    main()
