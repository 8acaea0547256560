"""Traces: names of the convention, no text of anybody, the client's own trace, and nothing on the request's way."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from config.errors import SettingsError
from config.loader import load_settings
from config.telemetry_settings import TelemetrySettings
from config.types import AttemptRecord, Cost, Decision, DecisionRecord, OutcomeRecord, Span, Usage
from proxy.telemetry.client_ids import TraceParent, client_request_id, parse_trace_parent, valid_trace_parent
from proxy.telemetry.genai import spans_of
from proxy.telemetry.hook import ToldLedger
from proxy.telemetry.otel import OtelSink, traces_url
from proxy.telemetry.sinks import open_sinks, told
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import model, running_gateway, user

TS = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{PARENT}-01"
CANARY = "canary-7f3a"


def decision(requested: str = "auto") -> Decision:
    """A decision whose reasons quote the client."""
    return Decision(requested, ("m",), (1.0,), ("m",), (f"the client named {CANARY}",), "weights-1")


def record(**parts: Any) -> DecisionRecord:
    """A streamed request that failed over: what a trace must show."""
    failed = AttemptRecord(
        1, "a/openai", "a", "openai", committed=False, failure_class="rate", error=CANARY, status=429,
        duration_ms=20.0, retry_after_s=2.0, start_ms=5.0,
    )  # fmt: skip
    answered = AttemptRecord(
        2, "m/gemini", "m", "gemini", committed=True, status=200, ttft_ms=40.0, duration_ms=100.0,
        usage=Usage(12, 34, cached_tokens=5, cache_write_tokens=2, reasoning_tokens=8, raw={"x": CANARY}),
        cost=Cost(0.5, "estimated"), finish_reason="stop", start_ms=30.0,
    )  # fmt: skip
    spans = (
        Span("decide", 1.0, 2.0, {"candidates": 2, "chosen": CANARY, "skipped": False}),
        Span("dispatch", 4.0, 66.0, {"attempts": 2}),
        Span("relay", 70.0, 60.0, {"error": "CancelledError"}),
    )
    given = {"id": "d-1", "ts": TS, "status": "completed", "endpoint": "chat", "stream": True, "decision": decision()}
    given |= {"attempts": (failed, answered), "served_model": "m", "spans": spans, "preview": CANARY}
    given |= {"request_body": CANARY.encode(), "conversation_id": CANARY, "key_prefix": CANARY, "warnings": (CANARY,)}
    return DecisionRecord(**given | parts)


def sent(*records: DecisionRecord) -> list[Any]:
    """What OpenTelemetry would send."""
    exporter = InMemorySpanExporter()
    sink = OtelSink(lambda: exporter, service_name="gate", version="9")
    for each in records:
        sink.finished(each)
    sink.close(5)
    return list(exporter.get_finished_spans())


def named(spans: list[Any], name: str) -> Any:
    """The one span of that name."""
    (found,) = [each for each in spans if each.name == name]
    return found


def test_a_request_carries_the_names_of_the_convention():
    """Operation, provider, models, usage, finish and status stand under `gen_ai.*` on the span of the request."""
    root = named(sent(record()), "chat auto")

    assert SpanKind.CLIENT == root.kind
    assert {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "auto",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.07,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 34,
        "gen_ai.usage.cache_read.input_tokens": 5,
        "gen_ai.usage.cache_creation.input_tokens": 2,
        "gen_ai.usage.reasoning.output_tokens": 8,
        "http.response.status_code": 200,
        "thalamus.decision_id": "d-1",
        "thalamus.endpoint": "chat",
        "thalamus.status": "completed",
        "thalamus.attempts": 2,
        "thalamus.cost_usd": 0.5,
        "thalamus.usage_source": "upstream",
        "thalamus.policy_version": "weights-1",
    } == dict(root.attributes)
    assert root.status.is_ok or root.status.status_code.name == "UNSET"
    assert {"gate", "9"} <= set(root.resource.attributes.values())


def test_stages_and_attempts_hang_under_the_request_at_their_times():
    """Whoever looks at the trace sees which try failed, why, and when the next began; nothing is counted twice."""
    spans = sent(record())
    root, first, second = (named(spans, name) for name in ("chat auto", "attempt a/openai", "attempt m/gemini"))
    base = round(TS.timestamp() * 1000) * 1_000_000

    assert 6 == len(spans)
    assert {root.context.span_id} == {each.parent.span_id for each in spans if each is not root}
    assert ("rate", 429, "ERROR") == (
        first.attributes["error.type"], first.attributes["http.response.status_code"], first.status.status_code.name
    )  # fmt: skip
    assert (base, base + 130_000_000) == (root.start_time, root.end_time)
    assert (base + 30_000_000, base + 130_000_000) == (second.start_time, second.end_time)
    assert not [name for each in spans if each is not root for name in each.attributes if name.startswith("gen_ai.")]
    assert {"thalamus.stage.candidates": 2, "thalamus.stage.skipped": False} == dict(named(spans, "decide").attributes)
    assert "CancelledError" == named(spans, "relay").attributes["error.type"]


def test_no_text_of_anybody_is_in_a_span():
    """Prompts, previews, bodies, error texts, keys, conversations and reasons stay here."""
    spans = sent(record(trace_parent=HEADER), record(status="failed_upstream", error_code="upstream_error"))

    assert spans
    assert CANARY not in "".join(each.to_json() for each in spans)


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        (
            {"status": "refused", "error_code": "model_not_found", "decision": None, "attempts": (), "spans": ()},
            "model_not_found",
        ),
        ({"status": "failed_upstream", "error_code": None}, "failed_upstream"),
        ({"status": "aborted_by_client", "error_code": "client_left"}, None),
        ({}, None),
    ],
)
def test_how_a_request_ended(parts: dict[str, Any], error: str | None):
    """Failures have a class; a client that left is no error of ours."""
    fact = spans_of(record(**parts))

    assert error == fact.attributes.get("error.type")
    assert fact.failed is (error is not None)


def test_a_request_that_reached_nobody():
    """Without a decision the span has the operation's name alone, and we are its provider."""
    fact = spans_of(record(decision=None, attempts=(), spans=(), status="refused", endpoint="embeddings", stream=False))

    assert ("embeddings", "embeddings", "thalamus") == (
        fact.name, fact.attributes["gen_ai.operation.name"], fact.attributes["gen_ai.provider.name"]
    )  # fmt: skip
    assert fact.start_ns == fact.end_ns
    assert "gen_ai.request.model" not in fact.attributes


