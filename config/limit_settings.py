"""How much one proxy key may use, where the key itself does not say."""

from __future__ import annotations

from dataclasses import dataclass

from config.bounds import Count


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Limits of every proxy key that was made without its own; callers without a key share one count."""

    requests_per_minute: Count = 0
    """Most requests in any sixty seconds; 0 sets no limit."""
    tokens_per_minute: Count = 0
    """Most input and output tokens in any sixty seconds, expected ones until the answer is there; 0 sets no limit."""
