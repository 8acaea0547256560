"""Number types with their limits, for the fields of settings: what stands in a file is checked against them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Between:
    """Inclusive limits of a number; with `above`, `low` itself is too low."""

    low: float
    high: float = inf
    above: bool = False

    def holds(self, value: float) -> bool:
        """Return whether `value` is inside; not-a-number and infinity never are."""
        return value < inf and self.low <= value <= self.high and not (self.above and value == self.low)

    def __str__(self) -> str:
        low = f"{'greater than' if self.above else 'at least'} {self.low:g}"
        return low if self.high == inf else f"{low} and at most {self.high:g}"


Port = Annotated[int, Between(0, 65_535)]
Count = Annotated[int, Between(0)]
PositiveCount = Annotated[int, Between(1)]
Amount = Annotated[float, Between(0)]
PositiveAmount = Annotated[float, Between(0, above=True)]
Seconds = Annotated[float, Between(0)]
Share = Annotated[float, Between(0, 1)]
PositiveShare = Annotated[float, Between(0, 1, above=True)]
PositiveSeconds = Annotated[float, Between(0, above=True)]
