"""The attempt loop, one for streamed and plain requests: try a candidate, fail over until something is committed.

Which candidates there are, and in what order, is decided before; how failures look to the client, after.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from config.errors import InvalidRequestError, ThalamusError, UpstreamError
from router.events import Completion, Finish, carries_content
from router.providers.base import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping

    from router.attempt import Attempt, AttemptLog, Candidate
    from router.events import Dialect, Event, Frame
    from router.providers.base import ChatRequest, Prepared, Provider, Target, Transport

MAX_HELD_BACK_BYTES = 64 * 1024
"""Role-only and empty frames held back before the first content; a stream that sends more of them is committed."""

EMPTY_BUT_LEGAL = frozenset({"length", "content_filter", "tool_calls", "function_call"})
"""Finish reasons with which an answer without content is an answer."""


class CandidatesExhaustedError(ThalamusError):
    """No candidate answered; the attempt log tells how each failed. `__cause__` is the last failure."""


class AttemptObserver(Protocol):
    """Sees every attempt begin and end, each exactly once: metrics, load, health and breakers."""

    def attempt_began(self, attempt: Attempt) -> None:
        """Take note; must not raise and must not wait."""
        ...

    def attempt_ended(self, attempt: Attempt) -> None:
        """Take note; must not raise and must not wait."""
        ...


@dataclass(slots=True)
class Answer:
    """A committed answer: `completion` of a plain call, or the frames of a stream. Close it in `finally`."""

    attempt: Attempt
    warnings: tuple[str, ...]
    completion: Completion | None = None
    held_back: tuple[Frame, ...] = ()
    rest: AsyncGenerator[Frame, None] | None = None

    async def frames(self) -> AsyncIterator[Frame]:
        """Yield all frames, those held back before the commit first. Raises `UpstreamError` in mid-stream."""
        for frame in self.held_back:
            yield frame
        if self.rest is not None:
            async for frame in self.rest:
                self.attempt.observe(frame.events)
                yield frame

    async def aclose(self) -> None:
        """Close the upstream connection if it is still open."""
        if self.rest is not None:
            await self.rest.aclose()


class CheckEmpty(Protocol):
    """Judges an answer without content."""

    def __call__(self, events: Iterable[Event]) -> None:
        """Raise `UpstreamError` where such an answer is none."""
        ...


class Dispatcher:
    """Runs attempts. It knows dialects and the wire, and nothing of models, prices or clients.

    `check_empty` judges answers without content; by default only cut or filtered ones are answers.
    """

    def __init__(
        self,
        providers: Mapping[Dialect, Provider],
        transport: Transport,
        *,
        check_empty: CheckEmpty | None = None,
        observers: tuple[AttemptObserver, ...] = (),
    ) -> None:
        self._providers = providers
        self._transport = transport
        self._check_empty = check_empty or refuse_empty
        self._observers = observers

    def speaks(self, dialect: Dialect) -> bool:
        """Return whether candidates of this dialect can be tried."""
        return dialect in self._providers

    async def run(
        self,
        request: ChatRequest,
        candidates: Iterable[Candidate],
        *,
        log: AttemptLog,
        deadline: float,
        max_attempts: int,
    ) -> Answer:
        """Return the first answer that commits. `deadline` is in the running loop's time.

        Raises `CandidatesExhaustedError` when none does, `InvalidRequestError` when no dialect at hand can say the
        request. When cancelled, the attempt under way is in `log` as abandoned and its connection is closed.
        """
        cause: ThalamusError | None = None
        for candidate in candidates:
            if len(log.attempts) >= max_attempts or _past(deadline):
                break
            if not worth_trying(candidate, log):
                continue
            provider = self._providers[candidate.dialect]
            try:
                prepared = provider.prepare(request, candidate.target)
            except InvalidRequestError as error:
                cause = cause or error  # nothing was sent: another dialect may have the slot this one lacks
                continue
            attempt = self._begun(log.begin(candidate))
            try:
                return await self._attempt(attempt, provider, prepared, deadline)
            except UpstreamError as error:
                cause = error
                if not rotates(error):
                    break
        if isinstance(cause, InvalidRequestError):
            raise cause
        raise CandidatesExhaustedError("no candidate answered") from cause

    def _begun(self, attempt: Attempt) -> Attempt:
        for observer in self._observers:
            observer.attempt_began(attempt)
        return attempt

    async def _attempt(self, attempt: Attempt, provider: Provider, prepared: Prepared, deadline: float) -> Answer:
        timeouts = attempt.candidate.timeouts
        wire = Wire(self._transport, connect_s=timeouts.connect_s, idle_s=timeouts.idle_s)
        now = asyncio.get_running_loop().time()
        limit = min(deadline, now + (timeouts.first_content_s if prepared.request.stream else timeouts.total_s))
        try:
            try:
                async with asyncio.timeout_at(limit):
                    if prepared.request.stream:
                        return await _open_stream(attempt, provider, prepared, wire, check_empty=self._check_empty)
                    return await _complete(attempt, provider, prepared, wire, check_empty=self._check_empty)
            except TimeoutError as error:
                waited = limit - now
                raise UpstreamError(
                    f"No content arrived within {waited:.1f} s.", failure_class="transient", timed_out=True
                ) from error
        except UpstreamError as error:
            attempt.fail(error)
            self.ended(attempt)
            raise
        except asyncio.CancelledError:
            attempt.abandon("the client left before the first content")
            self.ended(attempt)
            raise

    def ended(self, attempt: Attempt) -> None:
        """Tell the observers; the relay calls it for attempts that end after the commit."""
        for observer in self._observers:
            observer.attempt_ended(attempt)


def rotates(error: UpstreamError) -> bool:
    """Return whether another candidate may do better: the caller's own faults and policy never rotate."""
    return error.failure_class not in {"caller", "policy"}


