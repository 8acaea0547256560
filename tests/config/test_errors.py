"""Errors of upstreams never keep the key that they quote."""

from __future__ import annotations

import pytest

from config.errors import UpstreamError


def quoting(text: str) -> UpstreamError:
    return UpstreamError(text, failure_class="credential", error_type=text, code=text, param=text)


@pytest.mark.parametrize("secret", ["sk-abcdefgh", "0a1b2c3d4e5f.Sixteen1letters2", "!!key with/joints_inside!!"])
def test_a_quoted_key_is_taken_out_of_every_field(secret: str) -> None:
    """Whatever its shape; what stands around it stays."""
    error = quoting(f"you sent '{secret}' to us")
    error.hide(secret)

    for text in (error.message, str(error), error.error_type, error.code, error.param):
        assert "you sent '[redacted]' to us" == text


def test_what_a_pattern_left_of_a_key_is_taken_out_too() -> None:
    """A part that had no shape of its own stands alone by then."""
    error = quoting("you sent '[redacted].Sixteen1letters2' to us")
    error.hide("0a1b2c3d4e5f60718293a4b5c6d7e8f9.Sixteen1letters2")

    assert "you sent '[redacted].[redacted]' to us" == error.message


@pytest.mark.parametrize("secret", [None, "", "none", "EMPTY", "a.b.c.d"])
def test_a_placeholder_is_no_secret(secret: str | None) -> None:
    """Local servers take any word for a key; texts stay readable."""
    error = UpstreamError("none is EMPTY, a.b.c.d", failure_class="transient")
    error.hide(secret)

    assert ("none is EMPTY, a.b.c.d", None) == (error.message, error.code)
