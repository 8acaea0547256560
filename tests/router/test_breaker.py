"""The breaker's state machine, driven by Hypothesis; time is handed in, so nothing waits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from config.breaker_settings import BreakerSettings
from router.bench import Bench
from router.breaker import FIRST_SHARE, N_SLICES, Breaker, Window

RULES = BreakerSettings()


class Life(RuleBasedStateMachine):
    """A breaker among requests that succeed, fail, end without a verdict, or never end."""

    @initialize(rate=st.sampled_from([0.3, 0.5, 1.0]), ramp_s=st.sampled_from([0.0, 10.0]))
    def begin(self, rate, ramp_s):
        self.rules = replace(RULES, ramp_s=ramp_s)
        self.breaker = Breaker(self.rules, rate)
        self.now = 100.0
        self.running = {}  # attempt -> when it began
        self.trial = None
        self.trial_until = 0.0
        self.opened = None
        self.closed = -1e9

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.5, 3.0, 5.5, 11.0, 61.0, 200.0]))
    def pass_time(self, seconds):
        self.now += seconds

    @rule()
    def ask(self):
        state = self.breaker.state(self.now)
        admitted = self.breaker.admits(self.now)
        if state == "closed":
            assert admitted
        if state == "open":
            assert not admitted
        if state == "half_open":
            assert admitted is (self.trial is None or self.now >= self.trial_until)
        if admitted:
            self.acquire(on_trial=state != "closed")

    @precondition(lambda self: self.breaker.state(self.now) == "open" and not self.breaker.tried(self.now))
    @rule()
    def ask_early(self):
        self.acquire(on_trial=True)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), how=st.sampled_from(["succeed", "fail", "neutral", "answer"]))
    def end(self, data, how):
        attempt = data.draw(st.sampled_from(list(self.running)))
        began = self.running[attempt]
        before = self.breaker.state(self.now)
        if how == "fail":
            if self.breaker.failed(self.now, holder=attempt, began=began, jitter=0.0):
                self.opened, self.trial = self.now, None
        elif how != "neutral":
            tell = self.breaker.answered if how == "answer" else self.breaker.succeeded
            if tell(self.now, holder=attempt, began=began):
                assert before != "closed"
                self.closed, self.trial = self.now, None
        if how != "answer":
            del self.running[attempt]
            self.breaker.release(attempt)
            if attempt is self.trial:
                self.trial = None

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def lose(self, data):
        """An attempt whose end nobody hears of."""
        del self.running[data.draw(st.sampled_from(list(self.running)))]

    def acquire(self, *, on_trial):
        attempt = object()
        self.breaker.acquire(self.now)
        self.breaker.bind(attempt, self.now)
        self.running[attempt] = self.now
        if on_trial:
            self.trial, self.trial_until = attempt, self.now + self.rules.trial_s

    @invariant()
    def a_lost_trial_is_released_at_its_deadline(self):
        if self.breaker.tried(self.now):
            assert self.trial is not None
            assert self.now < self.trial_until

    @invariant()
    def it_is_open_for_no_shorter_and_no_longer_than_allowed(self):
        if self.breaker.state(self.now) == "open":
            assert self.opened is not None
            assert self.now < self.opened + self.rules.open_max_s
        elif self.breaker.state(self.now) == "half_open":
            assert self.now >= self.opened + self.rules.open_s

    @invariant()
    def all_are_let_through_after_the_ramp(self):
        if self.breaker.state(self.now) == "closed":
            if self.now >= self.closed + self.rules.ramp_s:
                assert 1.0 == self.breaker.share(self.now)
            assert FIRST_SHARE <= self.breaker.share(self.now) <= 1.0


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_the_life_of_a_breaker = Life.TestCase


def failing(breaker: Breaker, n: int, *, now: float) -> list[bool]:
    """Count failures; return which of them opened it."""
    return [breaker.failed(now, holder=object(), began=now) for _ in range(n)]


def test_it_opens_at_the_minimum_count_and_not_before() -> None:
    """Four failures are bad luck, five are a fault."""
    breaker = Breaker(RULES, 0.5)

    assert [False] * 4 + [True] == failing(breaker, 5, now=10.0)


def test_a_rate_below_the_threshold_leaves_it_closed() -> None:
    """Two of five answers fail for ever, and it stays closed; at half of them it opens."""
    breaker = Breaker(RULES, 0.5)
    for n in range(100):
        tell = breaker.failed if n % 5 in {2, 4} else breaker.succeeded
        tell(10.0 + n / 10, holder=object(), began=10.0)
    assert "closed" == breaker.state(20.0)

    failing(breaker, 20, now=20.0)
    assert "open" == breaker.state(20.0)


def test_exactly_the_threshold_opens_it() -> None:
    """Three failures among six answers, none of them in a row of five."""
    breaker = Breaker(RULES, 0.5)
    for n in range(3):
        breaker.succeeded(10.0 + n, holder=object(), began=10.0)

    assert [False, False, True] == failing(breaker, 3, now=13.0)


def test_failures_too_far_apart_for_the_window_open_it_all_the_same() -> None:
    """A server that hangs lets each request wait for its whole deadline: the window never fills."""
    breaker = Breaker(RULES, 0.5)

    opened = [breaker.failed(n * 31.0, holder=object(), began=n * 31.0) for n in range(5)]

    assert [False, False, False, False, True] == opened


def test_failures_of_long_ago_are_forgotten() -> None:
    """One failure a quarter of an hour is no streak."""
    breaker = Breaker(RULES, 0.5)

    assert not any(breaker.failed(n * 900.0, holder=object(), began=n * 900.0) for n in range(20))


def test_each_failed_trial_doubles_the_time_up_to_the_longest() -> None:
    """5, 10, 20, 40, 60, 60 seconds; jitter adds at most a tenth."""
    breaker = Breaker(RULES, 0.5)
    failing(breaker, 5, now=0.0)
    now, waits = 0.0, []
    for _ in range(6):
        waits.append(breaker.wait_s(now))
        now += waits[-1]
        trial = object()
        breaker.acquire(now)
        breaker.bind(trial, now)
        breaker.failed(now, holder=trial, began=now)

    assert [5, 10, 20, 40, 60, 60] == waits
    assert breaker.failed(now, holder=object(), began=now) is False


@pytest.mark.parametrize(("wish_s", "expected"), [(0.0, 5.5), (2.0, 5.5), (20.0, 22.0), (3_600.0, 66.0)])
def test_the_upstreams_wish_lengthens_the_time_within_bounds(wish_s: float, expected: float) -> None:
    """Retry-After beside a 503 is honoured, but an hour is not believed."""
    breaker = Breaker(replace(RULES, min_requests=1), 0.5)
    breaker.failed(10.0, holder=object(), began=10.0, wish_s=wish_s, jitter=1.0)

    assert expected == pytest.approx(breaker.wait_s(10.0))


def test_what_began_before_it_opened_is_no_evidence() -> None:
    """A long answer that began in good times neither closes it nor keeps it open."""
    breaker = Breaker(RULES, 0.5)
    failing(breaker, 5, now=10.0)

    assert not breaker.succeeded(16.0, holder=object(), began=9.0)
    assert not breaker.failed(16.0, holder=object(), began=9.0)
    assert "half_open" == breaker.state(16.0)


def test_what_failed_before_it_closed_does_not_open_it_again() -> None:
    """Stragglers of the outage end after the trial has shown that it is over."""
    breaker = Breaker(RULES, 0.5)
    failing(breaker, 5, now=10.0)
    assert breaker.succeeded(16.0, holder=object(), began=15.5)

    assert not any(breaker.failed(16.5, holder=object(), began=15.9) for _ in range(9))
    assert "closed" == breaker.state(17.0)


def test_an_old_trial_that_fails_late_reopens_a_half_open_one() -> None:
    """Beyond its deadline a trial is lost for the slot, but what it tells is still true."""
    breaker = Breaker(RULES, 0.5)
    failing(breaker, 5, now=10.0)
    breaker.acquire(16.0)
    slow = object()
    breaker.bind(slow, 16.0)
    breaker.acquire(77.0)
    breaker.bind(object(), 77.0)

    assert breaker.failed(78.0, holder=slow, began=16.0)
    assert "open" == breaker.state(78.0)


def test_the_return_is_gradual() -> None:
    """A tenth at first, half after half the time, all at its end."""
    breaker = Breaker(RULES, 0.5)
    failing(breaker, 5, now=10.0)
    breaker.succeeded(20.0, holder=object(), began=19.0)

    assert [0.1, 0.5, 1.0, 1.0] == [breaker.share(at) for at in (20.0, 25.0, 30.0, 99.0)]


def test_a_probe_of_the_host_lets_a_trial_begin_early() -> None:
    """Only where it is open; closed and half-open ones do not change."""
    breaker = Breaker(RULES, 0.5)
    assert not breaker.half_open(9.0)
    failing(breaker, 5, now=10.0)

    assert breaker.half_open(11.0)
    assert "half_open" == breaker.state(11.0)
    assert not breaker.half_open(11.0)


def test_other_rules_are_taken_up_as_it_runs() -> None:
    """The state stays; a window of another length begins anew."""
    breaker = Breaker(RULES, 0.5)
    failing(breaker, 4, now=10.0)
    breaker.adopt(replace(RULES, min_requests=6), 0.5)
    assert (4, 4) == breaker.window.counts(10.0)
    breaker.adopt(replace(RULES, window_s=5.0), 0.5)

    assert (0, 0) == breaker.window.counts(10.0)


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=80), st.floats(1, 60))
def test_a_window_counts_what_is_recent(answers, span_s) -> None:
    """Never less than the last nine tenths of its span, never more than the whole of it."""
    window, now, at = Window(span_s), 0.0, []
    for pause_s, failed in answers:
        now += pause_s
        window.add(now, failed=failed)
        at.append((now, failed))

    n, n_failed = window.counts(now)
    least = span_s * (N_SLICES - 1) / N_SLICES
    assert sum(now - t < least * 0.999 for t, _ in at) <= n <= sum(now - t <= span_s * 1.001 for t, _ in at)
    assert n_failed <= n
    window.clear()
    assert (0, 0) == window.counts(now)


def put(bench: Bench, now: float, *, for_s: float = 10.0, told_s: float | None = None, by_trial: bool = True) -> None:
    """Bench it for a dead key, or for a rate limit."""
    bench.put(now, "credential" if by_trial else "rate", for_s=for_s, told_s=told_s, by_trial=by_trial)


def test_a_bench_by_trial_lets_one_at_a_time_through_until_one_succeeds() -> None:
    """A trial that ends without a verdict makes room, one that is lost too, and a success ends the bench."""
    bench = Bench()
    put(bench, 0.0)
    assert ["open", "open", "half_open"] == [bench.state(at) for at in (0.0, 9.9, 10.0)]
    assert [False, True] == [bench.admits(9.9), bench.admits(10.0)]

    one, two = object(), object()
    bench.acquire(10.0, lease_s=5.0)
    bench.bind(one, 10.0)
    assert (False, True) == (bench.admits(11.0), bench.tried(11.0))
    bench.release(one)
    assert bench.admits(11.0)
    bench.acquire(11.0, lease_s=5.0)
    bench.bind(two, 11.0)
    assert [False, True] == [bench.admits(15.9), bench.admits(16.0)]
    assert not bench.clear(holder=object(), began=0.0)
    assert bench.clear(holder=two, began=0.0)
    assert "closed" == bench.state(16.0)
    assert not bench.clear(holder=two, began=99.0)


def test_a_rate_limits_bench_ends_by_itself() -> None:
    """After its time everybody is let through, without a trial."""
    bench = Bench()
    put(bench, 0.0, told_s=90.0, by_trial=False)
    bench.acquire(10.0, lease_s=5.0)

    assert [("open", False), ("closed", True)] == [(bench.state(at), bench.admits(at)) for at in (9.9, 10.0)]
    assert (10.0, 90.0) == (bench.wait_s(0.0), bench.told_s(0.0))
    assert (0.0, 0.0) == (Bench().wait_s(0.0), Bench().told_s(0.0))


def test_the_later_end_of_two_benches_holds() -> None:
    """A short wish does not cut a long one, and failures in a row are counted."""
    bench = Bench()
    put(bench, 0.0, for_s=30.0)
    put(bench, 1.0, for_s=2.0)

    assert 29.0 == bench.wait_s(1.0)
    assert 2 == bench.streak
