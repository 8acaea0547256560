"""One tool block of an Anthropic answer, from its start to its end: a real call, or the JSON answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from router.events import TextDelta, ToolCallArguments, ToolCallStart
from router.providers.custom_input import CustomInputReader, raw_input
from router.providers.json_values import as_object, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Json
    from router.events import Event


class CallBlock(Protocol):
    """An open tool block."""

    def extend(self, fragment: str) -> Iterator[Event]:
        """Yield the events of one piece of JSON."""
        ...

    def close(self) -> Iterator[Event]:
        """Yield what is left at the block's end; nothing the second time."""
        ...


class RealCall:
    """A call of one of the client's tools; `given` is the input that came with the start, mostly empty."""

    def __init__(self, index: int, call_id: str, name: str, given: Json, *, custom: bool) -> None:
        self._index = index
        self._id = call_id
        self._name = name
        self._given = given
        self._reader = CustomInputReader() if custom else None
        self._fed = False
        self._closed = False

    def start(self) -> ToolCallStart:
        """Return the event that opens the call."""
        kind = "function" if self._reader is None else "custom"
        return ToolCallStart(self._index, self._id, self._name, kind=kind)

    def extend(self, fragment: str) -> Iterator[Event]:
        """Yield the arguments that `fragment` completes."""
        self._fed = True
        yield from self._emit(fragment if self._reader is None else self._reader.feed(fragment))

    def close(self) -> Iterator[Event]:
        """Yield the arguments that are still out; a call without any has `{}`."""
        if self._closed:
            return
        self._closed = True
        if self._reader is None:
            yield from self._emit("" if self._fed else encode(self._given).decode())
        else:
            yield from self._emit(self._reader.finish() if self._fed else raw_input(self._given))

    def _emit(self, text: str) -> Iterator[Event]:
        if text:
            yield ToolCallArguments(self._index, text)


class JsonBlock:
    """The synthetic call whose arguments are the answer's content; a muted one is swallowed.

    A wrapped answer stands in `value` and comes out when it is whole.
    """

    def __init__(self, given: Json, *, wrapped: bool, muted: bool) -> None:
        self._given = given
        self._wrapped = wrapped
        self._closed = muted
        self._pieces: list[str] = []
        self._fed = False

    def extend(self, fragment: str) -> Iterator[Event]:
        """Yield the content that `fragment` holds."""
        if self._closed:
            return
        self._fed = True
        if self._wrapped:
            self._pieces.append(fragment)
        else:
            yield TextDelta(fragment)

    def close(self) -> Iterator[Event]:
        """Yield the content that is still out."""
        if self._closed:
            return
        self._closed = True
        if self._wrapped:
            yield TextDelta(self._unwrap())
        elif not self._fed:
            yield TextDelta(encode(self._given).decode())

    def _unwrap(self) -> str:
        text = "".join(self._pieces) if self._fed else encode(self._given).decode()
        try:
            fields = as_object(decode(text))
        except ValueError:
            return text
        return encode(fields["value"]).decode() if fields is not None and "value" in fields else text
