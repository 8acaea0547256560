"""Where the time of one request went: `span("stage")` on a ContextVar, one trace per request."""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Self

from config.types import Span

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token
    from types import TracebackType

_current: ContextVar[Trace | None] = ContextVar("thalamus_trace", default=None)


class Trace:
    """The spans of one request, in the order in which they ended. Times are milliseconds after the start."""

    __slots__ = ("_clock", "_token", "spans", "started")

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.started = clock()
        self.spans: list[Span] = []
        self._token: Token[Trace | None] | None = None

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _current.reset(self._token)
            self._token = None

    def elapsed_ms(self) -> float:
        """Return milliseconds since the request began."""
        return (self._clock() - self.started) * 1000

    def add(self, name: str, start_ms: float, notes: dict[str, object]) -> None:
        """Append a span that began at `start_ms` and ends now."""
        self.spans.append(Span(name, start_ms, self.elapsed_ms() - start_ms, notes))

    def server_timing(self) -> str:
        """Return the stages as a `Server-Timing` header value (W3C Server Timing)."""
        stages = [f"{span.name};dur={span.duration_ms:.2f}" for span in self.spans]
        return ", ".join([*stages, f"total;dur={self.elapsed_ms():.2f}"])


class span:  # noqa: N801  # reads as a statement: `with span("retrieve") as note:`
    """Time one stage of the current trace; `note(key=value)` keeps what the stage found. Outside a trace it is free."""

    __slots__ = ("_name", "_notes", "_start_ms", "_trace")

    def __init__(self, name: str) -> None:
        self._name = name
        self._notes: dict[str, object] = {}
        self._trace: Trace | None = None
        self._start_ms = 0.0

    def __enter__(self) -> Self:
        self._trace = _current.get()
        if self._trace is not None:
            self._start_ms = self._trace.elapsed_ms()
        return self

    def __call__(self, **notes: object) -> None:
        """Keep what the stage found."""
        self._notes.update(notes)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._trace is None:
            return
        if kind is not None:
            self._notes["error"] = kind.__name__
        self._trace.add(self._name, self._start_ms, self._notes)
