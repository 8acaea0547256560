"""What similar past questions cost to find, and whether the outcomes of their answers would make the choice better.

`python -m tests.bench.similar ../shared/data/routing/rl2.train.jsonl` prints the tables of `docs/reports/similar.md` on
labelled prompts. Of each past prompt one model's outcome is known, drawn by a seeded coin, as a gateway knows it. What
is expected of a model is moved by n/(n + k0) of the mean of what its answers to the neighbours earned beyond their own
expectation. Intervals are 95 % of paired bootstraps over the held-out prompts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from router.choosing.values import Lesson, Question
from router.learning.encoding import encoded, topic_of
from router.learning.learner import Learner
from router.learning.told import Told
from router.policy.data import data_of
from router.policy.features import language_of
from router.policy.fitting import fit_policy
from router.policy.rows import Prompt, read_labelled
from router.policy.value import recovered
from router.similar import crowd
from router.similar.memory import CAPACITY, Memory
from router.similar.searching import LEAST_SIMILARITY
from router.similar.values import Asked, Neighbour, Rated
from router.similar.vectors import Hashing, direction_of

Array = NDArray[np.float64]

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PRIOR = 0.6
N_BOOTSTRAPS = 1_000
N_TIMED = 1_000
N_KEYS = 50
RATED = 5
vector_of = Hashing(b"a secret of the benchmark").vector_of
K0 = (5.0, 20.0)
LEAST = (0.45, 0.3)
K = 50
N_NEAREST = 5


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--times", action="store_true", help="only what a search takes")
    options = parser.parse_args()
    prompts = read_labelled(options.labels)
    order = np.random.default_rng(options.seed).permutation(len(prompts))
    prompts = [prompts[at] for at in order]
    _print_times([each.text for each in prompts])
    if options.times:
        return
    _print_recall([each.text for each in prompts])
    third = len(prompts) // 3
    _print_worth(prompts[:third], prompts[third : 2 * third], prompts[2 * third :], seed=options.seed)


def _print_times(texts: Sequence[str]) -> None:
    memory = _remembered(texts, CAPACITY)
    short = [" ".join(text.split()[:15]) for text in texts[:N_TIMED]]
    print("| | median | 95th percentile | processor's time: median | 95th percentile |\n|---|---|---|---|---|")
    for name, asked in (("15 words", short), ("a prompt of 440 characters", texts[:N_TIMED])):
        vectors = [vector_of(text) or b"" for text in asked]
        _print_time(f"vector of {name}", [lambda text=text: vector_of(text) for text in asked])
        _print_time(
            f"search of {len(memory):,} for {name}",
            [lambda each=each: _rows_and_sums(memory, each) for each in vectors],
        )


def _print_recall(texts: Sequence[str]) -> None:
    """Tell how many of the nearest by all numbers a search finds that begins with the strongest."""
    past, held = texts[N_TIMED:], texts[:N_TIMED]
    memory = _remembered(past, len(past))
    known = np.array([direction_of(vector_of(text) or b"") for text in past])
    n_there = n_found = 0
    for text in held:
        vector = vector_of(text) or b""
        whole = known @ direction_of(vector)
        nearest = {int(at) for at in np.argsort(-whole)[:N_NEAREST] if whole[at] >= LEAST_SIMILARITY}
        n_there += len(nearest)
        found = _nearest(memory, vector, limit=N_NEAREST)
        n_found += sum(int(each.asked.decision_id) in nearest for each in found)
    print(f"\nOf the {N_NEAREST} nearest that are alike a search finds {n_found} of {n_there}.")


def _print_time(name: str, calls: Sequence[Callable[[], object]]) -> None:
    took: list[tuple[float, float]] = []
    for call in calls:
        began, at_work = time.perf_counter(), time.thread_time()
        call()
        took.append(((time.perf_counter() - began) * 1e3, (time.thread_time() - at_work) * 1e3))
    clock, work = np.quantile(np.array(took), (0.5, 0.95), axis=0).T
    print(f"| {name} | {clock[0]:.2f} ms | {clock[1]:.2f} ms | {work[0]:.2f} ms | {work[1]:.2f} ms |")


def _rows_and_sums(memory: Memory, vector: bytes) -> None:
    """Search as an analysis for a key does."""
    search = memory.search(vector)
    if search is not None:
        crowd.own(search.nearest(limit=K, of="key 1"), "key 1")
        crowd.records(search.nearest_rated(limit=K, of_each=crowd.OF_EACH), "key 1")


def _nearest(memory: Memory, vector: bytes, *, limit: int, at_least: float = LEAST_SIMILARITY) -> tuple[Neighbour, ...]:
    search = memory.search(vector)
    return () if search is None else search.nearest(limit=limit, at_least=at_least)


def _remembered(texts: Sequence[str], capacity: int) -> Memory:
    memory = Memory(capacity)
    vectors = [vector_of(text) or b"" for text in texts]
    for n in range(capacity):
        rated = None if n % RATED else Rated(0.75, "user", NOW)
        memory.add(Asked(str(n), "m", NOW, f"key {n % N_KEYS}", rated), vectors[n % len(texts)])
    return memory


def _print_worth(fit: Sequence[Prompt], past: Sequence[Prompt], held: Sequence[Prompt], *, seed: int) -> None:
    models = sorted({model for each in past for model in each.quality})
    truth = np.array([[each.quality[model] for model in models] for each in held])
    coin = np.random.default_rng(seed).integers(0, len(models), len(past))
    policy = fit_policy(data_of(fit, {}), seed=seed)
    silent = [[replace(each, intent=None) for each in part] for part in (past, held)]
    bases = {
        "fitted policy": (policy.predict(silent[0])[0], policy.predict(silent[1])[0]),
        "heads, nothing known of the topic": _heads(past, held, coin, models, told=False),
        "heads, true task told": _heads(past, held, coin, models, told=True),
    }
    print(f"\n{len(fit)} to fit the policy, {len(past)} past, {len(held)} held out; models {', '.join(models)}\n")
    print("| expectation | least similarity | k0 | had neighbours | APGR | change | quality of the best | change |")
    print("|---|---|---|---|---|---|---|---|")
    reward = np.array([each.quality[models[int(m)]] for each, m in zip(past, coin, strict=True)])
    for least in LEAST:
        near = _neighbours(past, held, least)
        for name, (before, base) in bases.items():
            beyond = reward - before[np.arange(len(past)), coin]
            for k0 in K0:
                moved = base + _shifts(near, coin, beyond, k0=k0, n_models=len(models))
                _print_line(name, least, k0, near, (base, moved, truth))


def _neighbours(past: Sequence[Prompt], held: Sequence[Prompt], least: float) -> list[list[int]]:
    memory = _remembered([each.text for each in past], len(past))
    return [
        [int(found.asked.decision_id) for found in _nearest(memory, vector, limit=K, at_least=least)]
        for vector in (vector_of(each.text) or b"" for each in held)
    ]


def _shifts(
    near: Sequence[Sequence[int]], coin: NDArray[np.int64], beyond: Array, *, k0: float, n_models: int
) -> Array:
    shifts = np.zeros((len(near), n_models))
    for row, places in enumerate(near):
        for model in range(n_models):
            known = [beyond[at] for at in places if coin[at] == model]
            if known:
                shifts[row, model] = len(known) / (len(known) + k0) * float(np.mean(known))
    return shifts


def _heads(
    past: Sequence[Prompt], held: Sequence[Prompt], coin: NDArray[np.int64], models: Sequence[str], *, told: bool
) -> tuple[Array, Array]:
    learner = Learner()
    lessons = [
        Told(Lesson(str(n), _question(each, told=told), models[int(m)], each.quality[models[int(m)]]), NOW, NOW, PRIOR)
        for n, (each, m) in enumerate(zip(past, coin, strict=True))
    ]
    learner.learn(lessons)
    heads = learner.heads()

    def expected(prompts: Sequence[Prompt]) -> Array:
        questions = [_question(each, told=told) for each in prompts]
        return np.array(
            [[PRIOR + heads[name].expect(encoded(each), topic_of(each))[0] for name in models] for each in questions]
        )

    return expected(past), expected(held)


def _question(prompt: Prompt, *, told: bool) -> Question:
    intents = (prompt.intent,) if told and prompt.intent else ()
    return Question("", language_of(prompt.text), intents=intents, n_tokens=len(prompt.text) // 4)


def _print_line(
    name: str, least: float, k0: float, near: Sequence[Sequence[int]], found: tuple[Array, Array, Array]
) -> None:
    base, moved, truth = found
    draw, rows = np.random.default_rng(0), np.arange(len(truth))
    tries = [rows, *(draw.integers(0, len(rows), len(rows)) for _ in range(N_BOOTSTRAPS))]
    apgr = [recovered(moved[at], truth[at]) - recovered(base[at], truth[at]) for at in tries]
    gain = truth[rows, moved.argmax(1)] - truth[rows, base.argmax(1)]
    best = [float(gain[at].mean()) for at in tries]
    had = np.mean([bool(each) for each in near])
    quality = float(truth[rows, base.argmax(1)].mean())
    print(
        f"| {name} | {least} | {k0:g} | {had:.0%} | {recovered(base, truth):.3f} | {_told(apgr)} "
        f"| {quality:.3f} | {_told(best)} |"
    )


def _told(values: Sequence[float]) -> str:
    low, high = np.quantile(values[1:], (0.025, 0.975))
    return f"{values[0]:+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
