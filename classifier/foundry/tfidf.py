"""Trains a linear model on TF-IDF terms: one-vs-rest, squared hinge (liblinear), pruned to the terms that matter.

scikit-learn comes with the extra `[ml]`. Features are those of `classifier/vectorise.py`, so that what is trained is
what is served; scikit-learn sees a sparse matrix and never a text.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from classifier.text import clip, edge_terms, is_pair
from classifier.text import terms as terms_of
from classifier.vectorise import Vectoriser
from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

MOST_CANDIDATES = 200_000
_TOLERANCE = 1e-3
_MOST_ROUNDS = 2000


class SparseMatrix(Protocol):
    """What is asked of a scipy matrix, (texts, terms)."""

    @property
    def T(self) -> SparseMatrix:  # noqa: N802  # scipy's name
        """Return it turned over, (terms, texts)."""
        ...

    def astype(self, dtype: type) -> SparseMatrix:
        """Return it with other numbers."""
        ...

    def multiply(self, other: Floats) -> SparseMatrix:
        """Return it with each column multiplied by a number."""
        ...

    def tocsr(self) -> SparseMatrix:
        """Return it by rows, as scikit-learn takes it."""
        ...

    def dot(self, other: Floats) -> Floats:
        """Return its product with a vector."""
        ...


@dataclass(frozen=True, slots=True)
class LinearOptions:
    """How a linear model is trained."""

    max_features: int = 60_000
    """Terms kept; those with the longest weight vectors in a first training stay."""
    min_rows: int = 2
    """Rows that a term must stand in to be a candidate."""
    cost: float = 1.0
    """C of liblinear: the smaller, the smoother."""
    idf_power: float = 1.0
    """Exponent of the inverse document frequency: below 1, rare terms weigh less."""
    levels: int = 127
    """Steps that a weight is rounded to on each side of 0: fewer compress better and are hardly less right."""
    seed: int = 0
    contrast: float = 0.0
    """How much more a label may lean on terms that tell its rows from all others; 0: on every term alike."""
    pair_weight: float = 1.0
    """What the inverse document frequency of two neighbouring words is multiplied by."""
    edges: bool = False
    """Whether the first word, the first two and the last one are terms of their own."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A trained linear model: rounded weights, as they are served, and the exact ones they come from."""

    terms: tuple[str, ...]
    idf: Floats
    unknown_idf: float
    steps: NDArray[np.int8]
    """(terms, labels)."""
    scale: Floats
    """(labels,): what one step of a label is worth."""
    exact: Floats
    """(terms, labels), not rounded."""
    bias: Floats
    """(labels,)."""

    def vectoriser(self) -> Vectoriser:
        """Return the reader of texts that belongs to it."""
        return Vectoriser(self.terms, self.idf.tolist(), unknown_idf=self.unknown_idf)

    def scores(self, texts: Sequence[str]) -> Floats:
        """Return the scores of texts, (texts, labels)."""
        return self._product(texts, self.steps * self.scale)

    def exact_scores(self, texts: Sequence[str]) -> Floats:
        """Return the scores that the weights would give without rounding, (texts, labels)."""
        return self._product(texts, self.exact)

    def coarser(self, levels: int) -> Linear:
        """Return the same model with its weights rounded to `levels` steps on each side of 0."""
        steps, scale = rounded(self.exact, levels)
        return replace(self, steps=steps, scale=scale)

    def _product(self, texts: Sequence[str], weights: Floats) -> Floats:
        vectoriser = self.vectoriser()
        scores = np.empty((len(texts), len(self.bias)))
        for at, text in enumerate(texts):
            numbers, values = vectoriser.features(text)
            scores[at] = values @ weights[numbers] + self.bias
        return scores


def fit_linear(texts: Sequence[str], gold: Flags, options: LinearOptions) -> Linear:
    """Return the model of texts and their labels, (texts, labels); each label is set against all others.

    Raises `CorpusError` where a label has no row or every row: it cannot be learnt.
    """
    n_rows = gold.sum(axis=0)
    if not len(texts) or (n_rows == 0).any() or (n_rows == len(texts)).any():
        raise CorpusError("each label needs rows that carry it and rows that do not", file="the training rows")
    seen = Counter(term for text in texts for term in _told(text, options))
    candidates = sorted(term for term, count in seen.most_common(MOST_CANDIDATES) if count >= options.min_rows)
    if not candidates:
        raise CorpusError(f"no term stands in {options.min_rows} rows; more rows are needed", file="the training rows")
    model = _fit(texts, gold, candidates, seen, options)
    if len(candidates) <= options.max_features:
        return model
    # A term's say is its weight times how often it speaks; rare terms with large weights decide few rows.
    say = np.linalg.norm(model.exact, axis=1) * np.log1p(np.array([seen[term] for term in candidates]))
    kept = sorted(int(at) for at in np.argsort(-say, kind="stable")[: options.max_features])
    return _fit(texts, gold, [candidates[at] for at in kept], seen, options)


