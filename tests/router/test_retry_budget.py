"""The budget of further attempts, against its promise; the clock is the test's."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from config.breaker_settings import BreakerSettings
from router.retry_budget import WINDOW_S, RetryBudget

RULES = BreakerSettings()
STEPS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.003, 0.05, 0.4, 1.0, 3.7, 11.0]), st.integers(0, 40), st.integers(0, 40)),
    max_size=40,
)


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


@given(steps=STEPS, share=st.sampled_from([0.0, 0.2, 0.5, 1.0]), least=st.integers(0, 12))
def test_retries_never_exceed_their_share_of_the_requests(
    steps: list[tuple[float, int, int]], share: float, least: int
) -> None:
    """In the ten seconds before any retry there are at most a share of the requests, or the least number, of them."""
    clock = Clock()
    budget = RetryBudget(replace(RULES, retry_share=share, min_retries=least), clock=clock)
    requests: list[float] = []
    retries: list[float] = []
    for pause_s, n_requests, n_wanted in steps:
        clock.now += pause_s
        for _ in range(n_requests):
            budget.request_began()
            requests.append(clock.now)
        for _ in range(n_wanted):
            if budget.has_room():
                budget.spend()
                retries.append(clock.now)
                since = clock.now - WINDOW_S
                n_recent = sum(at >= since for at in requests)
                assert sum(at >= since for at in retries) <= max(least, share * n_recent)


def test_a_few_are_always_allowed_and_the_window_moves_on() -> None:
    """Ten for a quiet gateway; after ten seconds, ten more."""
    clock = Clock()
    budget = RetryBudget(RULES, clock=clock)

    def spend_all() -> int:
        n = 0
        while budget.has_room():
            budget.spend()
            n += 1
        return n

    assert [10, 0] == [spend_all(), spend_all()]
    clock.now += 11
    assert 10 == spend_all()
    clock.now += 11
    for _ in range(200):
        budget.request_began()
    assert 40 == spend_all()
    budget.adopt(replace(RULES, retry_share=0.5))
    assert 60 == spend_all()


@given(n_requests=st.integers(0, 200), n_spent=st.integers(0, 60), n_at_risk=st.integers(0, 60))
def test_it_is_tight_when_half_of_it_may_be_gone(n_requests: int, n_spent: int, n_at_risk: int) -> None:
    """Spent ones and those that attempts under way may soon want count alike; nothing is spent by asking."""
    budget = RetryBudget(RULES, clock=Clock())
    for _ in range(n_requests):
        budget.request_began()
    for _ in range(n_spent):
        budget.spend()
    allowed = max(10, n_requests // 5)

    assert (n_spent + n_at_risk >= allowed / 2) == budget.is_tight(n_at_risk)
    assert (allowed > n_spent) == budget.has_room()


def test_without_any_it_is_always_tight() -> None:
    """Who allows no further attempts has the first one go where nothing speaks against it."""
    assert RetryBudget(replace(RULES, retry_share=0.0, min_retries=0), clock=Clock()).is_tight(0)
