"""A chat completion stream as frames: clean chunks go on byte for byte, broken ones are repaired.

Every finish waits for the end of the stream, since only there it is known to be the last; so content in or after a
finish chunk is never lost, and each choice finishes exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from config.errors import UpstreamError
from router.events import Frame, MessageStart, ReasoningDelta, TextDelta, UsageReport
from router.failures import error_from_event
from router.providers.json_values import as_object, as_objects, as_text, decode, encode
from router.providers.openai_choice import ChoiceReader
from router.providers.openai_usage import find_usage, read_usage
from router.sse import format_sse

if TYPE_CHECKING:
    from config.types import Json
    from router.events import Event, Finish
    from router.providers.openai_choice import AnswerContext
    from router.sse import SseEvent

_MAX_PRELUDE: Final = 8
_DONE: Final = b"[DONE]"


class _PlainDelta(msgspec.Struct, forbid_unknown_fields=True):
    content: str | None = None
    reasoning_content: str | None = None


class _PlainChoice(msgspec.Struct):
    delta: _PlainDelta
    finish_reason: None
    index: int
    logprobs: dict[str, object] | None = None
    usage: None = None


class _PlainChunk(msgspec.Struct):
    """A chunk that only carries on a text: nothing in it can need a repair. Other shapes are read in full."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: tuple[_PlainChoice]
    usage: None = None
    error: None = None
    x_groq: None = None


_plain = msgspec.json.Decoder(_PlainChunk)


class ChunkReader:
    """State of one streamed answer."""

    def __init__(self, context: AnswerContext) -> None:
        self.done = False
        """Whether the upstream said `[DONE]`."""
        self._context = context
        self._choices: dict[int, ChoiceReader] = {}
        self._started = False
        self._id = ""
        self._model = context.model
        self._created = context.created
        self._prelude: list[Json] = []
        self._finishing: dict[int, tuple[Json, Json, SseEvent | None]] = {}
        """Per choice the chunk that finished it, its choice repaired, and the event that it came in."""

    @property
    def settled(self) -> bool:
        """Whether all choices have finished, so that only usage and the end mark can still come."""
        return len(self._choices) >= self._context.n and all(c.finish is not None for c in self._choices.values())

    def feed(self, event: SseEvent) -> list[Frame]:
        """Return the frames of one event. Raises `UpstreamError` for errors in the stream and for broken chunks."""
        if self.done:
            return []
        data = event.data.strip()
        if not data:
            return []
        if data == _DONE:
            self.done = True
            return []
        plain = self._read_plain(event)
        if plain is not None:
            return [plain]
        return self.feed_chunk(_decode(data), event)

    def feed_chunk(self, chunk: Json, event: SseEvent | None = None) -> list[Frame]:
        """Return the frames of a decoded chunk; `event` is what it came in, if its bytes may go on."""
        _raise_errors(chunk, event)
        events, fixed = self._read_choices(chunk, event)
        raw_usage = find_usage(chunk)
        usage = () if raw_usage is None else (UsageReport(read_usage(raw_usage)),)
        if not (self._started or usage or fixed["choices"] or chunk.get("id")):
            # Azure opens with a chunk that has no id; it goes on under the id of the next one.
            self._prelude = [*self._prelude, chunk][:_MAX_PRELUDE]
            return []
        frames, start = self._start(chunk)
        says_nothing = not any(map(_says_something, as_objects(fixed["choices"])))
        told_finish = any(choice.get("finish_reason") for choice in as_objects(chunk.get("choices")))
        if says_nothing and (usage or told_finish):
            held_back = (*start, *usage)
            return [*frames, Frame(held_back)] if held_back else frames
        return [*frames, Frame((*start, *events, *usage), self._encode(fixed, chunk, event))]

    def finish(self) -> list[Frame]:
        """Return the last frames, each choice's finish among them; call at the end of the stream.

        Raises `UpstreamError` for an end without a finish, and for an answer that holds nothing.
        """
        if not self._choices:
            raise _empty()
        unfinished = any(choice.finish is None for choice in self._choices.values())
        if unfinished and not (self.done and self._context.tolerates_no_finish):
            raise _cut(self.done)
        if all(choice.is_empty for choice in self._choices.values()):
            raise _empty()
        frames: list[Frame] = []
        for choice in self._choices.values():
            held, finish = choice.close()
            frames += [Frame((event,), self._encode({"choices": [told]}, None, None)) for event, told in held]
            frames.append(Frame((finish,), self._encode_finish(finish)))
        return frames

    def _read_plain(self, event: SseEvent) -> Frame | None:
        if not self._started or event.event is not None:
            return None
        try:
            chunk = _plain.decode(event.data)
        except (ValueError, RecursionError):
            return None
        (told,) = chunk.choices
        choice = self._choices.get(told.index)
        if chunk.id != self._id or not chunk.model or choice is None:
            return None
        text, thought = told.delta.content, told.delta.reasoning_content
        if text and thought:
            return None
        choice.has_content = choice.has_content or bool(text or thought)
        if thought:
            choice.keep_reasoning(thought)
            return Frame((ReasoningDelta(thought, told.index),), _forwardable(event))
        events = (TextDelta(text, told.index, told.logprobs),) if text else ()
        return Frame(events, _forwardable(event))

    def _read_choices(self, chunk: Json, event: SseEvent | None) -> tuple[list[Event], Json]:
        """Return the events of all choices, and the chunk with its choices repaired and its usage taken out."""
        events: list[Event] = []
        choices: list[Json] = []
        for told in as_objects(chunk.get("choices")):
            index = told.get("index")
            number = index if isinstance(index, int) and index >= 0 else 0
            choice = self._choices.get(number)
            if choice is None:
                choice = self._choices[number] = ChoiceReader(number, self._context)
            came, choice_fixed = choice.feed(told)
            events += came
            choices.append(choice_fixed)
            if told.get("finish_reason"):
                self._finishing[number] = (chunk, choice_fixed, event)
        return events, {**_without_usage(chunk), "choices": choices}

    def _start(self, chunk: Json) -> tuple[list[Frame], tuple[Event, ...]]:
        """Begin the message with the first chunk that has an id or says something."""
        if self._started:
            return [], ()
        self._started = True
        created = chunk.get("created")
        self._id = as_text(chunk.get("id")) or f"chatcmpl-{self._context.request_id}"
        self._model = as_text(chunk.get("model")) or self._model
        self._created = created if isinstance(created, int) and created > 0 else self._created
        start = MessageStart(self._id, self._model, self._created)
        if not self._prelude:
            return [], (start,)
        held, self._prelude = self._prelude, []
        frames = [
            Frame((), format_sse(encode(self._envelope({**_without_usage(earlier), "choices": []}))))
            for earlier in held
        ]
        return [Frame((start,)), *frames], ()

    def _envelope(self, chunk: Json) -> Json:
        """The chunk with one id, a model, a time and the right object name."""
        fixed = {**chunk, "id": self._id, "object": "chat.completion.chunk"}
        if not isinstance(fixed.get("created"), int) or not fixed["created"]:
            fixed["created"] = self._created
        if not as_text(fixed.get("model")):
            fixed["model"] = self._model
        return fixed

    def _encode(self, fixed: Json, chunk: Json | None, event: SseEvent | None) -> bytes:
        whole = self._envelope(fixed)
        if event is not None and whole == chunk:
            return _forwardable(event)
        return format_sse(encode(whole))

    def _encode_finish(self, finish: Finish) -> bytes:
        """The upstream's own finish chunk where it was right, else one with its fields."""
        chunk, choice, event = self._finishing.get(finish.choice, ({}, {"index": finish.choice, "delta": {}}, None))
        last: Json = {**choice, "finish_reason": finish.reason}
        if _says_something(choice):  # that part went on before
            last.update(delta={}, logprobs=None)
        fixed: Json = {**_without_usage(chunk), "choices": [last]}
        return self._encode(fixed, chunk, event)


