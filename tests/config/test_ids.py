from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.ids import is_id, new_id, time_of


def test_ids_sort_in_the_order_in_which_they_were_made():
    """A page of records ordered by id is ordered by time."""
    made = [new_id() for _ in range(2_000)]

    assert sorted(made) == made
    assert len(set(made)) == len(made)


def test_the_time_of_an_id_is_when_it_was_made():
    """The first 48 bits of an id are its Unix time in milliseconds."""
    before = datetime.now(UTC)
    made = time_of(new_id())

    assert made is not None
    assert before - timedelta(milliseconds=1) <= made <= datetime.now(UTC) + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "last",
        "0192e4a0",
        "550e8400-e29b-41d4-a716-446655440000",  # version 4
        "{0192e4a0-0000-7000-8000-000000000000}",
        "0192E4A0-0000-7000-8000-00000000000A",
        "0192e4a0000070008000000000000000",
    ],
)
def test_what_new_id_would_not_write_is_no_id(text):
    """One id has one spelling, so that it can be compared as text."""
    assert is_id(text) is False
    assert time_of(text) is None


@given(st.text(max_size=60))
def test_no_text_makes_the_parser_raise(text):
    """Ids come from clients and may be anything."""
    assert is_id(text) in {True, False}
    assert is_id(new_id()) is True
