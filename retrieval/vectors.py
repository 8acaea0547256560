"""Where vectors lie and are searched: FAISS, exact up to a size, above it an HNSW graph; others fit the Protocol.

Vectors have length 1, so the inner product is the cosine. FAISS is loaded by the first use of this module's store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

FLAT_MAX_VECTORS = 50_000
"""Up to here every vector is compared, which takes about 1 ms; above it a graph is walked."""
N_LINKS = 32
EF_CONSTRUCTION = 120
EF_SEARCH = 256
"""Breadth of the walk, at least the number of results wanted; recall at 200 results is about 0.97."""

MAX_AVERAGED = 2_000
"""Vectors that say what is common to all; of more, so many that lie evenly apart."""
PRIOR_VECTORS = 1
"""So many vectors without a direction count beside the others: one alone does not say what is common to all."""


class VectorStore(Protocol):
    """Vectors by row, from 0, with search by inner product."""

    def __len__(self) -> int: ...

    def search(self, vector: NDArray[np.float32], *, n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows and scores of about the `n` best for one vector, best first; fewer where there are fewer."""
        ...

    def scores(self, vector: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the exact score of each of the given rows."""
        ...

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of the given rows as they were put in, `(len(rows), dimension)`."""
        ...

    def to_bytes(self) -> bytes:
        """Return the store as it is written to disk."""
        ...


class _FaissIndex(Protocol):
    """The part of `faiss.Index` that is used; its own types speak of PyTorch, which need not be there."""

    ntotal: int

    def add(self, x: NDArray[np.float32], /) -> None: ...
    def search(self, x: NDArray[np.float32], k: int, /) -> tuple[NDArray[np.float32], NDArray[np.int64]]: ...
    def reconstruct_batch(self, keys: NDArray[np.int64], /) -> NDArray[np.float32]: ...


class FaissStore:
    """A FAISS index; never changes once built. Searches may run in several threads."""

    __slots__ = ("_index",)

    def __init__(self, index: object) -> None:
        self._index = cast("_FaissIndex", index)

    @classmethod
    def build(cls, vectors: NDArray[np.float32], *, flat_max: int = FLAT_MAX_VECTORS) -> FaissStore:
        """Return a store of `(n, dimension)` vectors of length 1."""
        import faiss  # noqa: PLC0415  # heavy: by the first build

        n, dimension = vectors.shape
        if n <= flat_max:
            index = faiss.IndexFlatIP(dimension)
        else:
            index = faiss.IndexHNSWFlat(dimension, N_LINKS, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = EF_CONSTRUCTION
            index.hnsw.efSearch = EF_SEARCH
        store = cls(index)
        store._index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return store

    @classmethod
    def from_bytes(cls, data: bytes) -> FaissStore:
        """Return the store that `to_bytes` wrote. Raises `RuntimeError` where it is none."""
        import faiss  # noqa: PLC0415  # as above

        return cls(faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8)))

    def to_bytes(self) -> bytes:
        """Return the store as FAISS writes it."""
        import faiss  # noqa: PLC0415  # as above

        return faiss.serialize_index(cast("Any", self._index)).tobytes()

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, vector: NDArray[np.float32], *, n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows and scores of the `n` best, best first."""
        scores, rows = self._index.search(vector.reshape(1, -1), min(n, len(self)))
        found = rows[0] >= 0
        return rows[0][found], scores[0][found]

    def scores(self, vector: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the exact score of each of the given rows."""
        if not len(rows):
            return np.zeros(0, dtype=np.float32)
        return np.einsum(
            "ij,j->i", self.vectors(rows), vector
        )  # not @: for so little, BLAS would wait for its threads on busy cores

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of the given rows."""
        return self._index.reconstruct_batch(np.ascontiguousarray(rows, dtype=np.int64))


def common_part(store: VectorStore) -> NDArray[np.float32]:
    """Return the mean of a store's vectors: its product with a question's is how near just any of them would lie.

    The vectors of many trained embedders lie in a narrow cone, so that texts that have nothing in common still have a
    cosine of 0.7 and more ([Ethayarajh 2019](https://arxiv.org/abs/1909.00512)).
    """
    rows = np.unique(np.linspace(0, len(store) - 1, min(len(store), MAX_AVERAGED)).astype(np.int64))
    return store.vectors(rows).sum(axis=0) / np.float32(len(rows) + PRIOR_VECTORS)