def test_the_extractive_model_is_no_call_to_anybody():
    """What runs in this process is internal."""
    own = AttemptRecord(1, "extractive/extractive", "extractive", "extractive", committed=True)

    assert "internal" == spans_of(record(attempts=(own,), spans=())).children[0].kind


def test_a_request_hangs_under_the_clients_own_span():
    """The trace goes on where the client began it."""
    root = named(sent(record(trace_parent=HEADER)), "chat auto")

    assert (int(TRACE, 16), int(PARENT, 16), True) == (
        root.context.trace_id, root.parent.span_id, root.parent.is_remote
    )  # fmt: skip


def test_a_client_that_does_not_sample_is_not_traced():
    """The flag of the client counts."""
    assert [] == sent(record(trace_parent=HEADER[:-1] + "0"))


@pytest.mark.parametrize(
    "header",
    [
        "", "x", HEADER.upper(), f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"{HEADER}-more", f"00-{TRACE}-{PARENT}-1", f"00-{TRACE}-{PARENT}-01\r\nx: y", f"cc-{TRACE}-{PARENT}-01-" + "x" * 500,
    ],
)  # fmt: skip
def test_a_broken_trace_parent_counts_as_none(header: str):
    """A client's header may begin a trace anew, never break a request."""
    assert parse_trace_parent(header) is None
    assert valid_trace_parent(header) is None


def test_a_later_version_of_the_header_is_read_as_far_as_it_is_known():
    """W3C asks for that."""
    assert TraceParent(int(TRACE, 16), int(PARENT, 16), sampled=False) == parse_trace_parent(
        f"cc-{TRACE}-{PARENT}-02-more"
    )
    assert valid_trace_parent(None) is None


@given(st.text(max_size=200))
def test_whatever_a_client_sends_is_bounded(text: str):
    """No header raises, and an id of the client's is visible ASCII of bounded length or nothing."""
    parse_trace_parent(text)
    kept = client_request_id(text)

    assert kept is None or (
        kept == text and kept.isascii() and kept.isprintable() and " " not in kept and len(kept) <= 128
    )


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://c:4318", "http://c:4318/v1/traces"),
        ("http://c:4318/", "http://c:4318/v1/traces"),
        ("https://c/otlp/v1/traces", "https://c/otlp/v1/traces"),
    ],
)
def test_where_spans_go(endpoint: str, url: str):
    """A base address or a whole one: both are what collectors tell people."""
    assert url == traces_url(endpoint)


def test_a_collector_that_hangs_costs_spans_and_no_request():
    """The queue is bounded, what does not fit is counted, and the end does not wait for it."""
    gate = threading.Event()

    def exporter() -> InMemorySpanExporter:
        gate.wait(10)
        return InMemorySpanExporter()

    sink = OtelSink(exporter, service_name="s", version="1", queue_max=3)
    for _ in range(10):
        sink.finished(record())
    dropped = sink.n_dropped
    sink.close(0.05)
    gate.set()

    assert 7 == dropped
    assert 10 == sink.n_dropped


