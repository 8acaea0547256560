"""The built-in embedder: latent semantic analysis of character n-grams, fitted to the library itself.

Deerwester et al. 1990 over sublinear tf-idf, with the randomized range finder of Halko, Martinsson and Tropp 2011. It
needs no download and no more than NumPy; its vectors mean something only beside others of the same fit.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from retrieval.lengths import of_length_one
from retrieval.ngrams import N_BUCKETS, Counts, count_ngrams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

DIMENSION = 128
MAX_FEATURES = 40_000
"""Most n-grams that count: those that stand in the most passages."""
MIN_PASSAGES = 2
"""An n-gram that stands in fewer passages tells nothing about others; in a small library all count."""
SMALL = 200
"""Passages up to which a library is small."""
MAX_FITTED = 2_000
"""Most passages that the fit looks at: a sample drawn by the seed."""
OVERSAMPLING = 8
N_SWEEPS = 2
"""Power iterations; each looks at every fitted passage once."""
SEED = 7
VERSION = 1
"""Raised when the same texts would give other vectors."""
_BLOCK = 128
_RANK_TOLERANCE = 1e-6


class LsaEmbedder:
    """Texts to vectors of length 1; see `fit_lsa`. A text that shares no n-gram with the library gives zeros."""

    name = "lsa"

    def __init__(self, features: NDArray[np.int32], weights: NDArray[np.float32], basis: NDArray[np.float32]) -> None:
        self.features = features
        """Bucket -> row of the basis, -1 where it does not count; `N_BUCKETS` long."""
        self.weights = weights
        """Inverse document frequency of each row."""
        self.basis = basis
        """Rows by dimensions."""
        self.dimension = int(basis.shape[1])
        digest = hashlib.sha256(f"lsa {VERSION} {basis.shape}".encode())
        for part in (features, weights, basis):
            digest.update(np.ascontiguousarray(part).data)
        self.fingerprint = f"lsa:{digest.hexdigest()[:16]}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector a text, `(len(texts), dimension)`; about 0.2 ms for a question."""
        found = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), _BLOCK):
            part = texts[start : start + _BLOCK]
            matrix, columns = _weighed(count_ngrams(part), self.features, self.weights)
            if len(part) == 1:  # a question: for so little, BLAS would wait for its threads on busy cores
                found[start] = np.einsum("j,jk->k", matrix[0], self.basis[columns])
            else:
                found[start : start + len(part)] = matrix @ self.basis[columns]
        return of_length_one(found)


def fit_lsa(
    texts: Sequence[str],
    *,
    dimension: int = DIMENSION,
    seed: int = SEED,
    told: Callable[[int, int], object] = lambda _done, _all: None,
) -> LsaEmbedder:
    """Return the embedder fitted to `texts`; at most `MAX_FITTED` of them count. The same texts give the same vectors.

    `told` hears how many steps are done, and of how many.
    """
    rng = np.random.default_rng(seed)
    at = np.sort(rng.choice(len(texts), MAX_FITTED, replace=False)) if len(texts) > MAX_FITTED else range(len(texts))
    sample = [texts[place] for place in at]
    blocks = [count_ngrams(sample[start : start + _BLOCK]) for start in range(0, len(sample), _BLOCK)]
    n_steps = N_SWEEPS * len(blocks)
    features, weights = _features(blocks, len(sample))
    if not len(weights):
        return LsaEmbedder(features, weights, np.zeros((0, 1), dtype=np.float32))
    rank = min(dimension, len(sample), len(weights))
    width = min(rank + OVERSAMPLING, len(weights))
    basis = rng.standard_normal((len(weights), width), dtype=np.float32)
    for sweep in range(N_SWEEPS):
        product = np.zeros_like(basis)
        for place, block in enumerate(blocks):
            matrix, columns = _weighed(block, features, weights)
            product[columns] += matrix.T @ (matrix @ basis[columns])
            told(sweep * len(blocks) + place + 1, n_steps)
        basis = _orthonormal(product)
    return LsaEmbedder(features, weights, np.ascontiguousarray(basis[:, :rank]))


def _orthonormal(product: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return orthonormal columns of the same span, the strongest first; by the small Gram matrix, which is quick."""
    strengths, turned = np.linalg.eigh(product.T @ product)
    strongest = np.flatnonzero(strengths > strengths[-1] * _RANK_TOLERANCE)[::-1]
    scaled = turned[:, strongest] / np.sqrt(strengths[strongest])
    return product @ scaled.astype(np.float32)


def _features(blocks: Sequence[Counts], n_texts: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return which buckets count, as rows of the basis, and their inverse document frequency."""
    frequency = np.zeros(N_BUCKETS, dtype=np.int64)
    for block in blocks:
        frequency += np.bincount(block.buckets, minlength=N_BUCKETS)
    least = MIN_PASSAGES if n_texts > SMALL else 1
    kept = np.flatnonzero(frequency >= least)
    if len(kept) > MAX_FEATURES:
        kept = np.sort(kept[np.argsort(-frequency[kept], kind="stable")[:MAX_FEATURES]])
    features = np.full(N_BUCKETS, -1, dtype=np.int32)
    features[kept] = np.arange(len(kept), dtype=np.int32)
    weights = np.log((1 + n_texts) / (1 + frequency[kept])) + 1
    return features, weights.astype(np.float32)


def _weighed(
    block: Counts, features: NDArray[np.int32], weights: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return tf-idf as a matrix with rows of length 1, and which columns it has: those that are not all zero."""
    n_rows = len(block.bounds) - 1
    rows = np.repeat(np.arange(n_rows), np.diff(block.bounds))
    wanted = features[block.buckets]
    known = wanted >= 0
    rows, wanted = rows[known], wanted[known]
    values = (1 + np.log(block.counts[known])) * weights[wanted]
    lengths = np.sqrt(np.bincount(rows, weights=values * values, minlength=n_rows))
    columns, places = (wanted, np.arange(len(wanted))) if n_rows == 1 else np.unique(wanted, return_inverse=True)
    matrix = np.zeros((n_rows, len(columns)), dtype=np.float32)
    matrix[rows, places] = values / lengths[rows]
    return matrix, columns
