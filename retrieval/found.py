"""What a search of the hybrid index gives: passages with their cost, and how they came to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from config.types import Passage
    from retrieval.scoped import Lifted, Scope


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage with what it costs."""

    passage: Passage
    n_tokens: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gives."""

    passages: tuple[FoundPassage, ...] = ()
    scope: Scope = "none"
    """Whether the given scope was searched, or was too weak, so that the whole library was."""
    degraded: str | None = None
    """Why the vectors had no say, where they had none."""
    lifted: tuple[Lifted, ...] = ()
    """What came of each thing that the question names."""
    vector: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    """That of the question; `None` where the vectors had no say."""

    @property
    def documents(self) -> dict[str, float]:
        """Return the documents of the passages with the best score of each, best first."""
        best: dict[str, float] = {}
        for found in self.passages:
            doc = found.passage.doc
            best[doc] = max(found.passage.score, best.get(doc, 0.0))
        return dict(sorted(best.items(), key=lambda item: -item[1]))
