"""Scripts of OpenAI streams and a short way to relay them through the provider, over a raw server on loopback."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from router.providers.base import ChatRequest, Target, Wire
from router.providers.openai_compatible import OpenAICompatibleProvider
from router.reasoning_store import ReasoningStore
from router.transport import AiohttpTransport
from tests.router.wire_double import answering_and_closing, head, serving, whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from router.events import Completion, Event, Frame
    from tests.router.wire_double import Handler, WireDouble

DONE = b"data: [DONE]\n\n"


def sse(*objects: object) -> bytes:
    """Return objects as compact SSE events."""
    return b"".join(
        b"data: " + json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n" for item in objects
    )


def chunk(delta: dict | None = None, finish: str | None = None, *, index: int = 0, **more: object) -> dict:
    """Return a chunk as OpenAI writes it."""
    base: dict = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m-up"}
    choices = [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}] if delta is not None else []
    return {**base, "choices": choices, **more}


ROLE = chunk({"role": "assistant", "content": "", "refusal": None})
STOP = chunk({}, "stop")
USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}


def call(
    fragment: str | None = None,
    *,
    index: int | None = 0,
    id: str | None = None,  # noqa: A002 - the wire's word
    name: str | None = None,
    **more: object,
) -> dict:
    """Return one entry of `tool_calls`; the first of a call has id and name."""
    function: dict = {} if name is None else {"name": name}
    if fragment is not None:
        function["arguments"] = fragment
    entry: dict = {} if index is None else {"index": index}
    if id is not None:
        entry["id"] = id
    if name is not None:
        entry["type"] = "function"
    return {**entry, "function": function, **more}


def calls(*entries: dict, finish: str | None = None) -> dict:
    """Return a chunk with tool call fragments."""
    return chunk({"tool_calls": list(entries)}, finish)


def a_request(*, stream: bool = True, **body: object) -> ChatRequest:
    """Return a client's request."""
    base = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
    return ChatRequest(body={**base, **({"stream": True} if stream else {}), **body}, stream=stream, id="dec1")


def a_target(url: str = "http://127.0.0.1:1", *quirks: str, **more: object) -> Target:
    """Return a deployment."""
    return Target(**{"deployment": "d", "provider": "acme", "base_url": f"{url}/v1", "upstream_model": "m-up", "api_key": "sk-canary", "quirks": frozenset(quirks), **more})  # fmt: skip


class Rig:
    """A provider with drawn ids counted, before one upstream."""

    def __init__(
        self, upstream: WireDouble, transport: AiohttpTransport, store: ReasoningStore, *, grace_s: float = 5.0
    ) -> None:
        self.upstream = upstream
        self.store = store
        counter = iter(range(1, 1000))
        self.provider = OpenAICompatibleProvider(
            store, grace_s=grace_s, clock=lambda: 1_800_000_000.0, new_id=lambda: f"call_new{next(counter)}"
        )
        self.wire = Wire(transport, connect_s=5, idle_s=5)

    async def stream(self, request: ChatRequest | None = None, *quirks: str, **target: object) -> list[Frame]:
        prepared = self.provider.prepare(request or a_request(), a_target(self.upstream.url, *quirks, **target))
        return [frame async for frame in self.provider.stream(prepared, self.wire)]

    async def stream_into(self, seen: list[Frame], request: ChatRequest | None = None) -> None:
        """Stream, keeping what came also when it ends in an error."""
        prepared = self.provider.prepare(request or a_request(), a_target(self.upstream.url))
        async for frame in self.provider.stream(prepared, self.wire):
            seen.append(frame)  # noqa: PERF401 - what came before an error must stay

    async def complete(self, request: ChatRequest | None = None, *quirks: str, **target: object) -> Completion:
        prepared = self.provider.prepare(
            request or a_request(stream=False), a_target(self.upstream.url, *quirks, **target)
        )
        return await self.provider.complete(prepared, self.wire)


@asynccontextmanager
async def rig(handler: Handler, store: ReasoningStore | None = None, *, grace_s: float = 5.0) -> AsyncIterator[Rig]:
    """Serve `handler` and give a provider before it."""
    transport = AiohttpTransport()
    async with serving(handler) as upstream:
        try:
            yield Rig(upstream, transport, store or ReasoningStore(), grace_s=grace_s)
        finally:
            await transport.aclose()


async def relay(
    body: bytes, request: ChatRequest | None = None, *quirks: str, store: ReasoningStore | None = None, **target: object
) -> list[Frame]:
    """Return the frames of one streamed answer."""
    async with rig(answering_and_closing(head() + body), store) as one:
        return await one.stream(request, *quirks, **target)


async def complete(
    body: object,
    request: ChatRequest | None = None,
    *quirks: str,
    store: ReasoningStore | None = None,
    **target: object,
) -> Completion:
    """Return one plain answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    async with rig(answering_and_closing(whole(raw)), store) as one:
        return await one.complete(request, *quirks, **target)


def events(frames: Iterable[Frame]) -> list[Event]:
    """Return all events in order."""
    return [event for frame in frames for event in frame.events]


def raw(frames: Iterable[Frame]) -> bytes:
    """Return all bytes that a client of the same dialect gets."""
    return b"".join(frame.raw for frame in frames)


def objects(frames: Iterable[Frame]) -> list[dict]:
    """Return the forwarded chunks, decoded."""
    return [json.loads(piece.removeprefix(b"data: ")) for piece in raw(frames).split(b"\n\n") if piece]


def arguments(frames: Iterable[Frame], index: int = 0) -> str:
    """Return the arguments of a call as a client adds them up from the forwarded chunks."""
    found = [
        entry["function"].get("arguments") or ""
        for item in objects(frames)
        for choice in item["choices"]
        for entry in choice["delta"].get("tool_calls", ())
        if entry["index"] == index
    ]
    return "".join(found)
