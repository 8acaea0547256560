"""Intervals and effective sizes."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from router.offpolicy.intervals import effective, interval, students_t


@pytest.mark.parametrize(
    ("freedom", "t"),
    [(-1, 12.706), (0, 12.706), (1, 12.706), (2, 4.303), (3.4, 3.182), (4, 2.776), (5, 2.571), (10, 2.228), (30, 2.042),
     (1000, 1.962), (1e9, 1.95996)],
)  # fmt: skip
def test_students_t_is_that_of_the_tables(freedom, t):
    """To two digits."""
    assert t == pytest.approx(students_t(freedom), abs=4e-3)


def test_the_interval_of_a_mean_is_the_textbooks():
    """Of independent rows."""
    values = np.random.default_rng(0).normal(3.0, 2.0, 500)
    found = interval(values.mean(), values, np.arange(500), ess=500.0)

    assert found.error == pytest.approx(students_t(499) * values.std(ddof=1) / 500**0.5)


def test_one_conversation_says_nothing_of_its_spread():
    """However many turns it has."""
    found = interval(0.5, np.array([0.0, 1.0]), np.zeros(2, np.int64), ess=1.0)

    assert (-inf, inf) == (found.low, found.high)


def test_the_effective_size_is_that_of_kish():
    """Equal weights count all, one large weight counts one, none counts nothing; turns count together."""
    rows = np.arange(4)

    assert 4 == pytest.approx(effective(np.full(4, 0.3), rows))
    assert 1 == pytest.approx(effective(np.array([9.0, 0, 0, 0]), rows))
    assert 2 == pytest.approx(effective(np.full(4, 0.3), np.array([0, 0, 1, 1])))
    assert 0 == effective(np.zeros(4), rows)
