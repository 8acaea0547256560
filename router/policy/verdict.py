"""Whether a goal was reached: the mean decides, and what its interval leaves open is said beside it."""

from __future__ import annotations

from typing import Final

REACHED: Final = "reached"
MISSED: Final = "**missed**"


def verdict(found: tuple[float, float, float], goal: float, *, at_most: bool = False) -> str:
    """Return whether a mean reaches a goal, and whether its interval holds the other side.

    `found` is (mean, low, high); ends that are the mean itself, or `nan`, are no interval. `at_most` turns the goal
    round: cost is to be low.
    """
    mean, low, high = (-each for each in (found[0], found[2], found[1])) if at_most else found
    wanted = -goal if at_most else goal
    if mean >= wanted:
        return f"{REACHED}; the interval does not exclude missing it" if low < wanted else REACHED
    return f"{MISSED}; the interval does not exclude reaching it" if high >= wanted else MISSED
