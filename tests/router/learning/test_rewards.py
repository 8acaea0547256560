from datetime import UTC, datetime, timedelta
from math import nan

import pytest

from router.learning.rewards import SIGNS, Verdict, Word, verdict_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def word(kind, score=None, *, source="user", comment=None, minutes=0):
    return Word(source, kind, score, comment, NOW + timedelta(minutes=minutes))


def test_nothing_said_is_no_verdict():
    """Silence teaches nothing."""
    assert verdict_of([], served="m") is None


@pytest.mark.parametrize("silent", [word("comment", comment="nice"), word("corrected_intent", comment="code")])
def test_what_says_nothing_of_the_answer_teaches_nothing(silent):
    """A comment alone has no score."""
    assert verdict_of([silent], served="m") is None


def test_rating_and_thumb_count_alike():
    """The mean of what a person said is the reward."""
    assert Verdict(0.5, 1.0, "user", NOW) == verdict_of([word("rating", 1.0), word("thumbs", 0.0)], served="m")


@pytest.mark.parametrize(("named", "reward"), [("m", 1.0), ("other", 0.0)])
def test_a_corrected_model_says_whether_the_right_one_served(named, reward):
    """Naming another model is a word against who served, and none for the other: nobody saw its answer."""
    assert Verdict(reward, 1.0, "user", NOW) == verdict_of([word("corrected_model", comment=named)], served="m")


def test_an_admin_stands_before_the_user():
    """Also where the user speaks later."""
    words = [word("rating", 1.0, source="admin"), word("rating", 0.0, minutes=5)]

    assert Verdict(1.0, 1.0, "admin", NOW + timedelta(minutes=5)) == verdict_of(words, served="m")


def test_signs_weigh_less_than_words():
    """No sign weighs more than a quarter of a rating, and none counts where a person spoke."""
    sign = word("implicit", 0.1, source="asked_again")

    assert Verdict(0.1, 0.25, "implicit", NOW) == verdict_of([sign], served="m")
    assert Verdict(1.0, 1.0, "user", NOW) == verdict_of([sign, word("thumbs", 1.0)], served="m")
    assert 0.25 >= max(each.weight for each in SIGNS.values())


def test_several_signs_count_by_their_weights():
    """Abandoned and then gone on is in between."""
    signs = [word("implicit", source="abandoned"), word("implicit", source="went_on")]

    assert pytest.approx((0.3 + 0.75) / 2) == verdict_of(signs, served="m").reward


@pytest.mark.parametrize(
    "strange",
    [
        word("rating", nan),
        word("rating", None),
        word("rating", 1.0, source="somebody"),
        word("implicit", 1.0, source="made up"),
        word("corrected_model", comment=""),
    ],
)
def test_a_strange_row_is_passed_over(strange):
    """What no version of ours wrote teaches nothing."""
    assert verdict_of([strange], served="m") is None


def test_a_score_out_of_range_counts_as_its_end():
    """A row that somebody edited cannot weigh more than five stars."""
    assert 1.0 == verdict_of([word("rating", 9.0)], served="m").reward
