"""The OpenAI Chat Completions dialect, as OpenAI and its many look-alikes speak it: streamed, plain, embeddings."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.errors import UpstreamError
from router.events import Completion, Event, Frame, UsageReport
from router.failures import error_from_event
from router.providers.base import MAX_PLAIN_BODY_BYTES, Prepared
from router.providers.exchange import (
    drain,
    join_url,
    raise_for_status,
    read_answer,
    read_object,
    send_plain,
    send_streamed,
)
from router.providers.json_values import as_object, encode
from router.providers.openai_choice import AnswerContext
from router.providers.openai_chunks import ChunkReader
from router.providers.openai_completion import repair_completion, to_chunk
from router.providers.openai_request import build_chat_body, copy_body, custom_tool_names
from router.providers.openai_usage import find_usage, read_usage
from router.providers.told_usage import telling_usage
from router.sse import SseParser

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from config.types import Json, Usage
    from router.events import Dialect
    from router.providers.base import ChatRequest, Target, UpstreamResponse, Wire
    from router.reasoning_store import ReasoningStore


@dataclass(frozen=True, slots=True)
class EmbeddingAnswer:
    """An upstream's answer about embeddings, byte for byte, with its token counts where it told them."""

    raw: bytes
    usage: Usage | None
    headers: dict[str, str]


class OpenAICompatibleProvider:
    """Speaks to OpenAI and its look-alikes; deviations are the target's quirks.

    `clock` gives Unix seconds; `new_id` draws ids for tool calls that come without one. `grace_s` is how long usage
    and the end mark are waited for once every choice has finished: the answer is whole by then.
    """

    def __init__(
        self,
        reasoning_store: ReasoningStore,
        *,
        grace_s: float = 5.0,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: f"call_{uuid.uuid4().hex[:24]}",
    ) -> None:
        self._store = reasoning_store
        self._grace_s = grace_s
        self._clock = clock
        self._new_id = new_id

    @property
    def dialect(self) -> Dialect:
        """The dialect of the frames' `raw` bytes."""
        return "openai"

    def prepare(self, request: ChatRequest, target: Target) -> Prepared:
        """Copy the request and bend it where this deployment deviates; pure."""
        body, warnings = build_chat_body(request, target, self._store)
        accept = "text/event-stream" if request.stream else "application/json"
        return Prepared(
            request=request,
            target=target,
            url=join_url(target, "/chat/completions"),
            headers=_headers(target, accept),
            body=encode(body),
            warnings=warnings,
        )

    async def stream(self, prepared: Prepared, wire: Wire) -> AsyncGenerator[Frame, None]:
        """Yield frames; raise `UpstreamError` for every failure, an end without a finish among them."""
        reader = ChunkReader(self._context(prepared))
        response = await send_streamed(prepared, wire)
        try:
            await raise_for_status(response, prepared.target.provider)
            if _is_whole(response, prepared.target.provider):
                body = await response.read(MAX_PLAIN_BODY_BYTES)
                for frame in _frames_of_body(body, reader, self._context(prepared)):
                    yield frame
                return
            parser, chunks = SseParser(), response.chunks()
            while not reader.done:
                data = await self._next_piece(chunks, reader)
                for event in parser.close() if data is None else parser.feed(data):
                    for frame in reader.feed(event):
                        yield frame
                if data is None:
                    break
            for frame in reader.finish():
                yield frame
            await drain(chunks)
        finally:
            response.close()

    async def complete(self, prepared: Prepared, wire: Wire) -> Completion:
        """Return one whole answer. Raises `UpstreamError`."""
        body, headers = await _exchange(prepared, wire)
        context = self._context(prepared)
        with telling_usage(body, _usage_of):
            answer = read_answer(body)
        fixed = repair_completion(answer, context)
        raw = body if fixed == answer else encode(fixed)
        return Completion(_events_of(fixed, context), raw, headers)

    def prepare_embeddings(self, request: ChatRequest, target: Target) -> Prepared:
        """Name the upstream's model in a body for `/embeddings`; everything else goes on as it is."""
        return Prepared(
            request=request,
            target=target,
            url=join_url(target, "/embeddings"),
            headers=_headers(target, "application/json"),
            body=encode(copy_body(request, target)),
        )

    async def embed(self, request: ChatRequest, target: Target, wire: Wire) -> EmbeddingAnswer:
        """Return the upstream's embeddings untouched, base64 ones too. Raises `UpstreamError`."""
        body, headers = await _exchange(self.prepare_embeddings(request, target), wire)
        answer = read_object(body, "its embeddings")
        if not isinstance(answer.get("data"), list):
            raise error_from_event(answer)
        usage = as_object(answer.get("usage"))
        return EmbeddingAnswer(body, read_usage(usage) if usage else None, headers)

    async def _next_piece(self, chunks: AsyncIterator[bytes], reader: ChunkReader) -> bytes | None:
        """Return the next bytes, `None` at the end.

        A finished answer is whole, so a cut or a silence after it is an end like any other.
        """
        if not reader.settled:
            return await anext(chunks, None)
        try:
            async with asyncio.timeout(self._grace_s):
                return await anext(chunks, None)
        except (TimeoutError, UpstreamError):
            return None

    def _context(self, prepared: Prepared) -> AnswerContext:
        request, target = prepared.request, prepared.target
        n = request.body.get("n")
        wraps = "no_custom_tools" in target.quirks
        return AnswerContext(
            request_id=request.id,
            model=target.upstream_model,
            provider=target.provider,
            created=int(self._clock()),
            store=self._store,
            new_id=self._new_id,
            wrapped_tools=custom_tool_names(request.body) if wraps else frozenset(),
            keeps_reasoning="reasoning_content_required" in target.quirks,
            tolerates_no_finish="no_finish_reason" in target.quirks,
            n=n if isinstance(n, int) else 1,
        )


