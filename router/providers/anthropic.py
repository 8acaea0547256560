"""The Anthropic Messages dialect: `POST /v1/messages`, streamed and plain."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from router.events import Completion, Frame
from router.providers.anthropic_request import plan_answer, translate
from router.providers.anthropic_stream import MessageReader
from router.providers.base import MAX_PLAIN_BODY_BYTES, Prepared
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
from router.providers.told_usage import telling_usage
from router.sse import SseEvent, SseParser

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from config.types import Json
    from router.events import Dialect
    from router.providers.base import ChatRequest, Target, Wire
    from router.reasoning_store import ReasoningStore

_VERSION: Final = "2023-06-01"
_FORWARDED: Final = ("anthropic-version", "anthropic-beta")
_STREAM_TYPES: Final = frozenset({"text/event-stream"})


class AnthropicProvider:
    """Speaks to Anthropic and its look-alikes; `clock` gives Unix seconds."""

    def __init__(self, reasoning_store: ReasoningStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = reasoning_store
        self._clock = clock

    @property
    def dialect(self) -> Dialect:
        """The dialect of the frames' `raw` bytes; they keep their usage, since Anthropic's has its place in them."""
        return "anthropic"

    def prepare(self, request: ChatRequest, target: Target) -> Prepared:
        """Translate the request; an Anthropic client's own goes on untouched but for model and stream.

        Raises `InvalidRequestError` for what Anthropic has no way to say.
        """
        warnings: tuple[str, ...] = ()
        if request.dialect == "anthropic" and request.original is not None:
            body: Json = {**request.original, "model": target.upstream_model}
            body = {**body, "stream": request.stream} if request.stream or "stream" in body else body
        else:
            body, warnings = translate(request, target, self._store)
        path = "/messages" if target.base_url.rstrip("/").endswith("/v1") else "/v1/messages"
        return Prepared(request, target, join_url(target, path), _headers(request, target), encode(body), warnings)

    async def stream(self, prepared: Prepared, wire: Wire) -> AsyncGenerator[Frame, None]:
        """Yield frames until `message_stop`; raise `UpstreamError` for every failure and every other end."""
        reader = self._reader(prepared)
        parser = SseParser()
        began = False
        response = await send_streamed(prepared, wire)
        try:
            await raise_for_status(response, prepared.target.provider)
            await raise_for_media_type(response, _STREAM_TYPES)
            chunks = response.chunks()
            async for chunk in chunks:
                for event in parser.feed(chunk):
                    began = True
                    yield _to_frame(reader, event)
                    if reader.finished:
                        await drain(chunks)
                        return
            for event in parser.close():
                began = True
                yield _to_frame(reader, event)
            if not reader.finished:
                raise ended_early(began=began)
        finally:
            response.close()

    async def complete(self, prepared: Prepared, wire: Wire) -> Completion:
        """Return one whole answer. Raises `UpstreamError`."""
        response = await send_plain(prepared, wire)
        try:
            await raise_for_status(response, prepared.target.provider)
            body = await response.read(MAX_PLAIN_BODY_BYTES)
        finally:
            response.close()
        reader = self._reader(prepared)
        with telling_usage(body, reader.feed):
            answer = read_answer(body)
        events = reader.read_message(answer)
        return Completion(events, body, dict(response.headers))

    def _reader(self, prepared: Prepared) -> MessageReader:
        request, target = prepared.request, prepared.target
        plan = plan_answer(request, target)
        created = int(self._clock())
        return MessageReader(plan, self._store, id=request.id, model=target.upstream_model, created=created)


def _to_frame(reader: MessageReader, event: SseEvent) -> Frame:
    return Frame(reader.feed(read_object(event.data, "an event")), event.raw)


def _headers(request: ChatRequest, target: Target) -> dict[str, str]:
    headers = {"content-type": "application/json", "anthropic-version": _VERSION}
    if target.api_key:
        headers["x-api-key"] = target.api_key
    headers.update({name: request.headers[name] for name in _FORWARDED if request.headers.get(name)})
    return {**headers, **{name.lower(): value for name, value in target.headers.items()}}
