"""How a probability is written for people and in JSON: what is not certain never reads as certain."""

from __future__ import annotations

from typing import Final

DIGITS: Final = 4


def shown(p: float, digits: int = DIGITS) -> float:
    """Return a probability, 0 to 1, rounded; 1 only where it is 1, and 0 only where it is 0.

    A threshold may lie above 0.9999: rounded to 1.0 beside `abstained`, a confidence would contradict itself.
    """
    least = 10.0**-digits
    if 0.0 < p < 1.0:
        return round(min(max(p, least), 1.0 - least), digits)
    return round(p, digits)
