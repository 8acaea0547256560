from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.percentiles import Percentile, percentile

BOUNDS = (100, 250, 500)


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ([10, 0, 0, 0], 0.5, Percentile(50, 0, 100)),
        ([0, 10, 0, 0], 0.5, Percentile(175, 100, 250)),
        ([5, 0, 5, 0], 0.95, Percentile(475, 250, 500)),
        ([5, 0, 0, 5], 0.95, Percentile(None, 500, None)),
        ([1, 0, 0, 0], 0.0, Percentile(0, 0, 100)),
        ([0, 0, 0, 0], 0.5, None),
    ],
)
def test_a_percentile_lies_in_the_bucket_that_holds_it(counts, share, expected):
    """Evenly spread within; none where the bucket has no end, and none of nothing."""
    assert expected == percentile(counts, BOUNDS, share)


@given(st.lists(st.floats(0, 600), min_size=1, max_size=60), st.sampled_from([0.5, 0.95]))
def test_the_true_percentile_lies_between_the_bounds(values, share):
    """Whatever was measured, what is called sure is sure."""
    counts = [0, 0, 0, 0]
    for value in values:
        counts[sum(value > bound for bound in BOUNDS)] += 1
    true = sorted(values)[max(0, -(-round(share * len(values) * 100) // 100) - 1)]
    found = percentile(counts, BOUNDS, share)

    assert found is not None
    assert found.low <= true
    assert found.high is None or true <= found.high
    assert found.value is None or found.low <= found.value <= (found.high or 0)