async def _exchange(prepared: Prepared, wire: Wire) -> tuple[bytes, dict[str, str]]:
    response = await send_plain(prepared, wire)
    try:
        await raise_for_status(response, prepared.target.provider)
        body = await response.read(MAX_PLAIN_BODY_BYTES)
    finally:
        response.close()
    return body, dict(response.headers)


def _frames_of_body(body: bytes, reader: ChunkReader, context: AnswerContext) -> list[Frame]:
    """What came as JSON although a stream was asked for: a stream with a wrong label, a whole answer, or an error."""
    if body.lstrip()[:1] not in {b"{", b"["}:
        parser = SseParser()
        with telling_usage(body, _usage_of):
            frames = [frame for event in (*parser.feed(body), *parser.close()) for frame in reader.feed(event)]
            return [*frames, *reader.finish()]
    return _frames_of_answer(repair_completion(read_answer(body), context), reader)


def _events_of(completion: Json, context: AnswerContext) -> tuple[Event, ...]:
    frames = _frames_of_answer(completion, ChunkReader(context))
    return tuple(event for frame in frames for event in frame.events)


def _frames_of_answer(completion: Json, reader: ChunkReader) -> list[Frame]:
    """Return the frames of a repaired answer. Raises `UpstreamError` for an empty one, with the usage it told."""
    try:
        return [*reader.feed_chunk(to_chunk(completion)), *reader.finish()]
    except UpstreamError as error:
        told = find_usage(completion)
        error.usage = read_usage(told) if told else None
        raise


def _usage_of(chunk: Json) -> tuple[Event, ...]:
    told = find_usage(chunk)
    return () if told is None else (UsageReport(read_usage(told)),)


def _is_whole(response: UpstreamResponse, provider: str) -> bool:
    """Return whether JSON came instead of a stream. Raises `UpstreamError` for a web page.

    Any other label is taken for a stream: some servers send theirs as plain text or without a type.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/html":
        message = f"{provider} answered an HTML page instead of a stream."
        raise UpstreamError(message, failure_class="transient", status=response.status)
    return kind == "application/json"


def _headers(target: Target, accept: str) -> dict[str, str]:
    headers = {"content-type": "application/json", "accept": accept, "user-agent": "thalamus"}
    if target.api_key:
        if "api_key_header" in target.quirks:
            headers["api-key"] = target.api_key
        else:
            headers["authorization"] = f"Bearer {target.api_key}"
    headers.update({name.lower(): value for name, value in target.headers.items()})
    return headers
