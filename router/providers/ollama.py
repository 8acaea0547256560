"""Ollama's native dialect: `POST /api/chat`, streamed as NDJSON and plain.

Its OpenAI endpoint cannot say `num_ctx` and cuts prompts silently, so it is not used.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from config.errors import UpstreamError
from router.events import Completion, Frame
from router.providers.base import MAX_PLAIN_BODY_BYTES, Prepared
from router.providers.chat_body import read_tools
from router.providers.chat_params import read_effort
from router.providers.exchange import (
    drain,
    ended_early,
    join_url,
    raise_for_media_type,
    raise_for_status,
    read_answer,
    read_object,
    send_plain,
    send_streamed,
)
from router.providers.json_values import encode
from router.providers.ndjson import LineParser
from router.providers.ollama_request import translate
from router.providers.ollama_stream import ChatReader
from router.providers.told_usage import telling_usage
from router.reasoning_store import ReasoningStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from router.events import Dialect
    from router.providers.base import ChatRequest, Target, UpstreamResponse, Wire

_MAX_LINE_BYTES: Final = 16 * 1024 * 1024
_NO_THINKING: Final = "does not support thinking"
_STREAM_TYPES: Final = frozenset({"application/x-ndjson", "application/ndjson", "text/plain"})


class _Send(Protocol):
    async def __call__(self, prepared: Prepared, wire: Wire) -> UpstreamResponse: ...


class OllamaProvider:
    """Speaks to an Ollama server; `clock` gives Unix seconds.

    The store brings thinking back to the calls it led to, since clients forget it; left out, it is the provider's own.
    """

    def __init__(
        self, reasoning_store: ReasoningStore | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = ReasoningStore() if reasoning_store is None else reasoning_store
        self._clock = clock

    @property
    def dialect(self) -> Dialect:
        """The dialect of the frames' `raw` bytes: one NDJSON line each."""
        return "ollama"

    def prepare(self, request: ChatRequest, target: Target) -> Prepared:
        """Translate the request. Raises `InvalidRequestError` for what Ollama has no way to say."""
        native = translate(request, target, self._store)
        base = target.base_url.rstrip("/")
        path = "/chat" if base.endswith("/api") else "/api/chat"
        headers = {"content-type": "application/json"}
        if target.api_key:
            headers["authorization"] = f"Bearer {target.api_key}"
        headers.update({name.lower(): value for name, value in target.headers.items()})
        return Prepared(request, target, join_url(target, path), headers, encode(native.body), native.warnings)

    async def stream(self, prepared: Prepared, wire: Wire) -> AsyncGenerator[Frame, None]:
        """Yield frames until the object that is `done`; raise `UpstreamError` for every failure and other end."""
        reader = self._reader(prepared)
        parser = LineParser(_MAX_LINE_BYTES)
        began = False
        response, warnings = await _open(send_streamed, prepared, wire)
        try:
            await raise_for_media_type(response, _STREAM_TYPES)
            chunks = response.chunks()
            async for chunk in chunks:
                for line in parser.feed(chunk):
                    began = True
                    yield _read_line(reader, line, warnings)
                    warnings = ()
                    if reader.finished:
                        await drain(chunks)
                        return
            last = parser.finish()
            if last:
                began = True
                yield _read_line(reader, last, warnings)
            if not reader.finished:
                raise ended_early(began=began)
        finally:
            response.close()

    async def complete(self, prepared: Prepared, wire: Wire) -> Completion:
        """Return one whole answer. Raises `UpstreamError`."""
        reader = self._reader(prepared)
        response, warnings = await _open(send_plain, prepared, wire)
        try:
            body = await response.read(MAX_PLAIN_BODY_BYTES)
        finally:
            response.close()
        with telling_usage(body, reader.feed):
            answer = read_answer(body)
        events = reader.feed(answer)
        if not reader.finished:
            raise UpstreamError("The upstream's answer is not done.", failure_class="transient")
        return Completion(events, body, dict(response.headers), warnings)

    def _reader(self, prepared: Prepared) -> ChatReader:
        """Return the reader of one answer. Raises `UpstreamError` for a prompt that the window cannot hold."""
        request, target = prepared.request, prepared.target
        window = translate(request, target, self._store).window
        if window.overflows:
            message = f"About {window.prompt_tokens} prompt tokens do not fit a window of {window.num_ctx}."
            raise UpstreamError(message, failure_class="context", code="context_length_exceeded")
        custom = frozenset(tool.name for tool in read_tools(request.body) if tool.kind == "custom")
        created = int(self._clock())
        return ChatReader(window, custom, self._store, id=request.id, model=target.upstream_model, created=created)


async def _open(send: _Send, prepared: Prepared, wire: Wire) -> tuple[UpstreamResponse, tuple[str, ...]]:
    """Return the response of a success, and what was lost for it: `think` where the model turns out not to think.

    Which models think is known to the Ollama server only, and a hint may not fail a request.
    """
    response = await send(prepared, wire)
    succeeded = False
    try:
        await raise_for_status(response, prepared.target.provider)
        succeeded = True
    except UpstreamError as error:
        body = read_object(prepared.body, "our own request")
        if _NO_THINKING not in error.message or body.pop("think", None) is None:
            raise
        prepared = replace(prepared, body=encode(body))
    finally:
        if not succeeded:
            response.close()
    if succeeded:
        return response, ()
    response, _ = await _open(send, prepared, wire)
    # What the operator's own options ask for is not the client's loss.
    asked = read_effort(prepared.request.body) not in (None, "none")
    return response, ("reasoning_effort dropped: the model does not think",) if asked else ()


def _read_line(reader: ChatReader, line: bytes, warnings: tuple[str, ...]) -> Frame:
    return Frame(reader.feed(read_object(line, "a line")), line + b"\n", warnings)
