"""Vectors to length 1, so that the inner product is the cosine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TINY = np.float32(1e-12)


def of_length_one(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows of `(n, dimension)` scaled to length 1; zeros stay zeros."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32), _TINY)
