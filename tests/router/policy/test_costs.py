from __future__ import annotations

import numpy as np
import pytest

from router.policy.costs import fit_costs

LENGTHS = np.array([10.0, 20.0, 30.0, 40.0])
NOBODY = np.zeros((1, 0))


def test_line_in_the_length_is_found():
    """A fixed part and a price per character come back, and are never paid less than ever before."""
    found = fit_costs(LENGTHS, (2.0 + 3.0 * LENGTHS)[:, None], [None] * 4, ())

    assert [[302.0]] == pytest.approx(found.expected(np.array([100.0]), NOBODY))
    assert [[32.0]] == pytest.approx(found.expected(np.array([0.0]), NOBODY))


@pytest.mark.parametrize("lengths", [LENGTHS, np.full(4, 10.0)])
def test_falling_line_is_a_mean(lengths):
    """A longer prompt is never expected to be cheaper, and one length makes no slope."""
    found = fit_costs(lengths, np.array([[4.0], [3.0], [2.0], [1.0]]), [None] * 4, ())

    assert [[2.5]] == pytest.approx(found.expected(np.array([100.0]), NOBODY))


def test_intent_adds_what_its_prompts_cost_beside_the_line():
    """An intent with long answers is expected to cost more than another of the same length."""
    cost = np.tile([1.0, 5.0], 50)[:, None]
    found = fit_costs(np.full(100, 10.0), cost, ["short", "long"] * 50, ("long", "short"))
    expected = found.expected(np.array([10.0, 10.0]), np.eye(2))

    assert [5.0, 1.0] == pytest.approx(expected[:, 0], abs=0.5)


def test_unknown_price_stays_unknown():
    """A model without any cost has none; one with gaps is fitted to the rest."""
    cost = np.array([[np.nan, 1.0], [np.nan, np.nan], [np.nan, 3.0], [np.nan, 4.0]])
    expected = fit_costs(LENGTHS, cost, ["a"] * 4, ("a",)).expected(np.array([20.0]), np.ones((1, 1)))

    assert np.isnan(expected[0, 0])
    assert pytest.approx(2.0, abs=0.01) == expected[0, 1]
