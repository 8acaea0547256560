"""The sink that sends spans to an OpenTelemetry collector over OTLP/HTTP.

The loop only puts the record into a bounded queue; a thread of its own makes the spans, OpenTelemetry's exporter sends
them. A collector that is slow or away costs spans, never requests. Imports OpenTelemetry (extra `otel`) when opened.
"""

from __future__ import annotations

import threading
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING

import structlog

from config.errors import SettingsError
from proxy.telemetry.client_ids import parse_trace_parent
from proxy.telemetry.genai import SpanFact, spans_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

    from config.telemetry_settings import TelemetrySettings
    from config.types import DecisionRecord

QUEUE_MAX = 2_048
"""Records waiting to become spans (a record is some kilobytes); beyond it they are dropped and counted."""
TRACES_PATH = "/v1/traces"
MISSING = (
    "telemetry.otlp_endpoint is set, but OpenTelemetry is not installed: pip install 'thalamus-proxy[otel]', "
    "or leave the setting empty"
)
RECORD_ERRORS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError)
"""What a record that cannot become spans raises; it must not end the thread."""

log = structlog.stdlib.get_logger("thalamus.proxy.telemetry")


def open_sink(settings: TelemetrySettings, *, version: str) -> OtelSink:
    """Return a sink that sends to the configured collector. Raises `SettingsError` where the extra is missing."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # an extra
        from opentelemetry.sdk.trace import TracerProvider as _  # noqa: PLC0415, F401  # told now, not at the first span
    except ImportError as error:
        raise SettingsError(MISSING) from error
    endpoint = traces_url(settings.otlp_endpoint)
    return OtelSink(lambda: OTLPSpanExporter(endpoint=endpoint), service_name=settings.service_name, version=version)


def traces_url(endpoint: str) -> str:
    """Return where spans go: a collector's base address gets the path of the protocol, a whole address stays."""
    base = endpoint.rstrip("/")
    return base if base.endswith(TRACES_PATH) else base + TRACES_PATH


class OtelSink:
    """A `RequestSink`. `exporter` is called once, in the thread that begins with the first record."""

    def __init__(
        self, exporter: Callable[[], SpanExporter], *, service_name: str, version: str, queue_max: int = QUEUE_MAX
    ) -> None:
        self._exporter = exporter
        self._resource = {"service.name": service_name, "service.version": version}
        self._queue: Queue[DecisionRecord | None] = Queue(queue_max)
        self._thread: threading.Thread | None = None
        self._n_dropped = 0

    @property
    def n_dropped(self) -> int:
        """Records lost because they came faster than they could be told."""
        return self._n_dropped

    def finished(self, record: DecisionRecord) -> None:
        """Put the record into the queue, or drop it where that is full."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="thalamus-telemetry", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait(record)
        except Full:
            self._n_dropped += 1

    def close(self, timeout_s: float) -> None:
        """Send what waits, within `timeout_s` seconds; the rest is lost and counted."""
        if self._thread is None:
            return
        try:
            self._queue.put(None, timeout=timeout_s)
        except Full:
            self._n_dropped += self._emptied()
            self._queue.put_nowait(None)
        self._thread.join(timeout_s)

    def _emptied(self) -> int:
        n = 0
        while True:
            try:
                self._queue.get_nowait()
            except Empty:
                return n
            n += 1

    def _run(self) -> None:
        provider = self._provider()
        tracer = provider.get_tracer("thalamus", self._resource["service.version"])
        while (record := self._queue.get()) is not None:
            try:
                send(tracer, record)
            except RECORD_ERRORS as error:
                self._n_dropped += 1
                log.warning("request_not_traced", decision_id=record.id, error=type(error).__name__)
        provider.shutdown()

    def _provider(self) -> TracerProvider:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        provider = TracerProvider(resource=Resource.create(self._resource), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(self._exporter()))
        return provider


def send(tracer: Tracer, record: DecisionRecord) -> None:
    """Make the spans of one request, under the client's own span where it sent one."""
    _start(tracer, spans_of(record), _parent(record))


def _start(tracer: Tracer, fact: SpanFact, parent: Context) -> None:
    from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context  # noqa: PLC0415  # an extra

    kind = SpanKind.CLIENT if fact.kind == "client" else SpanKind.INTERNAL
    span = tracer.start_span(fact.name, context=parent, kind=kind, attributes=fact.attributes, start_time=fact.start_ns)
    if fact.failed:
        span.set_status(StatusCode.ERROR)
    below = set_span_in_context(span, parent)
    for child in fact.children:
        _start(tracer, child, below)
    span.end(fact.end_ns)


def _parent(record: DecisionRecord) -> Context:
    from opentelemetry.context import Context  # noqa: PLC0415  # an extra
    from opentelemetry.trace import (  # noqa: PLC0415
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        set_span_in_context,
    )

    nothing = Context()
    found = parse_trace_parent(record.trace_parent)
    if found is None:
        return nothing
    flags = TraceFlags(TraceFlags.SAMPLED if found.sampled else TraceFlags.DEFAULT)
    told = SpanContext(found.trace_id, found.span_id, is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(told), nothing)
