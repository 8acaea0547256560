from __future__ import annotations

import numpy as np
import pytest

from router.policy.value import area, cost_at, recovered, upper_hull, worth

QUALITY = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
COST = np.array([[1.0, 10.0]] * 4)


def test_hull_leaves_out_what_is_dearer_and_no_better():
    """Points under the curve and points that fall are no corners."""
    points = np.array([[1.0, 0.5], [2.0, 0.55], [3.0, 0.9], [4.0, 0.8]])

    assert [[1.0, 0.5], [3.0, 0.9]] == upper_hull(points).tolist()


def test_area_of_two_singles_is_the_mean_of_both():
    """Mixing two models at random gives the straight line between them."""
    assert pytest.approx(0.6) == area(np.array([[1.0, 0.5], [3.0, 0.7]]), np.array([[1.0, 0.5], [3.0, 0.7]]))


def test_area_counts_what_lies_between_the_singles_alone():
    """A curve that starts before the cheapest single is cut there."""
    assert pytest.approx(1.0) == area(np.array([[0.0, 1.0]]), np.array([[1.0, 0.5], [3.0, 0.7]]))


def test_knowing_the_truth_beats_every_single():
    """The oracle has a lift, a gain, costs less, and recovers more than the whole gap."""
    found = worth(QUALITY, COST, QUALITY, COST)

    assert pytest.approx(0.25) == found.gain
    assert found.lift > 0.1
    assert found.c95 < 0.6
    assert found.apgr > 0.9


def test_knowing_nothing_is_worth_nothing():
    """The same guess for every prompt gives one single model after the other."""
    flat = np.tile(QUALITY.mean(0), (4, 1))
    found = worth(flat, COST, QUALITY, COST)

    assert [pytest.approx(0.0), pytest.approx(0.0)] == [found.lift, found.gain]


def test_equal_prices_have_a_gain_and_no_area():
    """Where every model costs the same there is nothing to weigh."""
    found = worth(QUALITY, np.ones_like(COST), QUALITY, np.ones_like(COST))

    assert np.isnan(found.lift)
    assert np.isnan(found.c95)
    assert pytest.approx(0.25) == found.gain


def test_quality_out_of_reach_has_no_cost():
    """What no weight reaches has no price."""
    assert np.isnan(cost_at(np.array([[1.0, 0.5]]), 0.6))


def test_cost_of_a_quality_between_two_corners_is_interpolated():
    """Two policies can be mixed."""
    points = np.array([[1.0, 0.5], [3.0, 0.7]])

    assert [pytest.approx(2.0), pytest.approx(1.0)] == [cost_at(points, 0.6), cost_at(points, 0.4)]


def test_recovered_gap_of_models_that_are_equal_has_no_meaning():
    """Without a gap there is nothing to recover."""
    assert np.isnan(recovered(QUALITY, np.ones_like(QUALITY)))


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_order_of_prompts_decides_how_much_is_recovered(flip):
    """Sending the right prompts first recovers more than half of the gap, the wrong ones less."""
    guess = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]) * flip

    assert (recovered(guess, QUALITY) > 0.5) is (flip > 0)
