"""Sparse rows in plain NumPy: as many products as fitting linear heads needs, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]

BLOCK = 1 << 19
"""Entries multiplied at once, which bounds the memory a product takes."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Sparse rows; none is empty. Row i has the slots `slots[starts[i]:starts[i + 1]]` and the weights beside them."""

    starts: Ints
    """(n + 1,)"""
    slots: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.starts) - 1

    def times(self, table: Floats, *, block: int = BLOCK) -> Floats:
        """Return the rows (n, d) times a table (d, k): (n, k); `block` entries at once, and at least a row."""
        found = np.empty((len(self), table.shape[1]), np.float32)
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self.starts, int(self.starts[first]) + block, "right")) - 1
            last = min(max(last, first + 1), len(self))
            begin, end = int(self.starts[first]), int(self.starts[last])
            products = table[self.slots[begin:end]] * self.weights[begin:end, None]
            np.add.reduceat(products, self.starts[first:last] - begin, axis=0, out=found[first:last])
            first = last
        return found

    def pick(self, chosen: Ints) -> Rows:
        """Return some of the rows, in the order of `chosen`."""
        sizes = np.diff(self.starts)[chosen]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        places: Ints = np.arange(int(starts[-1])) + np.repeat(self.starts[chosen] - starts[:-1], sizes)
        return Rows(starts, self.slots[places], self.weights[places])

    def dense(self, width: int) -> Floats:
        """Return the rows as a table (n, d)."""
        found = np.zeros((len(self), width), np.float32)
        found[np.repeat(np.arange(len(self)), np.diff(self.starts)), self.slots] = self.weights
        return found

    def turned(self, width: int) -> Rows:
        """Return the transposed rows (d, n), each with an entry of weight 0 so that none is empty."""
        owners = np.repeat(np.arange(len(self)), np.diff(self.starts))
        slots = np.concatenate([self.slots, np.arange(width)])
        owners = np.concatenate([owners, np.zeros(width, np.int64)])
        weights = np.concatenate([self.weights, np.zeros(width, np.float32)])
        order = np.argsort(slots, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(slots, minlength=width))]).astype(np.int64)
        return Rows(starts, owners[order], weights[order])


def sparse(maps: Sequence[Mapping[int, float]]) -> Rows:
    """Return maps of slot -> weight as rows; no map may be empty."""
    sizes = np.fromiter((len(each) for each in maps), np.int64, len(maps))
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    slots = np.fromiter((slot for each in maps for slot in each), np.int64, int(starts[-1]))
    weights = np.fromiter((weight for each in maps for weight in each.values()), np.float32, int(starts[-1]))
    return Rows(starts, slots, weights)
