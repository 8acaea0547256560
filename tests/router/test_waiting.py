"""Silence: who waits where, and how long nobody has heard anything; times are the test's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from config.settings import Timeouts
from router.attempt import Attempt, Candidate
from router.providers.base import Target
from router.waiting import Waiting


def begun(waiting: Waiting, at: float, deployment: str = "a") -> Attempt:
    """Begin an attempt at this moment."""
    target = Target(deployment, "p", "http://h/v1", "m")
    attempt = Attempt(1, Candidate("m", target, "openai", Timeouts()), lambda: at)
    waiting.begins(attempt)
    return attempt


def test_two_seconds_without_a_word_are_silence() -> None:
    """Not earlier, not where nobody waits, and over with the next word."""
    waiting = Waiting()
    assert not waiting.silent("a", 99.0)
    first, second = begun(waiting, 10.0), begun(waiting, 11.0)

    assert [False, True] == [waiting.silent("a", now) for now in (11.9, 12.0)]
    assert not waiting.silent("b", 12.0)
    waiting.answers(second, 12.1)
    assert [False, True] == [waiting.silent("a", now) for now in (14.0, 20.0)]
    waiting.ends(first)
    assert not waiting.silent("a", 20.0)


def test_who_typically_takes_long_is_given_longer() -> None:
    """Three times the typical wait; one quick answer among slow ones hardly changes what is typical."""
    waiting = Waiting()
    for at in range(0, 100, 10):
        waiting.answers(begun(waiting, at), at + 4.0)
    begun(waiting, 200.0)

    assert [False, True] == [waiting.silent("a", now) for now in (211.9, 212.1)]
    waiting.answers(begun(waiting, 212.0), 212.1)
    assert [False, True] == [waiting.silent("a", now) for now in (221.0, 222.2)]


def test_those_who_got_nothing_are_no_sign_of_life() -> None:
    """A failure ends the waiting of one, and says nothing to the others."""
    waiting = Waiting()
    begun(waiting, 10.0)
    waiting.ends(begun(waiting, 11.0))

    assert waiting.silent("a", 12.0)


def test_a_second_end_changes_nothing() -> None:
    """Dispatcher and relay may both say that it is over."""
    waiting = Waiting()
    attempt = begun(waiting, 10.0)
    waiting.answers(attempt, 11.0)
    waiting.answers(attempt, 50.0)
    waiting.ends(attempt)
    stranger = Attempt(1, Candidate("m", Target("b", "p", "http://h/v1", "m"), "openai", Timeouts()), lambda: 0.0)
    waiting.answers(stranger, 1.0)
    waiting.ends(stranger)

    assert {} == dict(waiting.counts())
    begun(waiting, 51.0)
    assert waiting.silent("a", 54.0)


def test_a_reload_forgets_those_at_whom_nobody_waits() -> None:
    """What is under way is counted out all the same."""
    waiting = Waiting()
    waiting.answers(begun(waiting, 0.0), 9.0)
    at_gone = begun(waiting, 0.0, "gone")
    waiting.keep(())
    assert {"gone": 1} == dict(waiting.counts())
    waiting.ends(at_gone)
    waiting.keep(())
    begun(waiting, 100.0)

    assert waiting.silent("a", 102.0)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["begin", "answer", "end"]), st.integers(0, 5))))
def test_everybody_is_counted_out_once(steps: list[tuple[str, str, int]]) -> None:
    """Whatever the order, the counts are those of attempts that have neither answered nor ended."""
    waiting, under_way, now = Waiting(), list[Attempt](), 0.0
    for deployment, what, which in steps:
        now += 1.0
        if what == "begin" or not under_way:
            under_way.append(begun(waiting, now, deployment))
            continue
        attempt = under_way.pop(which % len(under_way))
        if what == "answer":
            waiting.answers(attempt, now)
        waiting.ends(attempt)

    names = [each.candidate.target.deployment for each in under_way]
    assert {name: names.count(name) for name in set(names)} == dict(waiting.counts())
