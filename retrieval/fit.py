"""Offline: fits the ranker, answerability and the threshold on questions with known places, in numpy.

`evaluate.py` measures this procedure on documents that it was not fitted on, and ships what it makes of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrieval.evidence import FEATURES
from retrieval.model import SIGNS, Model, p_units, signs
from retrieval.questions import holds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from config.types import Json
    from retrieval.questions import Case

N_STEPS = 400
LEARNING_RATE = 0.05
RANKER_L2 = 1e-3
ANSWERABILITY_L2 = 1e-3
REFUSAL_TARGET = 0.88
"""Share of the questions without an answer that the threshold must refuse on the fitting side: the goal is 0.80."""


def fit(cases: Sequence[Case], *, recipe: Json | None = None) -> Model:
    """Return the model fitted on the cases."""
    ranker = _fit_ranker(cases)
    model = Model(
        ranker={"zh": ranker[: len(FEATURES)], "en": ranker[: len(FEATURES)] + ranker[len(FEATURES) :]},
        answerability=np.zeros(len(SIGNS)),
        threshold=0.5,
        recipe=recipe or {},
    )
    held = np.array([signs(case.held, p_units(model, case.held)) for case in cases])
    removed = np.array([signs(case.removed, p_units(model, case.removed)) for case in cases])
    weights = _fit_logistic(np.vstack([held, removed]), np.repeat([1.0, 0.0], len(cases)))
    p_removed = 1 / (1 + np.exp(-(removed @ weights)))
    return Model(model.ranker, weights, float(np.quantile(p_removed, REFUSAL_TARGET)), model.recipe)


def _fit_ranker(cases: Sequence[Case]) -> NDArray[np.float64]:
    """Return shared weights and what English adds to them: a softmax over a question's units, by cross-entropy."""
    rows: list[NDArray[np.float64]] = []
    wanted: list[NDArray[np.float64]] = []
    for case in cases:
        marks = np.array([
            [holds(unit, case.asked, part) for unit in case.held.units] for part in range(len(case.asked.parts))
        ], dtype=np.float64)  # fmt: skip
        marks = marks[marks.any(axis=1)] if marks.size else marks[:0]
        if not len(marks):
            continue
        wanted.append((marks / marks.sum(axis=1, keepdims=True)).mean(axis=0))
        rows.append(np.hstack([case.held.features, case.held.features * (case.held.question.language == "en")]))
    x, y = np.vstack(rows), np.concatenate(wanted)
    starts = np.cumsum([0, *(len(block) for block in rows[:-1])])
    of = np.repeat(np.arange(len(rows)), [len(block) for block in rows])

    def gradient(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        logits = x @ weights
        odds = np.exp(logits - np.maximum.reduceat(logits, starts)[of])
        p = odds / np.add.reduceat(odds, starts)[of]
        return x.T @ (p - y) / len(rows) + RANKER_L2 * weights

    return _adam(gradient, x.shape[1])


def _fit_logistic(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of a logistic regression."""

    def gradient(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        p = 1 / (1 + np.exp(-(x @ weights)))
        return x.T @ (p - y) / len(x) + ANSWERABILITY_L2 * weights

    return _adam(gradient, x.shape[1], n_steps=4 * N_STEPS)


def _adam(
    gradient: Callable[[NDArray[np.float64]], NDArray[np.float64]], n_weights: int, *, n_steps: int = N_STEPS
) -> NDArray[np.float64]:
    """Return the weights after `n_steps` of Adam (Kingma and Ba, 2015) from zero; deterministic."""
    weights, mean, square = np.zeros(n_weights), np.zeros(n_weights), np.zeros(n_weights)
    for step in range(1, n_steps + 1):
        slope = gradient(weights)
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        weights -= LEARNING_RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights


def as_json(model: Model) -> Json:
    """Return the model as `extractive.json` keeps it, every weight beside its name."""
    return {
        "recipe": model.recipe,
        "threshold": round(model.threshold, 4),
        "ranker": {
            language: {name: round(float(weight), 4) for name, weight in zip(FEATURES, weights, strict=True)}
            for language, weights in model.ranker.items()
        },
        "answerability": {
            name: round(float(weight), 4) for name, weight in zip(SIGNS, model.answerability, strict=True)
        },
    }
