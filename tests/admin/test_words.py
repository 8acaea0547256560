from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from admin import words

AT = datetime(2026, 11, 21, 3, 4, 5, 999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (999, "999"), (12345, "12\u2009345"), (1234567.4, "1\u2009234\u2009567"), (-5, "-5")],
)
def test_counts_are_grouped_by_three(value, expected):
    """With thin spaces, which no language reads as a decimal point."""
    assert expected == words.count(value)


@pytest.mark.parametrize(
    ("share", "digits", "expected"),
    [(0, 1, "0.0\u202f%"), (0.1234, 1, "12.3\u202f%"), (1, 0, "100\u202f%"), (-0.05, 0, "-5\u202f%")],
)
def test_shares_are_percent(share, digits, expected):
    """With as many digits as asked for."""
    assert expected == words.percent(share, digits)


@pytest.mark.parametrize(
    ("usd", "expected"),
    [
        (0, "$0.00"),
        (1234.5, "$1,234.50"),
        (0.5, "$0.5000"),
        (0.000012, "$0.000012"),
        (-2, "-$2.00"),
        (-0.001, "-$0.001000"),
    ],
)
def test_small_sums_keep_their_digits(usd, expected):
    """A request costs parts of a cent."""
    assert expected == words.money(usd)


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (0.354, "0.35\u202fms"),
        (35.4, "35\u202fms"),
        (999.4, "999\u202fms"),
        (3540, "3.5\u202fs"),
        (125_000, "2\u202fmin 5\u202fs"),
    ],
)
def test_durations_take_the_unit_that_fits(ms, expected):
    """From parts of a millisecond to minutes."""
    assert expected == words.duration(ms)


@pytest.mark.parametrize("filter_", [words.count, words.percent, words.money, words.duration])
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_a_dash(filter_, value):
    """Never zero."""
    assert words.NONE == filter_(value)


def test_times_are_utc_to_the_second():
    """Also those that came as text, or from another zone."""
    eastern = AT.astimezone(timezone(timedelta(hours=8)))

    assert "2026-11-21 03:04:05" == words.moment(AT) == words.moment(eastern) == words.moment(eastern.isoformat())
    assert "2026-11-21T03:04:05Z" == words.instant(AT) == words.instant(eastern.isoformat())
    assert words.seconds(AT) == words.seconds(eastern.isoformat()) == AT.timestamp()
    assert words.NONE == words.moment(None)
