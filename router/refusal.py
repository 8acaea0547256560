"""Why a deployment is not asked now: what a gate says, an attempt log keeps, and clients are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.failures import FailureClass

Scope = Literal["deployment", "host", "model", "key", "key_model"]
"""What a deployment is held back for: itself, its host, its model there, its key, or its key's use of that model."""
Reason = FailureClass | Literal["operator"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a deployment is not asked now. `wait_s` is what a client may be told to wait, `None` where nobody knows."""

    reason: Reason
    wait_s: float | None
    scope: Scope
