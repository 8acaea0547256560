"""What is told of requests to the outside: nothing, unless an operator names a collector."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """What is told of requests to an OpenTelemetry collector: by default nothing."""

    otlp_endpoint: str = ""
    """Address of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`; empty sends nothing.

    Needs the extra `otel`. Spans carry names, numbers and times, never prompts, answers or keys. Headers for a hosted
    collector stand in the variable `OTEL_EXPORTER_OTLP_HEADERS`. Read at the start only.
    """
    service_name: str = "thalamus"
    """What this gateway is called in traces."""