def rounded(weights: Floats, levels: int) -> tuple[NDArray[np.int8], Floats]:
    """Return whole steps and the worth of a step for each label; the largest weight of a label is `levels` steps."""
    largest = np.abs(weights).max(axis=0, initial=0.0)
    scale = np.where(largest > 0, largest / levels, 1.0)
    return np.clip(np.rint(weights / scale), -levels, levels).astype(np.int8), scale


def _told(text: str, options: LinearOptions) -> set[str]:
    return {*terms_of(text), *(edge_terms(clip(text)) if options.edges else ())}


def _fit(texts: Sequence[str], gold: Flags, terms: Sequence[str], seen: Counter[str], options: LinearOptions) -> Linear:
    n = len(texts)
    idf = np.array([math.log((1 + n) / (1 + seen[term])) + 1 for term in terms]) ** options.idf_power
    idf *= np.array([options.pair_weight if is_pair(term) else 1.0 for term in terms])
    unknown_idf = (math.log((1 + n) / 2) + 1) ** options.idf_power
    matrix = _matrix(texts, Vectoriser(terms, idf.tolist(), unknown_idf=unknown_idf), len(terms))
    if not options.contrast and (gold.sum(axis=1) == 1).all():
        weights, bias = _one_label(matrix, gold, options)
    else:
        parts = [_against_rest(matrix, column, options) for column in gold.T]
        weights, bias = np.stack([part[0] for part in parts], axis=1), np.array([part[1] for part in parts])
    steps, scale = rounded(weights, options.levels)
    return Linear(tuple(terms), idf, unknown_idf, steps, scale, weights, bias)


def _matrix(texts: Sequence[str], vectoriser: Vectoriser, n_terms: int) -> SparseMatrix:
    """Return the sparse (texts, terms) matrix of weights, for scikit-learn."""
    rows = [vectoriser.features(text) for text in texts]
    ends = np.cumsum([0, *(len(numbers) for numbers, _ in rows)])
    columns = np.concatenate([numbers for numbers, _ in rows])
    values = np.concatenate([weights for _, weights in rows]).astype(np.float64)
    return import_module("scipy.sparse").csr_matrix((values, columns, ends), shape=(len(texts), n_terms))


def _against_rest(matrix: SparseMatrix, column: Flags, options: LinearOptions) -> tuple[Floats, float]:
    """Return the weights and the bias of one label against all others.

    Terms are stretched by what they tell of the label before training, and the weights alike after it, so that what is
    served is the same kind of model: only the penalty falls lighter on telling terms.
    """
    stretch = _telling(matrix, column, options.contrast)
    stretched = matrix.multiply(stretch).tocsr() if options.contrast else matrix
    weights, bias = _one_label(stretched, np.stack([~column, column], axis=1), options)
    return weights[:, 1] * stretch, float(bias[1])


def _telling(matrix: SparseMatrix, column: Flags, contrast: float) -> Floats:
    """Return a factor a term, root mean square 1: 1 + contrast * |log ratio of its shares|, ratios in their mean.

    The shares, each with one row more, are those of the rows with and without the label that hold the term.
    After the log-count ratio of Wang and Manning, "Baselines and Bigrams" (ACL 2012).
    """
    turned = matrix.astype(bool).astype(float).T
    inside, outside = turned.dot(column.astype(float)), turned.dot((~column).astype(float))
    ratio = np.abs(np.log((1 + inside) / column.sum()) - np.log((1 + outside) / (~column).sum()))
    factors = 1 + contrast * ratio / (ratio.mean() or 1.0)
    return cast("Floats", factors / math.sqrt(float((factors**2).mean())))


def _one_label(matrix: SparseMatrix, gold: Flags, options: LinearOptions) -> tuple[Floats, Floats]:
    learner = import_module("sklearn.svm").LinearSVC(
        C=options.cost, random_state=options.seed, tol=_TOLERANCE, max_iter=_MOST_ROUNDS
    )
    with warnings.catch_warnings():
        # the last digits do not matter: held-out rows judge
        warnings.simplefilter("ignore", import_module("sklearn.exceptions").ConvergenceWarning)
        learner.fit(matrix, gold.argmax(axis=1))
    weights, bias = cast("Floats", learner.coef_).T, cast("Floats", learner.intercept_)
    if gold.shape[1] == 2:  # noqa: PLR2004  # liblinear gives one column for two labels
        return np.concatenate([-weights, weights], axis=1), np.concatenate([-bias, bias])
    return weights, bias
