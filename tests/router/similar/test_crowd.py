from __future__ import annotations

from datetime import UTC, datetime

from router.similar.crowd import OF_EACH, own, records
from router.similar.values import Asked, Neighbour, Rated, Record

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def near(caller: str | None, model: str = "m", reward: float | None = 1.0) -> Neighbour:
    """Return a neighbour of a key."""
    rated = None if reward is None else Rated(reward, "user", NOW)
    return Neighbour(Asked(f"{caller}-{model}-{reward}", model, NOW, caller, rated), 0.8)


def test_a_key_sees_its_own_and_who_may_see_all_sees_all():
    """None is the owner without keys, or an admin."""
    found = (near("me"), near("you"), near(None))

    assert (near("me"),) == own(found, "me")
    assert found == own(found, None)


def test_what_one_or_two_other_keys_asked_cannot_be_told_from_sums():
    """Not even that it was asked."""
    two = (near("a"), near("b"), near("b", reward=0.0))

    assert () == records(two, "me")
    assert (Record("m", 1, 0.0),) == records((*two, near("me", reward=0.0)), "me")


def test_three_other_keys_are_a_crowd_of_one_model():
    """And of no other model that fewer of them asked."""
    crowd = (
        near("a", reward=1.0),
        near("b", reward=0.5),
        near("c", reward=0.0),
        near("a", "other"),
        near("b", "other"),
    )

    assert (Record("m", 3, 0.5),) == records(crowd, "me")


def test_each_key_counts_once_however_much_it_said():
    """Forty ratings of one key are one voice."""
    found = (*(near("loud", reward=0.0) for _ in range(40)), near("a"), near("b"), near("me"))

    assert (Record("m", 5, 0.8),) == records(found, "me")
    assert (Record("m", 43, 0.75),) == records(found, None)


def test_a_key_is_told_round_numbers_and_the_time_without_keys_is_nobody():
    """Exact sums before and after would tell what one other key said; who asked without a key is not one more key."""
    crowd = [near(each, reward=reward) for each, reward in (("a", 0.25), ("b", 1.0), ("c", 1.0), ("c", 1.0))]
    early = (near("a"), near("b"), near(None))

    assert (Record("m", 3, 0.8),) == records(crowd, "me")
    assert (Record("m", 4, 0.75),) == records(crowd, None)
    assert () == records(early, "me")


def test_unrated_answers_are_in_no_sum():
    """Nobody said anything of them."""
    assert () == records((near("me", reward=None),), "me")
    assert (Record("m", 1, 1.0), Record("n", 1, 0.25)) == records((near(None, "n", 0.25), near(None)), None)


def test_a_key_is_told_of_a_few_questions_of_any_one_key():
    """The first that come; who may see all is told of all of them."""
    found = (*[near("me", reward=1.0)] * OF_EACH, *[near("me", reward=0.0)] * 5)

    assert (Record("m", 5, 1.0),) == records(found, "me")
    assert (Record("m", 10, 0.5),) == records(found, None)
