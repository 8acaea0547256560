"""The running tally of one try at one deployment: what it sent, when, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from config.types import AttemptRecord, Cost, Usage
from router.events import Finish, ReasoningDelta, RefusalDelta, TextDelta, ToolCallArguments, UsageReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from config.errors import UpstreamError
    from config.prices import Pricing
    from config.settings import Timeouts
    from router.events import Dialect, Event
    from router.providers.base import Target
    from router.refusal import Refusal

MAX_KEPT_CHARS = 4_000_000
"""Output text kept for counting tokens where the upstream reports none; beyond it the rest is extrapolated."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One deployment that may be tried for this request."""

    model: str
    target: Target
    dialect: Dialect
    timeouts: Timeouts
    pricing: Pricing | None = None
    """Where its price is found; `None` leaves that to the shipped provider row."""


@dataclass(slots=True)
class Attempt:
    """One try. Mutable while it runs; `record()` is what the books keep.

    `clock` gives monotonic seconds.
    """

    n: int
    candidate: Candidate
    clock: Callable[[], float]
    started: float = 0.0
    ended: float | None = None
    first_content: float | None = None
    committed: bool = False
    usage: Usage | None = None
    cost: Cost | None = None
    finish_reason: str | None = None
    failure: UpstreamError | None = None
    note: str | None = None
    status: int | None = None
    texts: list[str] = field(default_factory=list[str])
    n_chars: int = 0
    hurried: bool = False
    """Whether the request had too little time left to judge the upstream by."""

    def __post_init__(self) -> None:
        """Start the attempt's clock."""
        self.started = self.clock()

    def observe(self, events: Iterable[Event]) -> None:
        """Take note of what came; called for each frame, so it must stay cheap."""
        for event in events:
            match event:
                case TextDelta(text=text) | ReasoningDelta(text=text) | RefusalDelta(text=text):
                    self._keep(text)
                case ToolCallArguments(fragment=fragment):
                    self._keep(fragment)
                case UsageReport(usage=usage):
                    self.usage = usage
                case Finish(reason=reason):
                    self.finish_reason = reason
                case _:
                    pass

    def content_arrived(self) -> None:
        """Mark the first event that carries something."""
        if self.first_content is None:
            self.first_content = self.clock()

    def succeed(self) -> None:
        """Mark the end of a whole answer."""
        self.status = 200
        self._end()

    def fail(self, error: UpstreamError) -> None:
        """Mark the end by a failure of the upstream; what it quotes of our key is taken out before anybody reads it."""
        error.hide(self.candidate.target.api_key)
        self.failure = error
        self.status = error.status
        self.usage = self.usage or error.usage
        self._end()

    def abandon(self, note: str) -> None:
        """Mark the end by us: the client left, or a deadline of ours passed."""
        self.note = note
        self._end()

    def record(self, *, since: float | None = None) -> AttemptRecord:
        """Return the frozen row of this attempt; `since` is when the request began, by the same clock."""
        ended = self.ended if self.ended is not None else self.clock()
        target = self.candidate.target
        failure = self.failure
        return AttemptRecord(
            n=self.n,
            deployment=target.deployment,
            model=self.candidate.model,
            provider=target.provider,
            committed=self.committed,
            failure_class=failure.failure_class if failure else None,
            error=failure.message if failure else self.note,
            status=self.status,
            ttft_ms=(self.first_content - self.started) * 1000 if self.first_content is not None else None,
            duration_ms=(ended - self.started) * 1000,
            usage=self.usage,
            cost=self.cost,
            finish_reason=self.finish_reason,
            retry_after_s=failure.retry_after_s if failure else None,
            start_ms=(self.started - since) * 1000 if since is not None else 0.0,
        )

    def _keep(self, text: str) -> None:
        if self.n_chars < MAX_KEPT_CHARS:
            self.texts.append(text)
        self.n_chars += len(text)

    def _end(self) -> None:
        if self.ended is None:
            self.ended = self.clock()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A candidate that was not asked, since the gate held it back."""

    candidate: Candidate
    refusal: Refusal


@dataclass(slots=True)
class AttemptLog:
    """All tries of one request, in order, kept by whoever answers for the request: also when it is cancelled."""

    clock: Callable[[], float]
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    skipped: list[Skipped] = field(default_factory=list[Skipped])
    """Who was held back before the answer came, or before there was nobody left to ask."""
    started: float = field(init=False)
    """When the request began, by `clock`."""

    def __post_init__(self) -> None:
        """Start the request's clock."""
        self.started = self.clock()

    def begin(self, candidate: Candidate) -> Attempt:
        """Start the next attempt."""
        attempt = Attempt(len(self.attempts) + 1, candidate, self.clock)
        self.attempts.append(attempt)
        return attempt

    def records(self) -> tuple[AttemptRecord, ...]:
        """Return the rows so far."""
        return tuple(attempt.record(since=self.started) for attempt in self.attempts)

    def failures(self) -> tuple[UpstreamError, ...]:
        """Return the upstream failures so far, in order."""
        return tuple(attempt.failure for attempt in self.attempts if attempt.failure is not None)
