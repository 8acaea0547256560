"""Texts to counted character n-grams, in NumPy: Han runs by 1 to 3 characters, words by 3 to 5 letters with their ends.

An n-gram is known by its hash in `N_BUCKETS`; two that share a bucket are one feature. No vocabulary is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.segment import CJK
from retrieval.terms import normalize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BUCKET_BITS = 18
N_BUCKETS = 1 << BUCKET_BITS
HAN_LENGTHS = (1, 2, 3)
WORD_LENGTHS = (3, 4, 5)

_SPACE = ord(" ")
_FACTOR = np.uint64(0x100000001B3)  # FNV's prime: odd, so that no bit is lost
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth): spreads neighbours over the high bits
_OTHER = re.compile(r"[\W_]+")
_HAN_RUNS = re.compile(f"([{CJK}]+)")
_HAN_RANGES = (
    (0x3005, 0x3005), (0x3007, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip
"""Those of `segment.CJK`, as numbers."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Sparse counts, row by row: row `i` holds `buckets[bounds[i]:bounds[i + 1]]` with their `counts`."""

    bounds: NDArray[np.int64]
    buckets: NDArray[np.int32]
    counts: NDArray[np.float32]


def count_ngrams(texts: Sequence[str]) -> Counts:
    """Return how often each n-gram stands in each text; a text without a letter has none."""
    points, owner = _points(texts)
    han = np.zeros(len(points), dtype=bool)
    for low, high in _HAN_RANGES:
        han |= (points >= low) & (points <= high)
    space = points == _SPACE
    keys = [
        np.concatenate([_keys(points, owner, space | ~han, length) for length in HAN_LENGTHS]),
        *(_word_keys(points, owner, (space, han), length) for length in WORD_LENGTHS),
    ]
    unique, counts = np.unique(np.concatenate(keys), return_counts=True)
    bounds = np.searchsorted(unique, np.arange(len(texts) + 1, dtype=np.int64) << BUCKET_BITS)
    return Counts(bounds, (unique & (N_BUCKETS - 1)).astype(np.int32), counts.astype(np.float32))


def _points(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all code points in one row, a blank around every word and Han run, and the text each belongs to."""
    plain = [" " + _HAN_RUNS.sub(r" \1 ", _OTHER.sub(" ", normalize(text))) + " " for text in texts]
    joined = "".join(plain).encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(joined, dtype="<u4").astype(np.int64)
    return points, np.repeat(np.arange(len(plain), dtype=np.int64), [len(text) for text in plain])


def _keys(
    points: NDArray[np.int64], owner: NDArray[np.int64], barred: NDArray[np.bool_], length: int
) -> NDArray[np.int64]:
    """Return one key (text and bucket) for each n-gram that holds no barred character."""
    n = len(points) - length + 1
    if n <= 0:
        return np.zeros(0, dtype=np.int64)
    total = np.concatenate([[0], np.cumsum(barred)])
    return _hashed(points, owner, np.flatnonzero(total[length:] == total[:n]), length)


def _word_keys(
    points: NDArray[np.int64],
    owner: NDArray[np.int64],
    space_and_han: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    length: int,
) -> NDArray[np.int64]:
    """Return the keys of n-grams of words: no Han character, and a blank at its ends only."""
    n = len(points) - length + 1
    if n <= 0:
        return np.zeros(0, dtype=np.int64)
    space, han = space_and_han
    total_han = np.concatenate([[0], np.cumsum(han)])
    total_space = np.concatenate([[0], np.cumsum(space)])
    whole = (total_han[length:] == total_han[:n]) & (total_space[length - 1 : -1] == total_space[1 : n + 1])
    return _hashed(points, owner, np.flatnonzero(whole), length)


def _hashed(
    points: NDArray[np.int64], owner: NDArray[np.int64], at: NDArray[np.int64], length: int
) -> NDArray[np.int64]:
    value = np.full(len(at), length, dtype=np.uint64)
    for step in range(length):
        value = (value * _FACTOR) ^ points[at + step].astype(np.uint64)
    value = (value ^ (value >> np.uint64(29))) * _MIX
    bucket = (value >> np.uint64(64 - BUCKET_BITS)).astype(np.int64)
    return (owner[at] << BUCKET_BITS) | bucket