def _decode(data: bytes) -> Json:
    try:
        value = as_object(decode(data))
    except ValueError as error:
        raise UpstreamError("The upstream sent a chunk that is no JSON.", failure_class="transient") from error
    if value is None:
        raise UpstreamError("The upstream sent a chunk that is no JSON object.", failure_class="transient")
    return value


def _raise_errors(chunk: Json, event: SseEvent | None) -> None:
    """Errors come as `error`, as vLLM's `object: error`, under an event name, or as a bare message."""
    named = chunk.get("error") or chunk.get("object") == "error" or chunk.get("type") == "error"
    bare = "choices" not in chunk and ("message" in chunk or "detail" in chunk)
    if named or bare or (event is not None and event.event == "error"):
        raise error_from_event(chunk)


def _says_something(choice: Json) -> bool:
    delta = as_object(choice.get("delta")) or {}
    return any(value not in (None, "", []) for value in delta.values())


def _without_usage(chunk: Json) -> Json:
    """Sinks place usage where their dialect wants it."""
    return chunk if chunk.get("usage") is None else {**chunk, "usage": None}


def _forwardable(event: SseEvent) -> bytes:
    """The event's own bytes where every client can read them, else the same data in the plainest form."""
    if len(event.raw) == len(event.data) + 8 and event.raw.startswith(b"data: ") and event.raw.endswith(b"\n\n"):
        return event.raw
    return format_sse(event.data)


def _empty() -> UpstreamError:
    message = "The upstream answered with nothing."
    return UpstreamError(message, failure_class="transient", status=200, code="empty_completion")


def _cut(done: bool) -> UpstreamError:  # noqa: FBT001 - a fact about the stream, not a switch
    how = "ended without a finish_reason" if done else "was cut before its end"
    return UpstreamError(f"The upstream's stream {how}.", failure_class="transient", code="stream_cut")
