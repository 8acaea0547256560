from __future__ import annotations

import numpy as np
import pytest

from router.policy.sparse import sparse


@pytest.fixture
def dense():
    """A table of 40 rows, 30 wide, mostly zeros, no row empty."""
    draw = np.random.default_rng(3)
    table = np.where(draw.random((40, 30)) < 0.2, draw.normal(size=(40, 30)), 0.0).astype(np.float32)
    table[:, 0] = 1.0
    return table


def _rows(table):
    return sparse([{int(at): float(row[at]) for at in np.flatnonzero(row)} for row in table])


def test_product_is_that_of_the_dense_table(dense):
    """Sparse rows times a table are the dense product."""
    other = np.random.default_rng(4).normal(size=(30, 3)).astype(np.float32)

    np.testing.assert_allclose(dense @ other, _rows(dense).times(other), rtol=1e-4, atol=1e-5)


def test_product_in_blocks_is_the_same(dense):
    """Where the entries do not fit into one block, several give the same."""
    other = np.ones((30, 2), np.float32)

    np.testing.assert_allclose(_rows(dense).times(other), _rows(dense).times(other, block=4), rtol=1e-5)


def test_turned_rows_with_empty_columns(dense):
    """Transposing keeps columns that nothing stands in."""
    dense[:, 7] = 0.0
    other = np.ones((40, 2), np.float32)

    np.testing.assert_allclose(dense.T @ other, _rows(dense).turned(30).times(other), rtol=1e-4, atol=1e-5)


def test_picked_rows_come_in_the_order_asked_for(dense):
    """Rows may be picked twice and in any order."""
    chosen = np.array([5, 2, 5])

    np.testing.assert_allclose(
        dense[chosen] @ np.eye(30), _rows(dense).pick(chosen).times(np.eye(30, dtype=np.float32)), rtol=1e-5
    )
