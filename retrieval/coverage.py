"""How much of the answers is sent, and at what cost: coverage of gold spans by tokens, with bootstrap intervals.

Answerability first: a saving says nothing unless it is known how many questions can still be answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from config.tokens import estimate_tokens
from retrieval.choose import Limits
from retrieval.fusion import by_script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retrieval.found import Found
    from retrieval.fusion import Fuse
    from retrieval.hybrid import Index, Leg
    from retrieval.questions_file import GoldQuestion
    from retrieval.scoped import Naming

Method = Literal["hybrid", "dense", "bm25", "documents"]
METHODS: tuple[Method, ...] = ("hybrid", "dense", "bm25", "documents")
KS = (1, 3, 5, 10, 20)
BUDGETS = (500, 1200, 1900)
TARGETS = (0.90, 0.95, 0.99)
N_RESAMPLES = 1000
SEED = 11
_LEGS: dict[Method, Leg] = {"hybrid": "hybrid", "dense": "dense", "bm25": "words", "documents": "hybrid"}
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Measured:
    """What one method sends for each question: arrays `(n_questions, steps)`, a step being k or a budget."""

    covered: NDArray[np.float64]
    """Share of the gold characters."""
    whole: NDArray[np.bool_]
    """Whether all of them."""
    tokens: NDArray[np.float64]
    first: NDArray[np.bool_]
    """Whether the first passage is of the gold document, `(n_questions,)`."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % bootstrap interval over questions; `None` where it is never reached."""

    value: float | None
    low: float | None
    high: float | None


NamingOf = Callable[[str], "Naming | None"]
Sent = list[tuple[str, int, int, int]]
"""Document, start, end and tokens of each passage, best first."""


def measure(
    index: Index,
    questions: Sequence[GoldQuestion],
    method: Method,
    *,
    n_steps: int = KS[-1],
    told: Callable[[], object] = lambda: None,
    fuse: Fuse = by_script,
    naming: NamingOf = lambda _question: None,
) -> Measured:
    """Return coverage and tokens at k = 1 to `n_steps` passages; `told` hears of every question.

    `naming` says what a question names.
    """
    rows = [
        _row(_whole_documents(index, found) if method == "documents" else _sent(found), question, n_steps)
        for found, question in _searched(
            index, questions, Limits(n_steps), _LEGS[method], told, fuse=fuse, naming=naming
        )
    ]
    return _stacked(rows)


def measure_budgets(
    index: Index,
    questions: Sequence[GoldQuestion],
    *,
    budgets: Sequence[int] = BUDGETS,
    told: Callable[[], object] = lambda: None,
    naming: NamingOf = lambda _question: None,
) -> Measured:
    """Return coverage and tokens of hybrid search where each question sends at most so many tokens."""
    steps = [
        [
            _row(_sent(found), question, KS[-1])
            for found, question in _searched(
                index, questions, Limits(KS[-1], token_budget=budget), "hybrid", told, naming=naming
            )
        ]
        for budget in budgets
    ]
    last = [[(c[-1:], w[-1:], t[-1:], first) for c, w, t, first in step] for step in steps]
    parts = [_stacked(step) for step in last]
    return Measured(
        np.hstack([part.covered for part in parts]),
        np.hstack([part.whole for part in parts]),
        np.hstack([part.tokens for part in parts]),
        parts[0].first,
    )


def _searched(
    index: Index,
    questions: Sequence[GoldQuestion],
    limits: Limits,
    leg: Leg,
    told: Callable[[], object],
    *,
    fuse: Fuse = by_script,
    naming: NamingOf = lambda _question: None,
) -> list[tuple[Found, GoldQuestion]]:
    """Return what is found for each question; the vectors are made many at once."""
    found: list[tuple[Found, GoldQuestion]] = []
    for start in range(0, len(questions), _BLOCK):
        block = questions[start : start + _BLOCK]
        vectors = (
            index.embed_questions([question.text for question in block]) if leg != "words" else [None] * len(block)
        )
        for question, vector in zip(block, vectors, strict=True):
            named = naming(question.text)
            found.append(
                (index.search(question.text, limits, leg=leg, vector=vector, fuse=fuse, naming=named), question)
            )
            told()
    return found


def _sent(found: Found) -> Sent:
    return [(each.passage.doc, each.passage.start, each.passage.end, each.n_tokens) for each in found.passages]


def _whole_documents(index: Index, found: Found) -> Sent:
    """Return the documents of the passages whole, each where its first passage stands."""
    texts = {document.name: document.text for document in index.documents}
    names = dict.fromkeys(each.passage.doc for each in found.passages)
    return [(name, 0, len(texts[name]), estimate_tokens(texts[name])) for name in names]


