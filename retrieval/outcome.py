"""Offline: what became of one measured question; a value between `evaluate.py` and `report.py`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question under one split: what became of it with its document there, and with its document away."""

    folder: str
    found: bool
    """The composed text holds every part and cites the document, whether or not it would have been refused."""
    answered: bool
    """Found, and not refused."""
    refused_wrongly: bool
    refused_rightly: bool
    n_tokens: int
    n_chars: int
