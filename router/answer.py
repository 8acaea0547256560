"""An answer from its first event to its commit: what carries nothing is held back, and an empty one is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from config.errors import UpstreamError
from router.events import Completion, Finish, carries_content

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable

    from router.attempt import Attempt
    from router.events import Event, Frame
    from router.providers.base import Prepared, Provider, Wire

MAX_HELD_BACK_BYTES = 64 * 1024
"""Role-only and empty frames held back before the first content; a stream that sends more of them is committed."""

EMPTY_BUT_LEGAL = frozenset({"length", "content_filter", "tool_calls", "function_call"})
"""Finish reasons with which an answer without content is an answer."""


@dataclass(slots=True)
class Answer:
    """A committed answer: `completion` of a plain call, or the frames of a stream. Close it in `finally`."""

    attempt: Attempt
    warnings: tuple[str, ...]
    completion: Completion | None = None
    held_back: tuple[Frame, ...] = ()
    rest: AsyncGenerator[Frame, None] | None = None

    def __post_init__(self) -> None:
        """Add what the provider learnt only from its upstream to what it knew before it asked."""
        late = [warning for frame in self.held_back for warning in frame.warnings]
        late += () if self.completion is None else self.completion.warnings
        self.warnings = (*self.warnings, *late)

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


async def open_stream(
    attempt: Attempt, provider: Provider, prepared: Prepared, wire: Wire, *, check_empty: CheckEmpty
) -> Answer:
    """Return the answer once it carries something, has ended, or is too long to be held back. Raises `UpstreamError`.

    Whatever ends the wait, the upstream's connection is closed with it.
    """
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


async def complete(
    attempt: Attempt, provider: Provider, prepared: Prepared, wire: Wire, *, check_empty: CheckEmpty
) -> Answer:
    """Return a whole answer. Raises `UpstreamError`."""
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
