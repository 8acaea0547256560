"""What single callers like beyond what all do: an offset by key and model, shrunk to the population, forgettable."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.types import Json

PULL_ROWS: Final = 30.0
"""Outcomes at which a caller's own taste counts by half."""
MAX_CALLERS: Final = 10_000
OWN_BUDGET: Final = 0.015
"""How far a caller's taste may move its own probabilities at once; as much again with each day on which it speaks."""
DAY_S: Final = 86_400.0
WIDEST: Final = 0.25
"""Deviation that no expectation exceeds; with it a taste's use of its allowance is counted."""
_SQRT_TAU: Final = math.sqrt(2 * math.pi)


@dataclass(slots=True)
class Taste:
    """One caller's outcomes of one model, beyond what was expected of it."""

    n: float = 0.0
    beyond: float = 0.0
    """Sum of weight x (reward - expectation of the population)."""

    @property
    def offset(self) -> float:
        """What it adds to the expectation, shrunk by n / (n + 30)."""
        return self.beyond / (self.n + PULL_ROWS)


@dataclass(slots=True)
class Tastes:
    """One caller's, and how much they may count: `allowed` deviations of each model's expectation."""

    by_model: dict[str, Taste] = field(default_factory=dict[str, Taste])
    allowed: float = 0.0
    since: float = -math.inf
    """When it was last allowed more, seconds since 1970."""


class Preferences:
    """The tastes of callers, those that spoke last; the others are forgotten beyond 10,000."""

    def __init__(self, callers: Iterable[tuple[str, Tastes]] = ()) -> None:
        self._callers = OrderedDict(callers)

    def learn(self, caller: str, model: str, beyond: float, *, weight: float, at: float) -> None:
        """Add an outcome at `at` (seconds since 1970); a negative weight takes one out."""
        tastes = self._callers.setdefault(caller, Tastes())
        self._callers.move_to_end(caller)
        while len(self._callers) > MAX_CALLERS:
            self._callers.popitem(last=False)
        taste = tastes.by_model.setdefault(model, Taste())
        if at - tastes.since >= DAY_S:
            used = max((abs(each.offset) for each in tastes.by_model.values()), default=0.0) / WIDEST
            tastes.allowed = min(tastes.allowed, used) + OWN_BUDGET * _SQRT_TAU / 2
            tastes.since = at
        taste.n = max(0.0, taste.n + weight)
        taste.beyond += weight * beyond

    def offset(self, caller: str | None, model: str, deviation: float) -> float:
        """Return what a caller's taste adds to what is expected of a model for it."""
        tastes = self._callers.get(caller) if caller is not None else None
        taste = tastes.by_model.get(model) if tastes is not None else None
        if tastes is None or taste is None:
            return 0.0
        bound = tastes.allowed * min(deviation, WIDEST) * 2 / max(2, len(tastes.by_model))
        return min(bound, max(-bound, taste.offset))

    def forget(self, caller: str) -> bool:
        """Forget all of one caller; returns whether there was anything."""
        return self._callers.pop(caller, None) is not None

    def forget_model(self, model: str) -> None:
        """Forget what anybody thought of one model."""
        for tastes in self._callers.values():
            tastes.by_model.pop(model, None)

    def __len__(self) -> int:
        """Return how many callers have tastes."""
        return len(self._callers)

    def as_json(self) -> Json:
        """Return them for a version."""
        return {
            caller: {
                "allowed": tastes.allowed,
                "since": tastes.since,
                "models": {model: [taste.n, taste.beyond] for model, taste in tastes.by_model.items()},
            }
            for caller, tastes in self._callers.items()
        }

    def copy(self) -> Preferences:
        """Return preferences that can be changed apart from these."""
        return preferences_from(self.as_json())


def preferences_from(told: Json) -> Preferences:
    """Return the preferences of `as_json`. Raises `ValueError` where they are not what was written."""
    found: list[tuple[str, Tastes]] = []
    try:
        for caller, each in cast("dict[str, Any]", told).items():
            by_model = {str(model): Taste(float(n), float(beyond)) for model, (n, beyond) in each["models"].items()}
            found.append((caller, Tastes(by_model, float(each["allowed"]), float(each["since"]))))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("these are no preferences") from error
    return Preferences(found)
