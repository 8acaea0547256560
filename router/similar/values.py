"""What is remembered of a question that was answered. Nothing here does anything, and no text stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Rated:
    """What was made of an answer."""

    reward: float
    """0 to 1."""
    source: str
    """`user`, `admin` or `implicit`."""
    said: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was answered, without its words."""

    decision_id: str
    model: str
    """Whose answer the client got."""
    at: datetime
    caller: str | None = None
    """Prefix of the key that asked; `None` where none was needed."""
    rated: Rated | None = None
    """`None` while nobody said anything."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One that is like the question at hand."""

    asked: Asked
    similarity: float
    """Cosine, at most 1."""


@dataclass(frozen=True, slots=True)
class Record:
    """How one model's answers to such questions were received."""

    model: str
    n: int
    """Answers that somebody spoke of, or that a sign was seen of."""
    mean_reward: float
    """0 to 1; each key's mean counts once, however many answers it spoke of."""
