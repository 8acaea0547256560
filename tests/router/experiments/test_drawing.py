"""Which arm a conversation falls into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.experiment_settings import TrialSettings
from router.experiments.drawing import arm_of, drawn_from

TRIAL = TrialSettings("dial", dial_a=0.2, dial_b=0.8, policy_b="weights", share_b=0.25)


@given(st.binary(max_size=40))
def test_all_turns_are_in_one_arm(conversation):
    """The same conversation gets the same arm, its policy and dial; its unit tells nothing of it."""
    one, two = arm_of(conversation, TRIAL), arm_of(conversation, TRIAL)

    assert one == two
    assert (one.policy, one.dial) == (("weights", 0.8) if one.arm == "b" else ("as_set", 0.2))
    assert (f"dial/{one.arm}", 32) == (one.label, len(one.unit))


def test_shares_are_those_of_the_settings():
    """A quarter falls into b; another name draws anew."""
    keys = [f"{at}".encode() for at in range(4000)]
    first = [arm_of(each, TRIAL).arm == "b" for each in keys]
    again = [arm_of(each, TrialSettings("other", share_b=0.25)).arm == "b" for each in keys]

    assert 0.25 == pytest.approx(sum(first) / 4000, abs=0.03)
    assert 0.25**2 == pytest.approx(sum(a and b for a, b in zip(first, again, strict=True)) / 4000, abs=0.02)


def test_what_is_booked_can_be_read_back():
    """Trial, arm, unit and probability."""
    drawn = arm_of(b"x", TRIAL)
    found = drawn_from({"trial": drawn.as_json()})

    assert found is not None
    assert (drawn.trial, drawn.arm, drawn.p_b, drawn.unit) == (found.trial, found.arm, found.p_b, found.unit)


@pytest.mark.parametrize(
    "features",
    [
        None, [], {}, {"trial": None}, {"trial": {}}, {"trial": {"name": "x", "arm": "c", "p_b": 0.5, "unit": "u"}},
        {"trial": {"name": 1, "arm": "a", "p_b": 0.5, "unit": "u"}},
        {"trial": {"name": "x", "arm": "a", "p_b": 0, "unit": "u"}},
        {"trial": {"name": "x", "arm": "a", "p_b": 1.0, "unit": "u"}},
        {"trial": {"name": "x", "arm": "a", "p_b": float("nan"), "unit": "u"}},
    ],
)  # fmt: skip
def test_damaged_rows_are_no_part_of_a_trial(features):
    """Nothing is guessed."""
    assert drawn_from(features) is None
