"""Anthropic's events as ours; a whole answer is read as the stream it could have been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.errors import UpstreamError
from config.types import Usage
from router.events import Finish, MessageStart, ReasoningDelta, TextDelta, UsageReport
from router.failures import error_from_event
from router.providers.anthropic_calls import CallBlock, JsonBlock, RealCall
from router.providers.anthropic_thoughts import Thoughts
from router.providers.json_values import as_count, as_object, as_objects, as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from config.types import Json
    from router.events import Event, FinishReason
    from router.providers.anthropic_tools import OutputPlan
    from router.reasoning_store import ReasoningStore

_REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_COUNTS: Final = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")


class MessageReader:
    """Turns the events of one answer, in order, into ours.

    `model` is the deployment's name for the model; thinking is kept in `store` under the calls it led to, for it.
    """

    def __init__(self, plan: OutputPlan, store: ReasoningStore, *, id: str, model: str, created: int) -> None:  # noqa: A002 - the event's field
        self.finished = False
        self._plan = plan
        self._store = store
        self._id = id
        self._model = model
        self._created = created
        self._started = False
        self._calls: dict[object, CallBlock] = {}
        self._n_calls = 0
        self._json_seen = False
        self._held: list[str] = []
        self._thoughts = Thoughts()
        self._stop_reason: str | None = None
        self._usage: Json = {}

    def feed(self, event: Json) -> tuple[Event, ...]:
        """Return our events for one of Anthropic's. Raises `UpstreamError` for an error event or a bad end."""
        return tuple(self._read(event))

    def read_message(self, message: Json) -> tuple[Event, ...]:
        """Return the events of a whole answer. Raises `UpstreamError` where it holds an error or no end."""
        if message.get("type") == "error" or "error" in message:
            raise error_from_event(message)
        events = [*self._start(message)]
        for index, block in enumerate(as_objects(message.get("content"))):
            events += [*self._open(index, block), *self._close(index)]
        return (*events, *self._amend({"delta": message}), *self._finish())

    def _read(self, event: Json) -> Iterable[Event]:
        index = event.get("index")
        match event.get("type"):
            case "message_start":
                yield from self._start(as_object(event.get("message")) or {})
            case "content_block_start":
                yield from self._open(index, as_object(event.get("content_block")) or {})
            case "content_block_delta":
                yield from self._extend(index, as_object(event.get("delta")) or {})
            case "content_block_stop":
                yield from self._close(index)
            case "message_delta":
                yield from self._amend(event)
            case "message_stop":
                yield from self._finish()
            case "error":
                raise error_from_event(event)
            case _:
                pass

    def _start(self, message: Json) -> Iterator[Event]:
        if self._started:
            return
        self._started = True
        upstream_id = as_text(message.get("id")) or ""
        yield MessageStart(
            f"chatcmpl-{self._id or upstream_id}", as_text(message.get("model")) or self._model, self._created
        )
        yield from self._count(message)

    def _open(self, index: object, block: Json) -> Iterator[Event]:
        yield from self._start({})
        match block.get("type"):
            case "text":
                yield from self._say(as_text(block.get("text")) or "")
            case "thinking":
                self._thoughts.open()
                yield from self._think(as_text(block.get("thinking")) or "")
                yield from self._sign(as_text(block.get("signature")) or "")
            case "redacted_thinking":
                data = as_text(block.get("data")) or ""
                self._thoughts.add_redacted(data)
                yield ReasoningDelta("", redacted=data)
            case "tool_use" if index not in self._calls:
                yield from self._open_call(index, block)
            case _:
                pass

    def _open_call(self, index: object, block: Json) -> Iterator[Event]:
        name, given = as_text(block.get("name")) or "", as_object(block.get("input")) or {}
        if name == self._plan.json_tool:
            # A second answer behind the first would make neither of them JSON.
            self._calls[index] = JsonBlock(given, wrapped=self._plan.wrapped, muted=self._json_seen)
            self._json_seen = True
            self._held.clear()
            return
        yield from self._release()
        call_id = as_text(block.get("id")) or f"call_{self._id}_{self._n_calls}"
        kept = self._thoughts.take()
        if kept is not None:
            self._store.put(call_id, {**kept, "model": self._model})
        call = RealCall(self._n_calls, call_id, name, given, custom=name in self._plan.custom_tools)
        self._calls[index] = call
        self._n_calls += 1
        yield call.start()

    def _extend(self, index: object, delta: Json) -> Iterator[Event]:
        yield from self._start({})
        match delta.get("type"):
            case "text_delta":
                yield from self._say(as_text(delta.get("text")) or "")
            case "thinking_delta":
                yield from self._think(as_text(delta.get("thinking")) or "")
            case "signature_delta":
                yield from self._sign(as_text(delta.get("signature")) or "")
            case "input_json_delta":
                call = self._calls.get(index)
                fragment = as_text(delta.get("partial_json"))
                if call is not None and fragment:
                    yield from call.extend(fragment)
            case _:
                pass

    def _close(self, index: object) -> Iterator[Event]:
        call = self._calls.get(index)
        if call is not None:
            yield from call.close()

    def _amend(self, event: Json) -> Iterator[Event]:
        yield from self._start({})
        delta = as_object(event.get("delta")) or {}
        self._stop_reason = as_text(delta.get("stop_reason")) or self._stop_reason
        yield from self._count(event)

    def _finish(self) -> Iterator[Event]:
        if self._stop_reason is None:
            raise UpstreamError("The upstream ended its answer without a stop reason.", failure_class="transient")
        for index in self._calls:
            yield from self._close(index)
        if not self._json_seen:
            yield from self._release()
        self.finished = True
        yield Finish(self._reason(self._stop_reason), native=self._stop_reason)

    def _reason(self, native: str) -> FinishReason:
        reason = _REASONS.get(native, "stop")
        if reason in ("stop", "tool_calls"):
            return "tool_calls" if self._n_calls else "stop"
        return reason

    def _say(self, text: str) -> Iterator[Event]:
        if not text:
            return
        if self._plan.json_tool and not self._n_calls:
            # Whether this is the answer or small talk before its JSON shows later.
            self._held.append(text)
        elif not self._json_seen:
            yield TextDelta(text)

    def _release(self) -> Iterator[Event]:
        if self._held:
            yield TextDelta("".join(self._held))
            self._held.clear()

    def _think(self, text: str) -> Iterator[Event]:
        if text:
            self._thoughts.add_text(text)
            yield ReasoningDelta(text)

    def _sign(self, signature: str) -> Iterator[Event]:
        if signature:
            self._thoughts.add_signature(signature)
            yield ReasoningDelta("", signature=signature)

    def _count(self, holder: Json) -> Iterator[Event]:
        usage = as_object(holder.get("usage"))
        if usage is None:
            return
        # Counts are cumulative, and some upstreams send zeros in one of the two places.
        counts = {key: max(as_count(usage.get(key)), as_count(self._usage.get(key))) for key in _COUNTS}
        known = {key: value for key, value in usage.items() if value is not None}
        self._usage = {**self._usage, **known, **{key: counts[key] for key in _COUNTS if key in known or counts[key]}}
        written, read = counts["cache_creation_input_tokens"], counts["cache_read_input_tokens"]
        thought = (as_object(self._usage.get("output_tokens_details")) or {}).get("thinking_tokens")
        yield UsageReport(
            Usage(
                input_tokens=counts["input_tokens"] + written + read,
                output_tokens=counts["output_tokens"],
                cached_tokens=read if "cache_read_input_tokens" in self._usage else None,
                cache_write_tokens=written,
                reasoning_tokens=None if thought is None else as_count(thought),
                raw=dict(self._usage),
            )
        )
