"""Settings of the comparison with requests that get nothing of what the product adds."""

from __future__ import annotations

from dataclasses import dataclass

from config.bounds import Share


@dataclass(frozen=True, slots=True)
class ExperimentSettings:
    """A randomised holdout: conversations that are answered without passages, so that what passages do can be told."""

    holdout: Share = 0.0
    """Share of conversations, 0 to 1, that get no passages although there are some for them. Drawn once for a
    conversation, so all of its turns are alike. 0 holds nobody out, and then nothing is compared."""
    salt: str = "1"
    """What the draw is made with; another one draws every conversation anew, for an experiment of its own."""
