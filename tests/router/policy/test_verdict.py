from __future__ import annotations

import pytest

from router.policy.verdict import verdict

NAN = float("nan")


@pytest.mark.parametrize(
    ("found", "at_most", "said"),
    [
        ((0.7, 0.67, 0.75), False, "reached"),
        ((0.7, 0.64, 0.75), False, "reached; the interval does not exclude missing it"),
        ((0.6, 0.55, 0.70), False, "**missed**; the interval does not exclude reaching it"),
        ((0.6, 0.55, 0.65), False, "**missed**"),
        ((0.6, 0.55, 0.65), True, "reached"),
        ((0.6, 0.55, 0.70), True, "reached; the interval does not exclude missing it"),
        ((0.7, 0.64, 0.75), True, "**missed**; the interval does not exclude reaching it"),
        ((0.7, 0.67, 0.75), True, "**missed**"),
        ((0.66, 0.66, 0.66), False, "reached"),
        ((0.7, NAN, NAN), False, "reached"),
        ((0.6, NAN, NAN), True, "reached"),
        ((NAN, NAN, NAN), False, "**missed**"),
    ],
)
def test_mean_decides_and_the_interval_says_what_it_leaves_open(found, at_most, said):
    """Reached or missed is of the mean against 0.66; the other side of the goal inside the interval is told of."""
    assert said == verdict(found, 0.66, at_most=at_most)
