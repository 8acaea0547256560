"""What is not certain never reads as certain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.confidence import shown


@pytest.mark.parametrize(
    ("p", "digits", "expected"),
    [
        (0.99996, 4, 0.9999),
        (0.99999999, 2, 0.99),
        (1.0, 4, 1.0),
        (0.00001, 4, 0.0001),
        (0.0, 4, 0.0),
        (0.12345, 4, 0.1235),
        (0.5, 2, 0.5),
        (0.005, 2, 0.01),
    ],
)
def test_only_what_is_certain_is_written_so(p: float, digits: int, expected: float) -> None:
    """Rounding stops one step before 0 and 1."""
    assert expected == pytest.approx(shown(p, digits), abs=1e-9)


@given(st.floats(0, 1), st.integers(1, 6))
def test_it_is_rounding_but_for_the_ends(p: float, digits: int) -> None:
    """Off by less than one step, and at an end only where the probability is."""
    found = shown(p, digits)

    assert abs(found - p) <= 10.0**-digits
    assert (p in {0.0, 1.0}) == (found in {0.0, 1.0})
