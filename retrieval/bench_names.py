"""Offline: what two things that live requests have are worth on marked answers; `tests/bench/names.py` runs it.

Names: coverage with and without the lift for what a question names, paired by question. Dense: whether the third
measure of savings, which knows no answer (`equal_coverage.py`), asks for more than marked answers do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from config.tokens import estimate_tokens
from retrieval.choose import Limits
from retrieval.coverage import as_json, covered_by, mean, measure, measure_budgets, resamples
from retrieval.equal_coverage import dense_top_k
from retrieval.searcher import limits_for
from retrieval.stretches import choose_stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retrieval.coverage import Measured, NamingOf, Sent
    from retrieval.hybrid import Index
    from retrieval.questions_file import GoldQuestion

SHOWN_KS: Final = (1, 3, 5, 10)
BUDGET: Final = 500
LIVE_BUDGET: Final = 1890
"""What the default budget of a request leaves for text."""
LIVE_PASSAGES: Final = 6
FAR: Final = 400
"""Windows up to which the fixed k is looked for."""
Figures = dict[str, Any]


def measure_names(index: Index, questions: Sequence[GoldQuestion], naming: NamingOf) -> Figures:
    """Return each figure without and with the lift, and their difference with its interval, paired by question."""
    plain, lifted = (measure(index, questions, "hybrid", n_steps=SHOWN_KS[-1], naming=of) for of in (_nobody, naming))
    tight, tight_lifted = (
        measure_budgets(index, questions, budgets=(BUDGET,), naming=of).covered[:, 0] for of in (_nobody, naming)
    )
    pairs = {"gold document first": (plain.first, lifted.first)}
    pairs |= {f"gold characters at {k}": _at(plain, lifted, k) for k in SHOWN_KS}
    pairs[f"gold characters within {BUDGET} tokens"] = tight, tight_lifted
    return {
        "n": len(questions),
        "n_naming": sum(naming(each.text) is not None for each in questions),
        "rows": {name: compared(*pair) for name, pair in pairs.items()},
        "ms": _added_ms(index, questions, naming),
    }


def compared(plain: NDArray[Any], lifted: NDArray[Any]) -> Figures:
    """Return two means over questions and their difference with its interval, and how many changed each way."""
    gain = lifted.astype(np.float64) - plain.astype(np.float64)
    return {
        "without": round(float(plain.mean()), 4),
        "with": round(float(lifted.mean()), 4),
        "gain": as_json(mean(gain, resamples(len(gain)))),
        "better": int((gain > 0).sum()),
        "worse": int((gain < 0).sum()),
    }


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question: what was sent, and what the nearest windows would have been, step by step."""

    sent_tokens: int
    sent_covers: float
    live_tokens: int
    reached: bool
    far_covers: NDArray[np.float64]
    far_tokens: NDArray[np.float64]


def measure_dense(index: Index, questions: Sequence[GoldQuestion]) -> Figures:
    """Return tokens sent, those of the live measure, and those of the least fixed k that covers as much of the gold."""
    vectors = index.embed_questions([each.text for each in questions])
    asked = [_asked(index, question, vector) for question, vector in zip(questions, vectors, strict=True)]
    covers = float(np.mean([each.sent_covers for each in asked]))
    by_k = np.mean([each.far_covers for each in asked], axis=0)
    enough = np.flatnonzero(by_k >= covers - 1e-9)
    fixed = int(enough[0]) if len(enough) else None
    draws = resamples(len(asked))
    return {
        "n": len(asked),
        "sent": as_json(mean(np.array([each.sent_tokens for each in asked]), draws)),
        "covers": round(covers, 4),
        "live": as_json(mean(np.array([each.live_tokens for each in asked]), draws)),
        "reached": round(float(np.mean([each.reached for each in asked])), 4),
        "fixed_k": None if fixed is None else fixed + 1,
        "fixed": as_json(mean(np.array([each.far_tokens[-1 if fixed is None else fixed] for each in asked]), draws)),
        "fixed_covers": round(float(by_k[-1 if fixed is None else fixed]), 4),
    }


def _asked(index: Index, question: GoldQuestion, vector: NDArray[np.float32]) -> _Asked:
    limits = limits_for(LIVE_PASSAGES, token_budget=LIVE_BUDGET)
    found = index.search(question.text, limits, vector=vector, choosing=choose_stretches).passages
    passages = [each.passage for each in found]
    live = dense_top_k(index, question.text, vector, passages)
    sent: Sent = [(each.passage.doc, each.passage.start, each.passage.end, each.n_tokens) for each in found]
    n_tokens = sum(each.n_tokens for each in found)
    covers = covered_by(sent, question, max(1, len(sent)))[0]
    far, tokens = covered_by(_nearest(index, question, vector), question, FAR)
    return _Asked(n_tokens, float(covers[-1]), live.n_tokens if live else 0, bool(live and live.reached), far, tokens)


def _nearest(index: Index, question: GoldQuestion, vector: NDArray[np.float32]) -> Sent:
    """Return the nearest windows, each with the tokens of what no window before it held."""
    sent: Sent = []
    read: dict[int, set[int]] = {}
    for row in index.nearest(question.text, vector, n=FAR).tolist():
        place, first, last = (int(each) for each in index.windows[row])
        document, starts = index.documents[place], index.documents[place].sentences.starts
        new = set(range(first, last)) - read.setdefault(place, set())
        read[place] |= new
        n_tokens = sum(estimate_tokens(document.text[starts[at] : starts[at + 1]]) for at in new)
        sent.append((document.name, starts[first], starts[last], n_tokens))
    return sent


def _nobody(_question: str) -> None:
    return None


def _at(plain: Measured, lifted: Measured, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return plain.covered[:, k - 1], lifted.covered[:, k - 1]


def _added_ms(index: Index, questions: Sequence[GoldQuestion], naming: NamingOf) -> Figures:
    """Return the median milliseconds of the processor for a question that names something, without and with the lift.

    Time on the clock would say how busy the machine is.
    """
    took: dict[str, list[float]] = {"without": [], "with": []}
    for question in [each for each in questions if naming(each.text) is not None]:
        for name, named in (("without", None), ("with", naming(question.text))):
            began = time.thread_time()
            index.search(question.text, Limits(5), naming=named)
            took[name].append((time.thread_time() - began) * 1000)
    return {name: round(median(times), 3) if times else None for name, times in took.items()}
