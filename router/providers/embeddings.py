"""Embeddings as the attempt loop sees them: an OpenAI-compatible upstream whose answer is passed through."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from config.errors import InvalidRequestError
from router.events import Completion, Event, UsageReport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from router.events import Dialect, Frame
    from router.providers.base import ChatRequest, Prepared, Target, Wire
    from router.providers.openai_compatible import OpenAICompatibleProvider


class EmbeddingsProvider:
    """A `Provider` for `/embeddings`; it answers plain requests only.

    `below` is where the OpenAI endpoints are, seen from the target's base URL: Ollama's are below `/v1`.
    """

    def __init__(self, upstream: OpenAICompatibleProvider, *, below: str = "") -> None:
        self._upstream = upstream
        self._below = below

    @property
    def dialect(self) -> Dialect:
        """OpenAI's; its bytes are forwarded."""
        return "openai"

    def prepare(self, request: ChatRequest, target: Target) -> Prepared:
        """Return the request as it came, with the upstream's model name."""
        if self._below:
            target = replace(target, base_url=target.base_url.rstrip("/") + self._below)
        return self._upstream.prepare_embeddings(request, target)

    async def stream(self, prepared: Prepared, wire: Wire) -> AsyncGenerator[Frame, None]:
        """Refuse: vectors are not streamed."""
        del prepared, wire
        for frame in ():
            yield frame
        raise InvalidRequestError("Embeddings cannot be streamed.", param="stream")

    async def complete(self, prepared: Prepared, wire: Wire) -> Completion:
        """Return the vectors untouched, and what the upstream says they cost. Raises `UpstreamError`."""
        answer = await self._upstream.embed(prepared.request, prepared.target, wire)
        events: tuple[Event, ...] = (UsageReport(answer.usage),) if answer.usage is not None else ()
        return Completion(events, answer.raw, answer.headers)
