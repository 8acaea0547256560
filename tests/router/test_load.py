"""How busy and how fast each deployment is, told by attempts on a clock that is advanced."""

from __future__ import annotations

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from config.errors import UpstreamError
from config.failures import FailureClass
from router.attempt import Attempt
from router.load import DECAY_S, FAILED_S, Load
from tests.router.balancing import Clock, Traffic


def watched() -> tuple[Load, Traffic]:
    clock = Clock()
    load = Load(clock=clock)
    return load, Traffic(load, clock)


def test_answers_under_way_are_counted() -> None:
    """In and out, each deployment apart; who was never asked has none."""
    load, traffic = watched()
    one, two, other = traffic.begin("a"), traffic.begin("a"), traffic.begin("b")

    assert (2, 1, 0) == (load.in_flight("a"), load.in_flight("b"), load.in_flight("c"))
    for attempt in (one, two, other):
        traffic.end(attempt)
    assert (0, 0) == (load.in_flight("a"), load.in_flight("b"))


def test_latency_is_the_wait_for_the_first_content() -> None:
    """However long the stream goes on; and unknown before the first answer."""
    load, traffic = watched()
    attempt = traffic.begin("a")
    assert load.latency_s("a") is None
    assert load.latency_s("b") is None

    traffic.clock.now += 0.5
    attempt.content_arrived()
    traffic.clock.now += 60
    traffic.end(attempt)
    assert 0.5 == load.latency_s("a")


def test_a_peak_counts_at_once_and_is_forgotten_by_time() -> None:
    """Ten fast answers in the same moment do not hide a slow one; ten seconds of silence leave a third of it."""
    load, traffic = watched()
    traffic.ask("a", takes_s=0.1)
    traffic.ask("a", takes_s=4.0)
    for _ in range(10):
        traffic.ask("a", takes_s=0.0)

    assert 4.0 == load.latency_s("a")
    traffic.clock.now += DECAY_S
    assert 4.0 / math.e == pytest.approx(load.latency_s("a"))
    traffic.ask("a", takes_s=0.0)
    assert 4.0 / math.e**2 < (load.latency_s("a") or 0.0) <= 4.0 / math.e


def test_newer_answers_say_more_the_longer_the_older_are_past() -> None:
    """A mean weighted by time: after one decay the new one has 63 percent."""
    load, traffic = watched()
    traffic.ask("a", takes_s=8.0)
    attempt = traffic.begin("a")
    attempt.first_content = attempt.started + 1.0
    traffic.clock.now += DECAY_S
    traffic.end(attempt)

    assert 8.0 / math.e + 1.0 * (1 - 1 / math.e) == pytest.approx(load.latency_s("a"))


@pytest.mark.parametrize(
    ("failure_class", "expected"),
    [("transient", FAILED_S), ("rate", FAILED_S), ("credential", FAILED_S), ("caller", None), ("context", None)],
)
def test_failing_fast_is_not_being_fast(failure_class: FailureClass, expected: float | None) -> None:
    """A refusal in a millisecond counts as slow, unless the caller or the prompt was at fault."""
    load, traffic = watched()
    attempt = traffic.begin("a")
    traffic.clock.now += 0.001
    traffic.end(attempt, error=UpstreamError("no", failure_class=failure_class))

    assert expected == load.latency_s("a")


def test_a_client_that_leaves_tells_only_that_it_took_as_long_as_that() -> None:
    """A short wait says nothing, a longer one than known is believed."""
    load, traffic = watched()
    traffic.ask("a", takes_s=2.0)
    impatient, patient = traffic.begin("a"), traffic.begin("a")
    traffic.clock.now += 1.0
    traffic.end(impatient, note="the client left")
    assert 2.0 * math.exp(-1.0 / DECAY_S) == pytest.approx(load.latency_s("a"))

    traffic.clock.now += 29
    traffic.end(patient, note="the client left")
    assert 30.0 == load.latency_s("a")


@pytest.mark.parametrize("has_content", [True, False])
def test_an_answer_counts_whoever_left_and_whatever_it_held(has_content: bool) -> None:
    """A client that leaves in mid-stream has seen how fast it began; vectors have no content and are an answer."""
    load, traffic = watched()
    traffic.ask("a", takes_s=2.0)
    attempt = traffic.begin("a")
    traffic.clock.now += 1.0
    if has_content:
        attempt.content_arrived()
        attempt.abandon("the client left")
    else:
        attempt.succeed()
    load.attempt_ended(attempt)

    rest = math.exp(-1.0 / DECAY_S)
    assert 2.0 * rest + 1.0 * (1 - rest) == pytest.approx(load.latency_s("a"))


def test_deployments_that_are_gone_are_forgotten_once_they_are_quiet() -> None:
    """A reload keeps counts of answers under way, and of who stays; nothing grows for ever."""
    load, traffic = watched()
    for name in ("goes", "stays"):
        traffic.ask(name, takes_s=1.0)
    under_way = traffic.begin("goes, busy")

    load.keep({"stays"})
    assert (1.0, None, 1) == (load.latency_s("stays"), load.latency_s("goes"), load.in_flight("goes, busy"))
    traffic.end(under_way)
    assert (0, None) == (load.in_flight("goes, busy"), load.latency_s("goes, busy"))


def test_an_end_without_a_beginning_is_no_answer_less() -> None:
    """Counts never fall below zero."""
    load, traffic = watched()
    attempt = traffic.begin("a")
    traffic.end(attempt)
    traffic.end(attempt)
    load.keep(set())
    traffic.end(attempt)

    assert 0 == load.in_flight("a")


class Watching(RuleBasedStateMachine):
    """Attempts that begin and end in any order, and reloads that take deployments away and bring them back."""

    names = st.sampled_from(["a", "b", "c"])

    def __init__(self) -> None:
        super().__init__()
        self.load, self.traffic = watched()
        self.under_way: list[tuple[str, Attempt]] = []
        self.kept = {"a", "b", "c"}

    @rule(name=names)
    def begin(self, name: str) -> None:
        self.under_way.append((name, self.traffic.begin(name)))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), seconds=st.floats(0, 1e4), kind=st.sampled_from(["well", "failed", "left"]))
    def end(self, data: st.DataObject, seconds: float, kind: str) -> None:
        self.traffic.clock.now += seconds
        position = data.draw(st.integers(0, len(self.under_way) - 1))
        _, attempt = self.under_way.pop(position)
        error = UpstreamError("no", failure_class="transient") if kind == "failed" else None
        self.traffic.end(attempt, error=error, note="left" if kind == "left" else None)

    @rule(kept=st.sets(names))
    def reload(self, kept: set[str]) -> None:
        self.kept = kept
        self.load.keep(kept)

    @invariant()
    def counts_are_true_and_latencies_are_times(self) -> None:
        for name in ("a", "b", "c"):
            n_under_way = sum(each == name for each, _ in self.under_way)
            assert n_under_way == self.load.in_flight(name)
            latency_s = self.load.latency_s(name)
            assert latency_s is None or 0.0 <= latency_s < math.inf

    @invariant()
    def who_is_gone_and_quiet_is_forgotten(self) -> None:
        gone = {"a", "b", "c"} - self.kept - {name for name, _ in self.under_way}
        assert {None} >= {self.load.latency_s(name) for name in gone}


TestWatching = Watching.TestCase
TestWatching.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
