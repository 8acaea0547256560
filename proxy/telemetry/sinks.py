"""Which sinks the settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.telemetry.hook import ToldLedger
from proxy.telemetry.otel import open_sink

if TYPE_CHECKING:
    from config.telemetry_settings import TelemetrySettings
    from config.types import Ledger
    from proxy.telemetry.hook import RequestSink


def open_sinks(settings: TelemetrySettings, *, version: str) -> tuple[RequestSink, ...]:
    """Return the sinks; nothing is sent before the first request. Raises `SettingsError` where an extra is missing."""
    return (open_sink(settings, version=version),) if settings.otlp_endpoint else ()


def told(ledger: Ledger, sinks: tuple[RequestSink, ...]) -> Ledger:
    """Return the ledger with its sinks behind it; without sinks, the ledger itself."""
    return ToldLedger(ledger, sinks) if sinks else ledger
