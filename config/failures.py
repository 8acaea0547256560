"""Why an attempt at a deployment failed: the word that errors, records and the health of deployments share."""

from __future__ import annotations

from typing import Literal

FailureClass = Literal[
    "transient", "rate", "quota", "credential", "model_access", "model_gone", "context", "policy", "caller"
]
"""It alone decides whether the next candidate is tried (see `router/dispatch.py`)."""
