"""Ollama's NDJSON objects as our events; one `ChatReader` per answer. A whole answer is a stream of one object."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from config.errors import UpstreamError
from config.types import Usage
from router.events import (
    Finish,
    MessageStart,
    ReasoningDelta,
    TextDelta,
    ToolCallArguments,
    ToolCallStart,
    UsageReport,
)
from router.failures import error_from_event
from router.providers.custom_input import raw_input
from router.providers.json_values import as_count, as_object, as_objects, as_text, encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.types import Json
    from router.events import Event, FinishReason
    from router.providers.ollama_window import Window
    from router.reasoning_store import ReasoningStore

_MAX_THINKING_CHARS: Final = 1024 * 1024
"""Thinking beyond this is relayed but not kept."""
_LOADING: Final = frozenset({"load", "unload"})
"""Ends of requests that only moved a model in or out of memory."""


class ChatReader:
    """Turns the objects of one answer, in order, into events; thinking is kept in `store` under the call it led to."""

    def __init__(
        self,
        window: Window,
        custom_tools: frozenset[str],
        store: ReasoningStore,
        *,
        id: str,  # noqa: A002 - the event's field
        model: str,
        created: int,
    ) -> None:
        self.finished = False
        self._window = window
        self._custom_tools = custom_tools
        self._store = store
        self._thinking: list[str] = []
        self._n_thinking_chars = 0
        self._id = id
        self._model = model
        self._created = created
        self._seed: str | None = None
        self._n_calls = 0
        self._said = False

    def feed(self, line: Json) -> tuple[Event, ...]:
        """Return the events of one object. Raises `UpstreamError` for an error object."""
        if "error" in line:
            raise error_from_event(line)
        return tuple(self._read(line))

    def _read(self, line: Json) -> Iterable[Event]:
        if self._seed is None:
            # Ollama names no answer; its time of birth tells answers of one request apart.
            self._seed = f"{self._id}:{line.get('created_at')}"
            own = self._id or hashlib.sha256(self._seed.encode()).hexdigest()[:24]
            yield MessageStart(f"chatcmpl-{own}", as_text(line.get("model")) or self._model, self._created)
        message = as_object(line.get("message")) or {}
        thinking, text = as_text(message.get("thinking")), as_text(message.get("content"))
        if thinking:
            self._n_thinking_chars += len(thinking)
            if self._n_thinking_chars <= _MAX_THINKING_CHARS:
                self._thinking.append(thinking)
            yield ReasoningDelta(thinking)
        if text:
            self._said = True
            yield TextDelta(text)
        for call in as_objects(message.get("tool_calls")):
            yield from self._read_call(call)
        if line.get("done") is True:
            yield from self._finish(line)

    def _read_call(self, call: Json) -> Iterable[Event]:
        function = as_object(call.get("function")) or {}
        name, index = as_text(function.get("name")) or "", self._n_calls
        self._n_calls += 1
        given, call_id = function.get("arguments"), self._call_id(call, index)
        self._keep_thinking(call_id)
        if name in self._custom_tools:
            yield ToolCallStart(index, call_id, name, kind="custom")
            text = raw_input(given or {})
        else:
            yield ToolCallStart(index, call_id, name)
            text = (as_text(given) or "{}") if isinstance(given, str) else encode(as_object(given) or {}).decode()
        if text:
            yield ToolCallArguments(index, text)

    def _keep_thinking(self, call_id: str) -> None:
        if self._thinking:
            self._store.put(call_id, {"reasoning_content": "".join(self._thinking), "model": self._model})
            self._thinking.clear()

    def _call_id(self, call: Json, index: int) -> str:
        given = as_text(call.get("id"))
        return given or f"call_{hashlib.sha256(f'{self._seed}:{index}'.encode()).hexdigest()[:24]}"

    def _finish(self, line: Json) -> Iterable[Event]:
        native = as_text(line.get("done_reason"))
        if native in _LOADING and not self._said and not self._n_calls:
            raise UpstreamError(f"Ollama did not answer, it did a model {native}.", failure_class="transient")
        self.finished = True
        prompt, output = as_count(line.get("prompt_eval_count")), as_count(line.get("eval_count"))
        if "eval_count" in line:  # else whoever books the answer counts it
            raw = {key: value for key, value in line.items() if key.endswith(("_count", "_duration"))}
            yield UsageReport(
                Usage(
                    input_tokens=prompt or self._window.prompt_tokens,
                    output_tokens=output,
                    source="upstream" if prompt > 0 else "estimated",
                    raw=raw,
                )
            )
        yield Finish(self._reason(native, prompt + output), native=native)

    def _reason(self, native: str | None, n_tokens: int) -> FinishReason:
        if native == "length":
            return "length"
        if self._n_calls:
            return "tool_calls"
        # Older versions call an answer that filled the window stopped.
        return "length" if n_tokens >= self._window.num_ctx else "stop"
