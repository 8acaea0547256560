"""Makes a corpus fit to learn from, and says of every row it drops why: what is wrong, twice there or contradicted."""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from classifier.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from classifier.foundry.corpus import Row

NEAR = 0.85
"""Jaccard index of character trigrams from which two texts are near-copies."""
MOST_TIMES_MEDIAN = 3.0
"""Rows of one label and language, in medians of all; what is more is dropped."""
_SHINGLE = 3
_HASHES, _ROWS_A_BAND = 64, 4
_PRIME = (1 << 61) - 1
_SIGNS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that is not learnt from, and why, in words."""

    row: Row
    reason: str


@dataclass(frozen=True, slots=True)
class Refined:
    """What is left of a corpus, and what is not."""

    rows: tuple[Row, ...]
    dropped: tuple[Dropped, ...]

    def reasons(self) -> dict[str, int]:
        """Return how many rows each reason took, the most frequent first."""
        return dict(Counter(each.reason for each in self.dropped).most_common())


def sift(rows: Sequence[Row], labels: Sequence[str], *, one_label: bool) -> Refined:
    """Return the rows that can be learnt from at all; anybody's own data takes no more than this.

    `one_label` allows at most one label a row; `labels` empty allows every label. Repeats stay: how often people say
    a thing is part of what is learnt.
    """
    sieve = _Sieve()
    known = set(labels)
    return sieve.refined(sieve.keep((row, _fault(row, known, one_label=one_label)) for row in rows))


def refine(rows: Sequence[Row], labels: Sequence[str], *, one_label: bool, held_out: Sequence[Row] = ()) -> Refined:
    """Return the rows of a written corpus worth learning from.

    Sifted, no text twice, none that contradicts another, no near-copies, no label far larger than the others.
    Near-copies of `held_out` rows are dropped too, for they would flatter the evaluation.
    """
    sifted = sift(rows, labels, one_label=one_label)
    sieve = _Sieve(list(sifted.dropped))
    left = sieve.keep(_twice(sifted.rows))
    left = sieve.keep(_near_copies(left, held_out))
    return sieve.refined(sieve.keep(_too_many(left)))


def normal_form(text: str) -> str:
    """Return what near-copies are compared by: the normalised text without signs and spaces, unless it has no other."""
    clipped = clip(text)
    return _SIGNS.sub("", clipped) or clipped


def shingles(text: str) -> frozenset[str]:
    """Return the character trigrams of a text's normal form; a shorter text is its own only one."""
    form = normal_form(text)
    return frozenset(form[at : at + _SHINGLE] for at in range(max(1, len(form) - _SHINGLE + 1)))


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Return the share of two sets' members that both have."""
    return len(left & right) / len(left | right)


def near_pairs(texts: Sequence[str], *, near: float = NEAR) -> Iterator[tuple[int, int]]:
    """Yield the pairs `(earlier, later)` of texts at least `near` each other; MinHash finds them, Jaccard decides."""
    sets = [shingles(text) for text in texts]
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for at, signature in enumerate(_signatures(sets)):
        candidates: set[int] = set()
        for band in range(0, _HASHES, _ROWS_A_BAND):
            bucket = buckets[band, signature[band : band + _ROWS_A_BAND].tobytes()]
            candidates.update(bucket)
            bucket.append(at)
        for earlier in sorted(candidates):
            if jaccard(sets[earlier], sets[at]) >= near:
                yield earlier, at


class _Sieve:
    def __init__(self, dropped: list[Dropped] | None = None) -> None:
        self._dropped = dropped or []

    def keep(self, judged: Iterable[tuple[Row, str]]) -> list[Row]:
        left: list[Row] = []
        for row, reason in judged:
            if reason:
                self._dropped.append(Dropped(row, reason))
            else:
                left.append(row)
        return left

    def refined(self, rows: Sequence[Row]) -> Refined:
        return Refined(tuple(rows), tuple(self._dropped))


def _signatures(sets: Sequence[frozenset[str]]) -> Iterator[NDArray[np.uint64]]:
    rng = np.random.default_rng(20261121)
    factors = rng.integers(1, 1 << 29, _HASHES, dtype=np.uint64)
    shifts = rng.integers(0, 1 << 60, _HASHES, dtype=np.uint64)
    for each in sets:
        codes = np.array([zlib.crc32(s.encode("utf-8", "surrogatepass")) for s in sorted(each)], np.uint64)
        # 29 + 32 bits fit into 61, and the sum into 64: no product wraps
        yield ((codes[:, None] * factors + shifts) % np.uint64(_PRIME)).min(axis=0)


def _fault(row: Row, labels: set[str], *, one_label: bool) -> str:
    if not normal_form(row.text):
        return "empty text"
    if labels and not set(row.labels) <= labels:
        return "unknown label"
    if one_label and len(row.labels) > 1:
        return "more than one label"
    return ""


def _twice(rows: Sequence[Row]) -> Iterator[tuple[Row, str]]:
    said: dict[str, set[frozenset[str]]] = defaultdict(set)
    for row in rows:
        said[clip(row.text)].add(frozenset(row.labels))
    seen: set[str] = set()
    for row in rows:
        form = clip(row.text)
        if len(said[form]) > 1:
            yield row, "the same text with other labels"
        elif form in seen:
            yield row, "the same text again"
        else:
            seen.add(form)
            yield row, ""


def _near_copies(rows: Sequence[Row], held_out: Sequence[Row]) -> Iterator[tuple[Row, str]]:
    n_held_out = len(held_out)
    texts = [row.text for row in (*held_out, *rows)]
    reasons: dict[int, str] = {}
    for earlier, later in near_pairs(texts):
        at = later - n_held_out
        if at < 0 or at in reasons:
            continue
        if earlier < n_held_out:
            reasons[at] = "near-copy of a held-out text"
        elif earlier - n_held_out not in reasons and rows[earlier - n_held_out].labels == rows[at].labels:
            reasons[at] = "near-copy of another text"
    for at, row in enumerate(rows):
        yield row, reasons.get(at, "")


def _too_many(rows: Sequence[Row]) -> Iterator[tuple[Row, str]]:
    groups = Counter((row.labels, row.lang) for row in rows)
    alone = [count for (labels, _), count in groups.items() if len(labels) == 1]
    most = MOST_TIMES_MEDIAN * median(alone) if alone else len(rows)
    taken: Counter[tuple[tuple[str, ...], str]] = Counter()
    for row in rows:
        group = row.labels, row.lang
        taken[group] += 1
        yield row, "more rows of one label than balance allows" if taken[group] > most else ""
