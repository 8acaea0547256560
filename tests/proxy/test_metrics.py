"""Counting: labels stay bounded whatever clients send, and every figure is what was counted."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from config.errors import UpstreamError
from config.settings import Timeouts
from config.types import AttemptRecord, Cost, DecisionRecord, Usage
from proxy.exposition import Snapshot, render
from proxy.loop_lag import LoopLag
from proxy.metrics import MAX_DEPLOYMENTS, OTHER, Metrics
from proxy.process import ProcessFigures
from router.attempt import Attempt, Candidate
from router.judge.asking import Asked
from router.judge.ollama import Said
from router.providers.base import Target
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import model, running_gateway, user

FIGURES = ProcessFigures(cpu_s=1.5, rss_bytes=2048, open_fds=7, open_sockets=3, max_fds=1024, n_threads=2)
SERIES = re.compile(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)$", re.MULTILINE)


def snapshot(**parts: object) -> Snapshot:
    """What is told beside the counters."""
    given = {"version": "1", "started": 5.0, "process": FIGURES, "lag": LoopLag(), "database_size_bytes": 4096}
    given |= {
        "books": {"status": "ok", "queued": 1, "spilled": 2, "dropped": 3, "skipped": 4},
        "live": {"m/vllm": True},
    }
    return Snapshot(**given | parts)


def told(metrics: Metrics, **parts: object) -> dict[str, float]:
    """Every series with its value."""
    return {name: float(value) for name, value in SERIES.findall(render(metrics, snapshot(**parts)).decode())}


def attempt(deployment: str = "m/vllm", *, now: float = 1.0) -> Attempt:
    """A try that began at `now`."""
    target = Target(deployment, "vllm", "http://127.0.0.1:1/v1", "up")
    return Attempt(1, Candidate("m", target, "openai", Timeouts()), lambda: now)


def record(*deployments: str) -> DecisionRecord:
    """A finished request with an attempt at each of these."""
    tries = tuple(AttemptRecord(n, each, "m", "vllm", committed=False) for n, each in enumerate(deployments, 1))
    return DecisionRecord("id", datetime.now(UTC), "completed", "chat", stream=False, decision=None, attempts=tries)


def test_an_attempt_is_in_flight_until_it_ends():
    """Load is visible while it lasts, and outcomes are counted apart."""
    metrics = Metrics()
    first, second, third = attempt(), attempt(), attempt()
    for each in (first, second, third):
        metrics.attempt_began(each)
    first.succeed()
    metrics.attempt_ended(first)
    second.fail(UpstreamError("busy", failure_class="rate", status=429))
    metrics.attempt_ended(second)
    during = told(metrics)
    third.abandon("the client left")
    metrics.attempt_ended(third)
    after = told(metrics)

    assert 1 == during['thalamus_attempts_in_flight{deployment="m/vllm"}']
    assert 0 == after['thalamus_attempts_in_flight{deployment="m/vllm"}']
    for outcome in ("ok", "rate", "abandoned"):
        assert 1 == after[f'thalamus_attempts_total{{deployment="m/vllm",outcome="{outcome}"}}']


def test_tokens_money_and_the_first_content_are_counted_by_deployment():
    """Cached, written and reasoning tokens stand apart; an unknown price is counted, not taken for free."""
    metrics = Metrics()
    for cost in (Cost(0.25, "estimated"), Cost(None, "unknown")):
        each = attempt()
        each.first_content = each.started + 0.2
        each.usage = Usage(10, 20, cached_tokens=4, cache_write_tokens=2, reasoning_tokens=6)
        each.cost = cost
        metrics.attempt_began(each)
        metrics.attempt_ended(each)
    found = told(metrics)

    kinds = {
        kind: found[f'thalamus_tokens_total{{deployment="m/vllm",kind="{kind}"}}']
        for kind in metrics.deployments["m/vllm"].tokens
    }
    assert {"input": 20, "cached": 8, "cache_write": 4, "output": 40, "reasoning": 12} == kinds
    assert 0.25 == found['thalamus_cost_usd_total{deployment="m/vllm"}']
    assert 1 == found['thalamus_unpriced_attempts_total{deployment="m/vllm"}']
    assert 2 == found['thalamus_time_to_first_content_seconds_bucket{deployment="m/vllm",le="0.25"}']
    assert 0 == found['thalamus_time_to_first_content_seconds_bucket{deployment="m/vllm",le="0.1"}']
    assert 2 == found['thalamus_time_to_first_content_seconds_count{deployment="m/vllm"}']


def test_questions_to_the_judge_are_counted_by_how_and_what_came_of_them():
    """Each question once; only what the model itself said takes time and money; an unknown price is not free."""
    metrics = Metrics()
    said = Asked("answered", "plain@1", "llama3", ms=300.0, said=Said("large", 10, 5, 0.25))
    metrics.judged(said, "waited")
    metrics.judged(replace(said, cached=True, said=None), "at_once")
    metrics.judged(Asked("resting", "plain@1", "llama3"), "at_once")
    metrics.judged(replace(said, outcome="unread", fault="not_eligible", said=Said("x", 1, 1, None)), "afterwards")
    metrics.judged(Asked("late", "plain@1", "llama3", fault="transient", ms=3000.0), "waited")
    metrics.not_judged("share_spent")
    found = told(metrics, judge_breaker="open")

    asked = {
        (how, outcome): found[f'thalamus_judge_questions_total{{how="{how}",outcome="{outcome}"}}']
        for how, outcome in metrics.judge.questions
    }
    assert {
        ("waited", "answered"), ("at_once", "kept"), ("at_once", "resting"), ("afterwards", "unread"),
        ("waited", "late"),
    } == set(asked)  # fmt: skip
    assert {1} == set(asked.values())
    assert 1 == found['thalamus_judge_unread_total{fault="not_eligible"}']
    assert 1 == found['thalamus_judge_skipped_total{reason="share_spent"}']
    assert (2, 0.6) == (found["thalamus_judge_duration_seconds_count"], found["thalamus_judge_duration_seconds_sum"])
    assert (0.25, 1) == (found["thalamus_judge_cost_usd_total"], found["thalamus_judge_unpriced_answers_total"])
    assert [0, 0, 1] == [
        found[f'thalamus_judge_breaker_state{{state="{each}"}}'] for each in ("closed", "half_open", "open")
    ]


def test_retries_and_failovers_are_told_apart():
    """Three tries: the same deployment again, then another."""
    metrics = Metrics()
    metrics.request_ended(record("a/vllm", "a/vllm", "b/vllm"), 0.3)
    found = told(metrics)

    assert 1 == found['thalamus_retries_total{deployment="a/vllm"}']
    assert 1 == found['thalamus_failovers_total{deployment="a/vllm"}']
    assert 1 == found['thalamus_requests_total{endpoint="chat",status="completed"}']
    assert 1 == found['thalamus_request_duration_seconds_bucket{endpoint="chat",le="0.5"}']
    assert 0.3 == found['thalamus_request_duration_seconds_sum{endpoint="chat"}']


def test_a_server_that_lists_ever_new_models_does_not_make_ever_new_series():
    """Deployments beyond the bound share one label."""
    metrics = Metrics()
    for n in range(MAX_DEPLOYMENTS + 50):
        metrics.attempt_began(attempt(f"found-{n}/ollama"))

    assert MAX_DEPLOYMENTS + 1 == len(metrics.deployments)
    assert 50 == metrics.deployments[OTHER].in_flight


def test_breakers_and_books_are_told_as_others_tell_them():
    """Who was never asked is closed; each state has its series, so that sums over states are deployments."""
    live = {"a/vllm": True, "b/vllm": False}
    found = told(Metrics(), live=live, breakers={"b/vllm": {"state": "open", "until_s": 3}})

    states = {name: value for name, value in found.items() if name.startswith("thalamus_breaker_state")}
    assert 6 == len(states)
    assert [
        'thalamus_breaker_state{deployment="a/vllm",state="closed"}',
        'thalamus_breaker_state{deployment="b/vllm",state="open"}',
    ] == [name for name, value in states.items() if value]
    assert (1, 0) == tuple(found[f'thalamus_deployment_live{{deployment="{name}"}}'] for name in live)
    assert [1, 1, 2, 3, 4, 4096] == [
        found[name]
        for name in (
            "thalamus_books_ok", "thalamus_books_queued_records", "thalamus_books_journalled_records",
            "thalamus_books_dropped_records_total", "thalamus_books_skipped_records_total",
            "thalamus_database_size_bytes",
        )
    ]  # fmt: skip
    assert (1.5, 2048, 7, 3) == tuple(
        found[name]
        for name in (
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_open_fds",
            "thalamus_open_sockets",
        )
    )


def test_what_the_system_does_not_tell_is_left_out():
    """A missing figure is no zero."""
    figures = ProcessFigures(cpu_s=0, rss_bytes=0, open_fds=None, open_sockets=None, max_fds=None, n_threads=1)
    found = told(Metrics(), process=figures, database_size_bytes=None)

    assert not {"process_open_fds", "process_max_fds", "thalamus_open_sockets", "thalamus_database_size_bytes"} & set(
        found
    )


async def test_a_thousand_made_up_names_and_paths_make_no_series(tmp_path: Path):
    """Clients cannot make series: not by models, paths, methods, request ids or router headers."""
    async with (
        scripted_upstream(Script((Reply(text="hello"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        await gateway.chat()
        await gateway.chat(model="nobody-knows-this")
        before = set(SERIES.findall((await gateway.http.get("/metrics")).text))
        for n in range(500):
            await gateway.http.post(
                "/v1/chat/completions",
                json={"model": f"made-up-{n}/x", "messages": user("hi")},
                headers={"x-request-id": f"r{n}", "user-agent": f"agent-{n}"},
            )
            await gateway.http.get(f"/v1/made/up/path-{n}")
        after = set(SERIES.findall((await gateway.http.get("/metrics")).text))

    assert {name for name, _ in before} == {name for name, _ in after}
    assert not any("made-up" in name or "path-" in name for name, _ in after)
    assert ('thalamus_requests_total{endpoint="chat",status="refused"}', "501.0") in after
