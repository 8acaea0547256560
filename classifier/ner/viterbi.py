"""The best path through a linear chain of tags and how sure it is, in NumPy; no torch is needed to serve.

`start` (tags,), `moves` (from, to) and `stop` (tags,) are log-weights; `emissions` is (tokens, tags). What is
forbidden weighs `FORBIDDEN`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from classifier.ner.spans import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

FORBIDDEN = -1e4


@dataclass(frozen=True)
class Chain:
    """The weights of a linear-chain CRF beside its emissions."""

    start: Floats
    moves: Floats
    stop: Floats

    @cached_property
    def odds(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Start, moves and stop without the logarithm."""
        start, moves, stop = (np.exp(each.astype(np.float64)) for each in (self.start, self.moves, self.stop))
        return start, moves, stop


def legal(tags: Sequence[str]) -> Chain:
    """Return 0 where BIO allows a tag after another or at the start, else `FORBIDDEN`; any tag may be the last."""
    n = len(tags)
    moves, start = np.zeros((n, n), np.float32), np.zeros(n, np.float32)
    for to, tag in enumerate(tags):
        if not tag.startswith("I-"):
            continue
        start[to] = FORBIDDEN
        for before, other in enumerate(tags):
            if other == OUTSIDE or other[2:] != tag[2:]:
                moves[before, to] = FORBIDDEN
    return Chain(start, moves, np.zeros(n, np.float32))


def best_path(emissions: Floats, chain: Chain) -> NDArray[np.int64]:
    """Return the tags, (tokens,), of the path with the largest sum; the first of equals."""
    n = len(emissions)
    path = np.zeros(n, np.int64)
    if not n:
        return path
    score = chain.start + emissions[0]
    came = np.zeros(emissions.shape, np.int64)
    for at in range(1, n):
        paths = score[:, None] + chain.moves
        came[at] = paths.argmax(axis=0)
        score = paths.max(axis=0) + emissions[at]
    path[-1] = int((score + chain.stop).argmax())
    for at in range(n - 1, 0, -1):
        path[at - 1] = came[at, path[at]]
    return path


def segment_p(
    emissions: Floats, chain: Chain, path: NDArray[np.int64], segments: Sequence[tuple[int, int]]
) -> list[float]:
    """Return the probability that a path drawn from the chain agrees with `path` on each segment, end exclusive.

    The entity must also end there: that the token behind it carries it on does not count. Forward and backward sums,
    scaled at each token (Rabiner 1989, section V.A), so that nothing runs over in a long text.
    """
    if not segments:
        return []
    start, moves, last = chain.odds
    weights = np.exp(emissions.astype(np.float64) - emissions.max(axis=1, keepdims=True))
    n = len(weights)
    before, after, scale = np.empty(weights.shape), np.empty(weights.shape), np.empty(n)
    reached = start * weights[0]
    for at in range(n):
        if at:
            reached = (reached @ moves) * weights[at]
        scale[at] = whole = reached.sum()
        reached = before[at] = reached / whole
    after[-1] = last / (before[-1] @ last)
    scaled = weights / scale[:, None]
    for at in range(n - 2, min(end for _, end in segments) - 1, -1):  # nobody asks what comes after an earlier token
        after[at] = moves @ (scaled[at + 1] * after[at + 1])
    steps = moves[path[:-1], path[1:]] * scaled[np.arange(1, n), path[1:]]
    found: list[float] = []
    for first, end in segments:
        p = before[first, path[first]] * np.multiply.reduce(steps[first : end - 1])
        if end == n:
            found.append(float(p * after[-1, path[-1]]))
            continue
        onward = moves[path[end - 1]] * scaled[end] * after[end]
        found.append(float(p * (onward.sum() - onward[_inside(int(path[end - 1]))])))
    return found


def _inside(tag: int) -> int:
    """Return the tag that carries an entity on; tags are O, B-x, I-x, B-y, I-y, ..."""
    return tag + tag % 2
