"""Settings of comparisons by chance: with nothing of what the product adds, and between two ways to choose a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from config.bounds import Between, PositiveCount, Share


@dataclass(frozen=True, slots=True)
class TrialSettings:
    """Two ways in which `auto` chooses, each for a share of the conversations (`[[experiment.trial]]`)."""

    name: str
    """What the books and `thalamus experiments status` call it; a new name draws every conversation anew."""
    policy_a: Literal["as_set", "learned", "weights"] = "as_set"
    """How arm `a` chooses; `as_set` is as `routing.policy` says."""
    policy_b: Literal["as_set", "learned", "weights"] = "as_set"
    """How arm `b` chooses."""
    dial_a: Share | None = None
    """Between cheap (0) and good (1) in arm `a`; `None` is as everywhere. Who sets a dial of their own is left out."""
    dial_b: Share | None = None
    """The dial of arm `b`."""
    share_b: Annotated[float, Between(0.01, 0.99)] = 0.5
    """Share of the conversations that are drawn into arm `b`. All turns of a conversation are in one arm."""
    goal: Literal["quality", "cost"] = "quality"
    """What decides: the mean rating of a conversation, where higher wins, or its USD a request, where lower wins."""
    least: PositiveCount = 100
    """Conversations in each arm before anything is decided."""
    most: PositiveCount = 20_000
    """Conversations in both arms together after which it ends without a winner."""


@dataclass(frozen=True, slots=True)
class ExperimentSettings:
    """A randomised holdout: conversations that are answered without passages, so that what passages do can be told."""

    holdout: Share = 0.0
    """Share of conversations, 0 to 1, that get no passages although there are some for them. Drawn once for a
    conversation, so all of its turns are alike. 0 holds nobody out, and then nothing is compared."""
    salt: str = "1"
    """What the draw is made with; another one draws every conversation anew, for an experiment of its own."""
    trial: tuple[TrialSettings, ...] = ()
    """Comparisons of ways to choose (`[[experiment.trial]]`). The last one runs; those before it are only reported."""
