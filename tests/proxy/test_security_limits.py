"""Limits of a key: exact under concurrency, over every sixty seconds, settled with what was really used."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import RateLimitError
from config.key_identity import KeyIdentity
from config.limit_settings import LimitSettings
from proxy.limits import WINDOW_S, RateLimiter, duration
from proxy.token_reservation import expected_tokens

NONE = LimitSettings()


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.25

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def key(name="k", rpm=None, tpm=None):
    return KeyIdentity(name, name, name, frozenset({"chat"}), None, rpm, tpm)


def limiter(clock, **options):
    return RateLimiter(monotonic=clock, **options)


def takes(limiter, identity, defaults=NONE):
    """Return whether one more request gets in."""
    try:
        limiter.lease(identity, defaults).take_request()
    except RateLimitError:
        return False
    return True


@pytest.mark.parametrize("identity", [None, key(), key(rpm=0, tpm=0)])
def test_without_a_limit_nothing_is_counted(identity):
    """Neither the settings nor the key say one."""
    assert limiter(Clock()).lease(identity, NONE) is None


def test_a_key_s_own_limit_goes_before_the_settings():
    """Also where its own is none at all."""
    defaults = LimitSettings(requests_per_minute=5, tokens_per_minute=7)
    counted = limiter(Clock())

    assert counted.lease(key(rpm=0, tpm=0), defaults) is None
    assert ["5", "7"] == [v for n, v in counted.lease(key("a"), defaults).headers() if "-limit-" in n]
    assert ["2", "7"] == [v for n, v in counted.lease(key("b", rpm=2), defaults).headers() if "-limit-" in n]
    assert ["5"] == [v for n, v in counted.lease(key("c", tpm=0), defaults).headers() if "-limit-" in n]


def test_what_was_used_up_comes_back_after_a_minute():
    """The eleventh request waits until the first ones are forgotten, and is told how long."""
    clock = Clock()
    counted, mine = limiter(clock), key(rpm=10)

    assert 10 == sum(takes(counted, mine) for _ in range(50))
    lease = counted.lease(mine, NONE)
    with pytest.raises(RateLimitError) as refused:
        lease.take_request()
    assert ("requests", "rate_limit_exceeded", 429) == (
        refused.value.error_type,
        refused.value.code,
        refused.value.status,
    )
    assert [
        ("x-ratelimit-limit-requests", "10"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "1m0.75s"),
    ] == lease.headers()
    clock.now += refused.value.retry_after_s

    assert takes(counted, mine)


def test_keys_do_not_use_up_each_other_s_limit():
    """Each has its own count, callers without a key one together."""
    counted, defaults = limiter(Clock()), LimitSettings(requests_per_minute=1)

    assert [True, True, True] == [takes(counted, each, defaults) for each in (key("a"), key("b"), None)]
    assert [False, False, False] == [takes(counted, each, defaults) for each in (key("a"), key("b"), None)]


def test_the_number_of_keys_that_are_counted_is_bounded():
    """The one that was silent longest is forgotten first."""
    counted, defaults = limiter(Clock(), max_keys=2), LimitSettings(requests_per_minute=1)

    assert [True] * 3 == [takes(counted, key(name), defaults) for name in "abc"]
    assert [False, True] == [takes(counted, key(name), defaults) for name in "ca"]


@given(
    st.integers(1, 5),
    st.lists(st.floats(0, 40, allow_nan=False), max_size=40),
)
def test_no_sixty_seconds_see_more_than_the_limit(limit, pauses):
    """Whatever the rhythm, and the window is never longer than 61 seconds."""
    clock, admitted, refused = Clock(), [], []
    counted, mine = limiter(clock), key(rpm=limit)
    for pause in pauses:
        clock.now += pause
        (admitted if takes(counted, mine) else refused).append(clock.now)

    for start in admitted:
        assert limit >= sum(start <= each < start + WINDOW_S for each in admitted)
    for moment in refused:
        assert limit <= sum(moment - WINDOW_S - 1 <= each <= moment for each in admitted)


def test_reserved_tokens_hold_until_they_are_settled():
    """Two requests cannot both take what is there only once; what was not used is free again at once."""
    counted, mine = limiter(Clock()), key(tpm=1000)
    first, second = counted.lease(mine, NONE), counted.lease(mine, NONE)
    first.reserve_tokens(100, 600)
    with pytest.raises(RateLimitError) as refused:
        second.reserve_tokens(100, 600)
    first.settle(150)
    second.reserve_tokens(100, 600)

    assert "tokens" == refused.value.error_type
    assert 0 < refused.value.retry_after_s <= WINDOW_S + 1
    assert ("x-ratelimit-remaining-tokens", "150") in second.headers()


def test_an_answer_longer_than_was_reserved_counts_when_it_ends():
    """Also when the reservation was forgotten over a long answer."""
    clock = Clock()
    counted, mine = limiter(clock), key(tpm=1000)
    lease = counted.lease(mine, NONE)
    lease.reserve_tokens(10, 10)
    clock.now += 300
    lease.settle(900)
    later = counted.lease(mine, NONE)
    with pytest.raises(RateLimitError):
        later.reserve_tokens(100, 100)
    lease.settle(0)

    assert ("x-ratelimit-remaining-tokens", "120") in later.headers()


def test_a_refund_after_a_minute_frees_nothing_twice():
    """What is forgotten cannot be given back."""
    clock = Clock()
    counted, mine = limiter(clock), key(tpm=100)
    lease = counted.lease(mine, NONE)
    lease.reserve_tokens(0, 100)
    clock.now += 100
    other = counted.lease(mine, NONE)
    other.reserve_tokens(0, 60)
    lease.settle(1)

    assert ("x-ratelimit-remaining-tokens", "40") in other.headers()


def test_a_request_refused_for_its_tokens_is_not_counted_as_one():
    """It did not use anything."""
    counted, mine = limiter(Clock()), key(rpm=1, tpm=100)
    lease = counted.lease(mine, NONE)
    lease.take_request()
    with pytest.raises(RateLimitError):
        lease.reserve_tokens(101, 0)

    assert takes(counted, mine)


def test_a_prompt_that_can_never_fit_says_so():
    """Waiting would not help, so no client is told to."""
    lease = limiter(Clock()).lease(key(tpm=100), NONE)
    with pytest.raises(RateLimitError, match="too large") as refused:
        lease.reserve_tokens(101, 5)

    assert refused.value.retry_after_s is None
    assert {"x-should-retry": "false"} == refused.value.headers


def test_a_wish_for_a_longer_answer_than_the_limit_reserves_the_whole_limit():
    """Editors ask for 32,000 tokens each time and use a tenth of them."""
    lease = limiter(Clock()).lease(key(tpm=100), NONE)
    lease.reserve_tokens(10, 32_000)

    assert ("x-ratelimit-remaining-tokens", "0") in lease.headers()


def test_a_key_without_a_token_limit_settles_nothing():
    """Only requests are counted."""
    lease = limiter(Clock()).lease(key(rpm=3), NONE)
    lease.settle(1_000_000)

    assert not lease.counts_tokens
    assert 3 == len(lease.headers())


@given(st.floats(0, 61, allow_nan=False))
def test_a_duration_is_never_shorter_than_what_it_tells(seconds):
    """Written as OpenAI does, and read back."""
    text = duration(seconds)
    if text.endswith("ms"):
        read = float(text[:-2]) / 1000
    else:
        minutes, _, rest = text.removesuffix("s").rpartition("m")
        read = 60 * float(minutes or 0) + float(rest)

    assert seconds - 1e-9 <= read
    assert math.isclose(seconds, read, abs_tol=0.002)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": "one two"}, (2, 0)),
        ({"input": ["one", "two"]}, (2, 0)),
        ({"input": [[1, 2, 3], [4]]}, (4, 0)),
        ({"messages": [], "max_tokens": 9}, (3, 9)),
        ({"messages": [], "max_completion_tokens": 9, "n": 3}, (3, 27)),
        ({"messages": []}, (3, 1000)),
    ],
)
def test_what_a_body_is_expected_to_use(body, expected):
    """Its input, and what it allows the answer."""
    assert expected == expected_tokens(body)
