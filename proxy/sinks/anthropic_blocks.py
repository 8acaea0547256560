"""Content blocks of an Anthropic answer: one open at a time, whatever order the events come in.

Calls that an upstream interleaves are held back until the block before them is whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from router.events import ReasoningDelta, RefusalDelta, TextDelta, ToolCallArguments, ToolCallStart
from router.providers.json_values import as_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Json
    from router.events import Event

_MAX_LOOKS: Final = 64
"""How often a call's arguments are looked at for their end while other blocks wait; after that they wait for it."""


class Block:
    """One block: its start, what has not been sent of it, and what has."""

    def __init__(self, start: Json, *, call: ToolCallStart | None = None) -> None:
        self.start = start
        self.call = call
        self.deltas: list[Json] = []
        self.texts: list[str] = []
        self.signature = ""
        self._n_looks = 0

    @property
    def kind(self) -> str:
        """The block's type."""
        return str(self.start["type"])

    def say(self, text: str) -> None:
        """Extend the text, the thinking or the arguments."""
        self.texts.append(text)
        if self.kind == "text":
            self.deltas.append({"type": "text_delta", "text": text})
        elif self.kind == "thinking":
            self.deltas.append({"type": "thinking_delta", "thinking": text})
        elif self.call is not None and self.call.kind == "custom":
            if len(self.texts) == 1:
                self._add_json('{"input":"')
            self._add_json(_escaped(text))
        else:
            self._add_json(text)

    def sign(self, signature: str) -> None:
        """Add the proof of a thinking block."""
        self.signature += signature
        self.deltas.append({"type": "signature_delta", "signature": signature})

    def finish(self) -> None:
        """Complete what is still open in the arguments; a call without any has an empty object."""
        if self.call is not None and self.call.kind == "custom":
            self._add_json('"}' if self.texts else '{"input":""}')

    def is_whole(self) -> bool:
        """Return whether nothing can follow in this block once another one has begun."""
        if self.call is None:
            return True
        if self.call.kind == "custom" or not self.texts or not self.texts[-1].rstrip().endswith("}"):
            return False
        self._n_looks += 1
        return self._n_looks <= _MAX_LOOKS and _is_object("".join(self.texts))

    def to_json(self) -> Json:
        """Return the whole block of a plain answer."""
        text = "".join(self.texts)
        if self.call is not None:
            return {**self.start, "input": {"input": text} if self.call.kind == "custom" else _as_input(text)}
        if self.kind == "thinking":
            return {"type": "thinking", "thinking": text, "signature": self.signature}
        return self.start if self.kind == "redacted_thinking" else {**self.start, "text": text}

    def _add_json(self, fragment: str) -> None:
        self.deltas.append({"type": "input_json_delta", "partial_json": fragment})


class Blocks:
    """The blocks of one answer, in the order in which they began."""

    def __init__(self) -> None:
        self.all: list[Block] = []
        self._calls: dict[int, Block] = {}
        self._n_sent = 0
        """Blocks whose stop was sent; the next one is the one that may be open."""
        self._is_open = False

    @property
    def has_calls(self) -> bool:
        """Whether the answer calls tools."""
        return bool(self._calls)

    def add(self, event: Event) -> None:
        """Take in one event; those without content make no block."""
        match event:
            case TextDelta(text=text) | RefusalDelta(text=text) if text:
                self._last("text", {"type": "text", "text": ""}).say(text)
            case ReasoningDelta():
                self._think(event)
            case ToolCallStart():
                block = Block({"type": "tool_use", "id": event.id, "name": event.name, "input": {}}, call=event)
                self._calls[event.index] = block
                self.all.append(block)
            case ToolCallArguments(index=index, fragment=fragment) if fragment and index in self._calls:
                self._calls[index].say(fragment)
            case _:
                pass

    def flush(self, *, at_end: bool = False) -> Iterator[Json]:
        """Yield the stream events that may be sent by now; all that is left `at_end`."""
        while self._n_sent < len(self.all):
            index, block = self._n_sent, self.all[self._n_sent]
            is_last = index == len(self.all) - 1
            if not self._is_open:
                self._is_open = True
                yield {"type": "content_block_start", "index": index, "content_block": block.start}
            if at_end:
                block.finish()
            for delta in block.deltas:
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            block.deltas.clear()
            if not at_end and (is_last or not block.is_whole()):
                return
            yield {"type": "content_block_stop", "index": index}
            self._is_open = False
            self._n_sent += 1

    def _think(self, event: ReasoningDelta) -> None:
        if event.redacted:
            self.all.append(Block({"type": "redacted_thinking", "data": event.redacted}))
        if event.text:
            last = self.all[-1] if self.all else None
            signed = last is not None and last.kind == "thinking" and bool(last.signature)
            self._last("thinking", {"type": "thinking", "thinking": "", "signature": ""}, fresh=signed).say(event.text)
        if event.signature:
            self._last("thinking", {"type": "thinking", "thinking": "", "signature": ""}).sign(event.signature)

    def _last(self, kind: str, start: Json, *, fresh: bool = False) -> Block:
        if fresh or not self.all or self.all[-1].kind != kind:
            self.all.append(Block(start))
        return self.all[-1]


def _escaped(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]


def _as_input(text: str) -> Json:
    if not text.strip():
        return {}
    try:
        value = as_object(msgspec.json.decode(text))
    except (ValueError, RecursionError):
        value = None
    return {"invalid_json": text} if value is None else value


def _is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (ValueError, RecursionError):
        return False
