"""What each model was found to be good at: outcomes by model, domain and language, and by day."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from router.learning.told import LABEL

if TYPE_CHECKING:
    from config.types import Json
    from router.learning.told import Told

Z_95: Final = 1.959963984540054
SUCCESS: Final = 0.5
"""A reward above this is a success: four stars of five and more, or a thumb up."""
MAX_CELLS: Final = 5_000
MAX_DAYS: Final = 400


@dataclass(slots=True)
class Cell:
    """Opinions of people, and implicit signs."""

    n: int = 0
    n_successes: int = 0
    rewards: float = 0.0
    n_implicit: int = 0

    def count(self, told: Told, by: int) -> None:
        """Count a lesson once, or take it out with -1."""
        if not told.explicit:
            self.n_implicit += by
            return
        self.n += by
        self.n_successes += by * (told.reward > SUCCESS)
        self.rewards += by * told.reward

    @property
    def mean(self) -> float | None:
        """Mean reward of what people said, 0 to 1; `None` where they said nothing."""
        return self.rewards / self.n if self.n > 0 else None


@dataclass(slots=True)
class Day:
    """The learning curve's point: what people said of one day's choices, and what a static policy would have earned."""

    n: int = 0
    n_successes: int = 0
    odds: list[float] = field(default_factory=lambda: [0.0] * 5)
    """Sums over the drawn ones: odds, odds x success, odds squared, odds squared x success, count."""

    def count(self, told: Told, by: int) -> None:
        """Count a lesson once, or take it out with -1."""
        if not told.explicit:
            return
        success = told.reward > SUCCESS
        self.n += by
        self.n_successes += by * success
        if told.odds is not None:
            odds = told.odds
            for at, value in enumerate((odds, odds * success, odds**2, odds**2 * success, 1.0)):
                self.odds[at] += by * value


@dataclass(slots=True)
class Profiles:
    """All of it; bounded."""

    cells: dict[tuple[str, str, str], Cell] = field(default_factory=dict[tuple[str, str, str], Cell])
    """By model, domain and language; empty names where these are unknown."""
    days: dict[str, Day] = field(default_factory=dict[str, Day])
    """By the day of the decision, UTC, such as `2026-11-21`."""

    def count(self, told: Told, by: int = 1) -> None:
        """Count a lesson once, or take it out with -1."""
        question = told.lesson.question
        key = (told.lesson.model, question.domain, question.language)
        if key in self.cells or len(self.cells) < MAX_CELLS:
            self.cells.setdefault(key, Cell()).count(told, by)
        if told.lesson.source != LABEL:  # the curve is of what was chosen, and labels are of all models
            self.days.setdefault(told.ts.date().isoformat(), Day()).count(told, by)
        while len(self.days) > MAX_DAYS:
            del self.days[min(self.days)]

    def forget(self, model: str) -> None:
        """Forget what was counted of one model; days stay."""
        self.cells = {key: cell for key, cell in self.cells.items() if key[0] != model}

    def rows(self) -> list[Json]:
        """Return a row for each model, domain and language, in order, with the interval of the share of successes."""
        return [
            {
                "model": model,
                "domain": domain,
                "language": language,
                "n": cell.n,
                "n_implicit": cell.n_implicit,
                "mean_reward": _rounded(cell.mean),
                **success(cell.n_successes, cell.n),
            }
            for (model, domain, language), cell in sorted(self.cells.items())
        ]

    def curve(self) -> list[Json]:
        """Return a point for each day with opinions, oldest first."""
        return [
            {"day": name, **success(day.n_successes, day.n), "n": day.n, "static": _static(day.odds)}
            for name, day in sorted(self.days.items())
            if day.n > 0
        ]

    def as_json(self) -> Json:
        """Return it for a version."""
        return {
            "cells": [
                [*key, each.n, each.n_successes, each.rewards, each.n_implicit] for key, each in self.cells.items()
            ],
            "days": {name: [day.n, day.n_successes, *day.odds] for name, day in self.days.items()},
        }

    def copy(self) -> Profiles:
        """Return profiles that can be changed apart from these."""
        return profiles_from(self.as_json())


def profiles_from(told: Json) -> Profiles:
    """Return the profiles of `as_json`. Raises `ValueError` where they are not what was written."""
    try:
        cells = {
            (str(model), str(domain), str(language)): Cell(int(n), int(good), float(rewards), int(implicit))
            for model, domain, language, n, good, rewards, implicit in cast("list[Any]", told["cells"])
        }
        days = {
            str(name): Day(int(n), int(good), [float(each) for each in odds])
            for name, (n, good, *odds) in cast("dict[str, Any]", told["days"]).items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("these are no profiles") from error
    if any(len(day.odds) != len(Day().odds) for day in days.values()):
        raise ValueError("these are no profiles")
    return Profiles(cells, days)


def wilson(n_successes: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a share, after Wilson (1927), which also holds for few; 0 to 1 without any."""
    if n <= 0:
        return 0.0, 1.0
    share, spread = n_successes / n, Z_95**2 / n
    middle = (share + spread / 2) / (1 + spread)
    half = Z_95 / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def success(n_successes: int, n: int) -> Json:
    """Return a share of successes with its interval, `null` without any outcome."""
    low, high = wilson(n_successes, n)
    return {
        "success_rate": _rounded(n_successes / n if n > 0 else None),
        "low": _rounded(low),
        "high": _rounded(high),
    }


def _static(odds: list[float]) -> Json | None:
    """Return what the static policy would have earned on that day's questions (SNIPS), `None` where it cannot be said.

    The interval is that of a ratio of means (delta method), the effective sample size Kish's; it is never narrower than
    Wilson's for so many, for a few that all agree are not certain.
    """
    weights, good, squares, good_squares, n = odds
    if n <= 0 or weights <= 0 or squares <= 0:
        return None
    rate = good / weights
    variance = max(0.0, good_squares * (1 - 2 * rate) + squares * rate**2) / weights**2
    half, n_effective = Z_95 * math.sqrt(variance), weights**2 / squares
    low, high = wilson(n_effective * rate, n_effective)
    return {
        "success_rate": _rounded(rate),
        "low": _rounded(max(0.0, min(low, rate - half))),
        "high": _rounded(min(1.0, max(high, rate + half))),
        "n_effective": round(n_effective, 1),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
