"""The client-facing doors to the one pipeline: how a request is read, how its answer and its errors are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from proxy.error_responses import anthropic_error_body, error_body
from proxy.requests.parse import parse_anthropic, parse_chat, parse_embeddings, parse_route, parse_unified
from proxy.route import route_body
from proxy.sinks.anthropic import AnthropicSink
from proxy.sinks.openai_chat import OpenAIChatSink
from proxy.sinks.unchanged import UnchangedSink
from proxy.sinks.unified import UnifiedSink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.errors import ClientFacingError
    from config.settings import Settings
    from proxy.exchange import Exchange
    from proxy.requests.parse import Parsed
    from proxy.sinks.base import Sink
    from router.providers.base import ChatRequest


class Parse(Protocol):
    """Reads a body. Raises `InvalidRequestError` that names the field."""

    def __call__(self, body: bytes, *, headers: Mapping[str, str], max_depth: int) -> Parsed:
        """Return the request and what was found beside it."""
        ...


class MakeSink(Protocol):
    """Makes the sink of one request."""

    def __call__(self, request: ChatRequest, *, settings: Settings, created: int) -> Sink:
        """Return a fresh sink; `created` is in Unix seconds."""
        ...


class ErrorBody(Protocol):
    """Writes an error as this door's clients read it."""

    def __call__(self, error: ClientFacingError) -> bytes:
        """Return a JSON body."""
        ...


class Tell(Protocol):
    """Writes a plain answer anew with what the pipeline knows of the request."""

    def __call__(self, body: bytes, exchange: Exchange) -> bytes:
        """Return the JSON body for the client; `body` is the sink's."""
        ...


@dataclass(frozen=True, slots=True)
class Door:
    """One way in. `name` stands in the books as the endpoint."""

    name: str
    parse: Parse
    sink: MakeSink
    error_body: ErrorBody = error_body
    embeds: bool = False
    """Whether it asks for vectors, not for words."""
    shows_passages: bool = False
    """Whether intent and documents are found for every request, also for one that names its model."""
    only_chooses: bool = False
    """Whether nobody is asked in the end: then only what a choice reads is found out."""
    tell: Tell | None = None
    """Makes the final body of a plain answer; `None` leaves the sink's."""


def _openai(request: ChatRequest, *, settings: Settings, created: int) -> Sink:
    return OpenAIChatSink(request, reasoning=settings.streaming.reasoning, created=created)


def _anthropic(request: ChatRequest, *, settings: Settings, created: int) -> Sink:
    del settings, created
    return AnthropicSink(request)


def _unified(request: ChatRequest, *, settings: Settings, created: int) -> Sink:
    del created
    return UnifiedSink(request, reasoning=settings.streaming.reasoning)


def _unchanged(request: ChatRequest, *, settings: Settings, created: int) -> Sink:
    del request, settings, created
    return UnchangedSink()


OPENAI = Door("chat", parse_chat, _openai)
ANTHROPIC = Door("claude", parse_anthropic, _anthropic, anthropic_error_body)
UNIFIED = Door("unified", parse_unified, _unified)
ROUTE = Door("route", parse_route, _unified, shows_passages=True, tell=route_body)
EMBEDDINGS = Door("embeddings", parse_embeddings, _unchanged, embeds=True)