def _row(
    sent: Sent, question: GoldQuestion, n_steps: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64], bool]:
    """Return covered share, wholeness and tokens after each passage; after the last one they stay as they are."""
    low = min(start for part in question.parts for start, _ in part)
    high = max(end for part in question.parts for _, end in part)
    marked = np.zeros(high - low, dtype=bool)
    total = sum(part[0][1] - part[0][0] for part in question.parts)
    covered, whole, tokens = np.zeros(n_steps), np.zeros(n_steps, dtype=bool), np.zeros(n_steps)
    share, spent = 0.0, 0
    for step in range(n_steps):
        if step < len(sent):
            doc, start, end, n_tokens = sent[step]
            spent += n_tokens
            if doc == question.doc:
                marked[max(0, start - low) : max(0, end - low)] = True
                best = [max(float(marked[a - low : b - low].mean()) for a, b in part) for part in question.parts]
                share = (
                    sum(each * (part[0][1] - part[0][0]) for each, part in zip(best, question.parts, strict=True))
                    / total
                )
                whole[step:] = min(best) == 1.0
        covered[step], tokens[step] = share, spent
    return covered, whole, tokens, bool(sent) and sent[0][0] == question.doc


def covered_by(sent: Sent, question: GoldQuestion, n_steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return share of the gold characters and tokens after each passage; after the last one they stay as they are."""
    covered, _, tokens, _ = _row(sent, question, n_steps)
    return covered, tokens


def _stacked(
    rows: Sequence[tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64], bool]],
) -> Measured:
    covered, whole, tokens, first = zip(*rows, strict=True)
    return Measured(np.stack(covered), np.stack(whole), np.stack(tokens), np.array(first))


def resamples(n: int, *, n_resamples: int = N_RESAMPLES, seed: int = SEED) -> NDArray[np.float64]:
    """Return how much each of `n` questions counts in each bootstrap resample, `(n_resamples, n)`; rows sum to 1."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples) / n


def mean(values: NDArray[np.float64] | NDArray[np.bool_], draws: NDArray[np.float64]) -> Interval:
    """Return the mean over questions with its interval."""
    low, high = np.quantile(draws @ values.astype(np.float64), [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def tokens_until(measured: Measured, target: float, draws: NDArray[np.float64]) -> tuple[int | None, Interval]:
    """Return the smallest k at which `target` of the questions are wholly covered, and the mean tokens sent there."""
    k = _first_reached(measured.whole.mean(axis=0), target)
    if k is None:
        return None, Interval(None, None, None)
    shares = draws @ measured.whole.astype(np.float64)
    tokens = draws @ measured.tokens
    at = [_first_reached(share, target) for share in shares]
    drawn = np.array([row[place] if place is not None else np.inf for row, place in zip(tokens, at, strict=True)])
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
    value = float(measured.tokens[:, k].mean())
    return k + 1, Interval(value, float(low), float(high) if np.isfinite(high) else None)


def _first_reached(shares: NDArray[np.float64], target: float) -> int | None:
    reached = np.flatnonzero(shares >= target - 1e-9)
    return int(reached[0]) if len(reached) else None


def tables(measured: Mapping[str, Measured], budgets: Measured, *, ks: Sequence[int] = KS) -> dict[str, object]:
    """Return the figures for people and programs, as plain JSON."""
    draws = resamples(len(budgets.first))
    return {
        "n": len(budgets.first),
        "methods": {name: _of_method(each, ks, draws) for name, each in measured.items()},
        "budgets": {str(budget): _cell(budgets, step, draws) for step, budget in enumerate(BUDGETS)},
    }


def _of_method(measured: Measured, ks: Sequence[int], draws: NDArray[np.float64]) -> dict[str, object]:
    until: dict[str, object] = {}
    for target in TARGETS:
        k, interval = tokens_until(measured, target, draws)
        until[f"{target:.0%}"] = {"k": k, "tokens": as_json(interval)}
    return {
        "first": as_json(mean(measured.first, draws)),
        "k": {str(k): _cell(measured, k - 1, draws) for k in ks if k <= measured.whole.shape[1]},
        "tokens_until": until,
    }


def _cell(measured: Measured, step: int, draws: NDArray[np.float64]) -> dict[str, object]:
    return {
        "covered": as_json(mean(measured.covered[:, step], draws)),
        "whole": as_json(mean(measured.whole[:, step], draws)),
        "tokens": as_json(mean(measured.tokens[:, step], draws)),
    }


def as_json(interval: Interval) -> dict[str, float | None]:
    """Return an interval as JSON."""
    return {
        name: None if value is None else round(value, 4)
        for name, value in (("value", interval.value), ("low", interval.low), ("high", interval.high))
    }
