"""The dial as clients give it."""

from __future__ import annotations

import pytest

from config.errors import InvalidRequestError
from router.choosing.dial import dial_of_name, parse_dial
from router.snapshot import Catalog


@pytest.mark.parametrize(
    ("name", "dial"),
    [("auto:cheap", 0.1), ("auto:balanced", 0.5), ("auto:best", 1.0), ("auto:0.3", 0.3), ("auto", None),
     ("auto:", None), ("auto:8b", None), ("auto:nan", None), ("auto:2", None), ("gpt:0.3", None)],
)  # fmt: skip
def test_names_with_a_dial(name: str, dial: float | None) -> None:
    """`auto:` and a word or a number from 0 to 1; anything else is just a name."""
    assert dial_of_name(name) == dial


@pytest.mark.parametrize(
    ("value", "dial"), [(None, None), (0, 0.0), (1, 1.0), (0.25, 0.25), ("0.25", 0.25), (" best ", 1.0)]
)
def test_what_a_client_may_send(value: object, dial: float | None) -> None:
    """A number, its digits (a header has no other way), or a word."""
    assert parse_dial(value, param="x") == dial


@pytest.mark.parametrize("value", [-0.1, 1.1, True, "", "dear", "inf", [], {"a": 1}, float("nan")])
def test_what_is_no_dial_is_named(value: object) -> None:
    """The error names the field and what it takes."""
    with pytest.raises(InvalidRequestError, match=r"'routing_dial' must be a number from 0 \(cheap\)") as caught:
        parse_dial(value, param="routing_dial")

    assert caught.value.param == "routing_dial"


def test_a_dial_is_found_behind_aliases() -> None:
    """An alias may stand for `auto` with a dial; a name of no model and no dial stays unknown."""
    catalog = Catalog({}, {"gpt-4o": "small", "small": "auto:cheap", "plain": "auto"})

    assert [catalog.canonical(name) for name in ("gpt-4o", "auto:best", "plain", "auto:8b")] == [
        "auto", "auto", "auto", "auto:8b"
    ]  # fmt: skip
    assert [catalog.dial(name) for name in ("gpt-4o", "auto:best", "plain", "auto:8b")] == [0.1, 1.0, None, None]