def test_a_record_that_cannot_become_spans_does_not_end_the_telling():
    """One odd record costs itself; the next one is sent."""
    exporter = InMemorySpanExporter()
    sink = OtelSink(lambda: exporter, service_name="s", version="1")
    sink.finished(record(ts="never"))
    sink.finished(record())
    sink.close(5)

    assert (1, 6) == (sink.n_dropped, len(exporter.get_finished_spans()))


def test_a_sink_that_heard_nothing_has_nothing_to_close():
    """No thread is begun before the first request."""
    sink = OtelSink(InMemorySpanExporter, service_name="s", version="1")
    sink.close(1)

    assert 0 == sink.n_dropped


class Books:
    """A ledger that remembers the order of things."""

    def __init__(self, heard: list[str]) -> None:
        self.heard = heard

    def record(self, record: DecisionRecord) -> None:  # noqa: ARG002  # a double
        self.heard.append("books")

    def record_outcome(self, outcome: OutcomeRecord) -> None:  # noqa: ARG002
        self.heard.append("outcome")

    def finished(self, record: DecisionRecord) -> None:  # noqa: ARG002
        self.heard.append("sink")

    @property
    def n_dropped(self) -> int:
        return 0

    def close(self, timeout_s: float) -> None:  # noqa: ARG002
        self.heard.append("closed")


def test_books_come_before_sinks():
    """What a sink does cannot lose a record; without sinks the ledger stays what it was."""
    heard: list[str] = []
    books = Books(heard)
    ledger = told(books, (books,))
    ledger.record(record())
    ledger.record_outcome(OutcomeRecord("d-1", "user", "thumbs", TS, 1.0))

    assert isinstance(ledger, ToldLedger)
    assert ["books", "sink", "outcome"] == heard
    assert books is told(books, ())


def test_by_default_nothing_is_told():
    """No collector, no sink."""
    assert () == open_sinks(TelemetrySettings(), version="1")


def test_a_missing_extra_is_said_plainly(monkeypatch: pytest.MonkeyPatch):
    """Who sets the address without the package learns what to install, before anything starts."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(SettingsError, match=r"thalamus-proxy\[otel\]"):
        open_sinks(TelemetrySettings(otlp_endpoint="http://127.0.0.1:4318"), version="1")


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4318", "ftp://c", "http://", "http://me:secret@c:4318"])
def test_an_address_that_cannot_be_one_is_refused(tmp_path: Path, endpoint: str):
    """File and line are told, a password is not."""
    file = tmp_path / "thalamus.toml"
    file.write_text(f'[telemetry]\notlp_endpoint = "{endpoint}"\n')

    with pytest.raises(SettingsError, match=r"telemetry\.otlp_endpoint") as refused:
        load_settings(file, {})

    assert "secret" not in str(refused.value)


@asynccontextmanager
async def collector() -> AsyncGenerator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A collector double: real OTLP over a real loopback socket."""
    heard: list[ExportTraceServiceRequest] = []

    async def take(request: web.Request) -> web.Response:
        assert "application/x-protobuf" == request.content_type
        heard.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(body=b"", content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", heard
    finally:
        await runner.cleanup()


async def test_a_real_gateway_sends_a_real_trace(tmp_path: Path):
    """From the client's header to the collector, with the prompt nowhere in between."""
    upstreams = scripted_upstream(Script((Reply(text="hello"),)))
    async with collector() as (url, heard), upstreams as upstream:
        telemetry = f'[telemetry]\notlp_endpoint = "{url}"\nservice_name = "gate"\n'
        async with running_gateway(tmp_path, telemetry, model("m", upstream.url + "/v1")) as gateway:
            answered = await gateway.http.post(
                "/v1/chat/completions",
                json={"model": "m", "messages": user(CANARY)},
                headers={"traceparent": HEADER, "x-request-id": "mine-1"},
            )
        spans = [
            span
            for each in heard
            for group in each.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]

    (root,) = [each for each in spans if each.name == "chat m"]
    assert 200 == answered.status_code, answered.text
    assert (TRACE, PARENT) == (root.trace_id.hex(), root.parent_span_id.hex())
    assert {"admit", "parse", "decide", "dispatch", "relay", "attempt m/vllm"} <= {each.name for each in spans}
    assert answered.headers["x-request-id"] in {each.value.string_value for each in root.attributes}
    assert CANARY not in str(heard)
    tries = [each for each in spans if each.name.startswith("attempt ")]
    assert all(root.start_time_unix_nano <= each.start_time_unix_nano <= each.end_time_unix_nano for each in tries)


def test_without_the_setting_opentelemetry_is_not_imported(tmp_path: Path):
    """Who does not trace does not pay for the import."""
    code = "import sys, proxy.app; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()
