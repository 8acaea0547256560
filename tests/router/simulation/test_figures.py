from __future__ import annotations

import numpy as np
import pytest

from router.simulation.figures import Goal, at_end, changed, gained, mean_of, slope
from router.simulation.run import Played


def _run(*values):
    return Played(np.array([[value] for value in values], np.float64), np.zeros((len(values), 2)), 0)


@pytest.mark.parametrize(("n", "quantile"), [(2, 12.706), (12, 2.228), (20, 2.093), (5000, 1.96)])
def test_interval_is_students(n, quantile):
    """Few runs make a wide interval."""
    values = np.arange(n, dtype=float)
    half = quantile * values.std(ddof=1) / n**0.5

    assert (values.mean() - half, values.mean() + half) == pytest.approx((mean_of(values).low, mean_of(values).high))


def test_one_run_has_no_width():
    """Of one run nothing is known of the spread."""
    assert (3.0, 3.0, 3.0) == (mean_of([3.0]).value, mean_of([3.0]).low, mean_of([3.0]).high)


def test_end_is_the_last_two_days():
    """What happened before does not count."""
    assert [0.75] == at_end([_run(0.0, 0.5, 1.0)], 0).tolist()


def test_changes_are_between_runs_of_one_seed():
    """A run is compared with the start's on the same questions."""
    learned, start = [_run(0.6, 0.6), _run(0.3, 0.3)], [_run(0.5, 0.5), _run(0.25, 0.25)]

    assert 0.2 == pytest.approx(changed(learned, start, 0).value)
    assert 0.075 == pytest.approx(gained(learned, start, 0).value)


def test_slope_is_by_day():
    """A curve that rises by a tenth a day has that slope; one day has none."""
    assert 0.1 == pytest.approx(slope([_run(0.1, 0.2, 0.3)], 0).value)
    assert 0.0 == slope([_run(0.1)], 0).value


@pytest.mark.parametrize(
    ("wanted", "values", "said"),
    [
        (0.5, (0.54, 0.56, 0.55), "reached"),
        (0.5, (0.4, 0.7), "reached; the interval does not exclude missing it"),
        (0.6, (0.4, 0.7), "**missed**; the interval does not exclude reaching it"),
        (0.6, (0.54, 0.56, 0.55), "**missed**"),
        (0.5, (0.5,), "reached"),
        (0.6, (0.5,), "**missed**"),
    ],
)
def test_goal_is_reached_by_the_mean_and_says_what_the_interval_leaves_open(wanted, values, said):
    """The mean decides; an interval that holds the goal's other side is told of, and one run has none."""
    found = Goal("x", wanted, mean_of(values))

    assert said == found.verdict
    assert found.is_reached is said.startswith("reached")
