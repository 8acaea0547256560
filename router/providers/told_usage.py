"""What a body that is no answer was said to have cost: a stream where an answer was to come whole, or one cut short."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from config.errors import UpstreamError
from router.events import UsageReport
from router.providers.json_values import as_object, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from config.types import Json, Usage
    from router.events import Event

_FIELD: Final = b"data:"


@contextmanager
def telling_usage(body: bytes, read: Callable[[Json], Iterable[Event]]) -> Generator[None]:
    """Let an `UpstreamError` that is raised within take along the tokens that `body` tells, if it tells any.

    They were used and will be billed, although nobody gets the answer. `read` gives the events of one JSON object.
    """
    try:
        yield
    except UpstreamError as error:
        error.usage = error.usage or _usage_in(body, read)
        raise


def _usage_in(body: bytes, read: Callable[[Json], Iterable[Event]]) -> Usage | None:
    """Return the last usage of a body of SSE events or JSON lines; `None` where it tells none."""
    told: Usage | None = None
    for each in _objects(body):
        try:
            found = [event.usage for event in read(each) if isinstance(event, UsageReport)]
        except UpstreamError:
            break
        told = found[-1] if found else told
    return told


def _objects(body: bytes) -> Iterator[Json]:
    for line in body.splitlines():
        try:
            value = as_object(decode(line.strip().removeprefix(_FIELD)))
        except ValueError:
            continue
        if value is not None:
            yield value