def worth_trying(candidate: Candidate, log: AttemptLog) -> bool:
    """Return whether what failed so far leaves this candidate a chance.

    A key that was refused is not tried again, and a prompt that was too long only goes to a larger window.
    """
    for attempt in log.attempts:
        failed, failure = attempt.candidate, attempt.failure
        if failure is None:
            continue
        if failure.failure_class in {"credential", "quota"} and _same_key(failed.target, candidate.target):
            return False
        if failure.failure_class == "context" and not _larger_window(failed.target, candidate.target):
            return False
    return True


async def _open_stream(
    attempt: Attempt, provider: Provider, prepared: Prepared, wire: Wire, *, check_empty: CheckEmpty
) -> Answer:
    frames = provider.stream(prepared, wire)
    held: list[Frame] = []
    held_bytes = 0
    try:
        async for frame in frames:
            attempt.observe(frame.events)
            held.append(frame)
            held_bytes += len(frame.raw)
            if any(map(carries_content, frame.events)):
                attempt.content_arrived()
                return Answer(attempt, prepared.warnings, held_back=tuple(held), rest=frames)
            if held_bytes > MAX_HELD_BACK_BYTES:
                return Answer(attempt, prepared.warnings, held_back=tuple(held), rest=frames)
        check_empty(event for frame in held for event in frame.events)
    except BaseException:
        await frames.aclose()
        raise
    return Answer(attempt, prepared.warnings, held_back=tuple(held))


async def _complete(
    attempt: Attempt, provider: Provider, prepared: Prepared, wire: Wire, *, check_empty: CheckEmpty
) -> Answer:
    completion = await provider.complete(prepared, wire)
    attempt.observe(completion.events)
    if any(map(carries_content, completion.events)):
        attempt.content_arrived()
    else:
        check_empty(completion.events)
    return Answer(attempt, prepared.warnings, completion=completion)


def refuse_empty(events: Iterable[Event]) -> None:
    """Raise `UpstreamError(empty_completion)` unless the answer was cut or filtered."""
    if any(isinstance(event, Finish) and event.reason in EMPTY_BUT_LEGAL for event in events):
        return
    raise UpstreamError(
        "The upstream answered with nothing.", failure_class="transient", status=200, code="empty_completion"
    )


def accept_empty(events: Iterable[Event]) -> None:
    """Accept an answer that never has events, such as vectors."""
    del events


def _same_key(one: Target, other: Target) -> bool:
    return one.provider == other.provider and one.base_url == other.base_url and one.api_key == other.api_key


def _larger_window(failed: Target, candidate: Target) -> bool:
    if failed.context_window is None or candidate.context_window is None:
        return failed.deployment != candidate.deployment and failed.upstream_model != candidate.upstream_model
    return candidate.context_window > failed.context_window


def _past(deadline: float) -> bool:
    return asyncio.get_running_loop().time() >= deadline
