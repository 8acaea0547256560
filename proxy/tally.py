"""Plain numbers that the event loop adds to: no lock, no label look-up, no text; `metrics.py` shows them when asked.

A counter of `prometheus_client` costs about a microsecond a step (a lock, a dict of label values); these cost a tenth.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import accumulate

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds for what takes as long as an answer."""
LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds for what should take no time."""


class Level:
    """How many there are now."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self) -> None:
        """One more."""
        self.value += 1

    def dec(self) -> None:
        """One less."""
        self.value -= 1


class Distribution:
    """How often values fell below each of the bounds, and their sum."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return the bounds as Prometheus writes them, each with the number of values not above it."""
        names = [*map(str, self._bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self.counts)), strict=True))


class DeploymentTally:
    """What one deployment did."""

    __slots__ = (
        "cost_usd", "failed_over", "first_content", "in_flight", "outcomes", "retried", "tokens",
        "unpriced",
    )  # fmt: skip

    def __init__(self) -> None:
        self.in_flight = 0
        self.outcomes: defaultdict[str, int] = defaultdict(int)
        self.first_content = Distribution()
        self.tokens: defaultdict[str, int] = defaultdict(int)
        self.cost_usd = 0.0
        self.unpriced = 0
        self.retried = 0
        self.failed_over = 0


class EndpointTally:
    """What came in by one door."""

    __slots__ = ("duration", "statuses")

    def __init__(self) -> None:
        self.statuses: defaultdict[str, int] = defaultdict(int)
        self.duration = Distribution()


class JudgeTally:
    """What came of asking the judge."""

    __slots__ = ("cost_usd", "duration", "faults", "questions", "skipped", "unpriced")

    def __init__(self) -> None:
        self.questions: defaultdict[tuple[str, str], int] = defaultdict(int)
        """By how it was asked, and what came of it."""
        self.faults: defaultdict[str, int] = defaultdict(int)
        """Answers that name nobody who may be chosen, by why."""
        self.skipped: defaultdict[str, int] = defaultdict(int)
        """Requests that asked nobody, or did not wait, by why."""
        self.duration = Distribution()
        """Of what the model itself said."""
        self.cost_usd = 0.0
        self.unpriced = 0
