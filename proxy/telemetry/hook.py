"""The hook: whoever wants to hear of finished requests is a sink, and hears of them after the books do.

The event is the frozen `DecisionRecord`. With no sink there is no hook, and nothing is paid for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from config.types import DecisionRecord, Ledger, OutcomeRecord


class RequestSink(Protocol):
    """Hears of every finished request that was let in."""

    def finished(self, record: DecisionRecord) -> None:
        """Take note; must not wait and must not raise."""
        ...

    @property
    def n_dropped(self) -> int:
        """Records lost because they came faster than they could be told."""
        ...

    def close(self, timeout_s: float) -> None:
        """Tell what waits, within `timeout_s` seconds; may block, so call it off the loop."""
        ...


class ToldLedger:
    """A ledger that also tells its sinks. Books come first: what a sink does cannot lose a record."""

    def __init__(self, ledger: Ledger, sinks: tuple[RequestSink, ...]) -> None:
        self._ledger = ledger
        self._sinks = sinks

    def record(self, record: DecisionRecord) -> None:
        """Queue one decision, then tell of it."""
        self._ledger.record(record)
        for sink in self._sinks:
            sink.finished(record)

    def record_outcome(self, outcome: OutcomeRecord) -> None:
        """Queue one outcome."""
        self._ledger.record_outcome(outcome)
