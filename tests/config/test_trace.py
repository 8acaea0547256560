"""Spans of one request."""

from __future__ import annotations

import asyncio

import pytest

from config.trace import Trace, span


class Clock:
    """A clock that is moved by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 10.0

    def __call__(self) -> float:
        return self.now


def test_a_span_keeps_start_duration_and_notes() -> None:
    """A stage says when it began after the request's start, how long it took and what it found."""
    clock = Clock()
    with Trace(clock) as trace:
        clock.now += 0.002
        with span("retrieve") as note:
            clock.now += 0.005
            note(passages=3)

    (kept,) = trace.spans
    assert "retrieve" == kept.name
    assert 2.0 == pytest.approx(kept.start_ms)
    assert 5.0 == pytest.approx(kept.duration_ms)
    assert {"passages": 3} == kept.notes


def test_a_failed_stage_is_marked_with_its_error() -> None:
    """The trace shows which stage broke, and the error goes on."""
    with Trace() as trace, pytest.raises(ValueError, match="broken"), span("parse"):
        raise ValueError("broken")

    assert {"error": "ValueError"} == trace.spans[0].notes


def test_outside_a_trace_a_span_costs_nothing_and_keeps_nothing() -> None:
    """A room may be used without a request."""
    with span("alone") as note:
        note(anything=1)

    with Trace() as trace:
        pass
    assert [] == trace.spans


async def test_two_requests_at_once_keep_their_spans_apart() -> None:
    """Traces belong to tasks, not to the process."""

    async def request(name: str) -> list[str]:
        with Trace() as trace:
            with span(name):
                await asyncio.sleep(0)
            return [each.name for each in trace.spans]

    assert [["a"], ["b"]] == await asyncio.gather(request("a"), request("b"))


def test_server_timing_lists_stages_and_total() -> None:
    """The header has each stage's milliseconds and the total so far."""
    clock = Clock()
    with Trace(clock) as trace:
        with span("admit"):
            clock.now += 0.001
        clock.now += 0.001

    assert "admit;dur=1.00, total;dur=2.00" == trace.server_timing()
