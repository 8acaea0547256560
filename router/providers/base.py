"""The seam to upstreams: what a provider is given, what it must do, and the two-method transport below it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from config.types import Json
    from router.events import Completion, Dialect, Frame

MAX_PLAIN_BODY_BYTES = 64 * 1024 * 1024
MAX_ERROR_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A client's request. `body` is OpenAI Chat Completions, kept whole; nobody may change it in place.

    `dialect` is what the client speaks; for a dialect other than `openai`, `original` is the body as it came, so
    that an upstream of the same dialect gets it untouched (but for the model's name).
    """

    body: Json
    dialect: Dialect = "openai"
    original: Json | None = None
    stream: bool = False
    include_usage: bool = False
    """Whether the client asked for the usage chunk at the end of the stream."""
    id: str = ""
    """Decision id; non-OpenAI upstreams' answers get `chatcmpl-<id>`."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Client headers that may be forwarded (`anthropic-beta`, `anthropic-version`, ...), lower case."""


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment as a provider needs it."""

    deployment: str
    provider: str
    """Name of the registry row, such as `openai`, `deepseek`, `anthropic`, `ollama`."""
    base_url: str
    """Without a trailing slash; with `/v1` for OpenAI dialects where the provider has one."""
    upstream_model: str
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    """Query parameters of every call, such as Azure's `api-version`."""
    quirks: frozenset[str] = frozenset()
    """Deviations of the provider, by the names of `config/defaults/providers.toml`."""
    max_output_tokens: int | None = None
    context_window: int | None = None
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    """Provider options of the deployment, such as Ollama's `num_ctx` or `keep_alive`."""


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One HTTP request, ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    connect_s: float
    idle_s: float | None
    """Longest silence between two reads of the body; `None` for plain calls, which have only a total deadline."""


class UpstreamResponse(Protocol):
    """One HTTP response whose body has not been read yet. Close it in `finally`."""

    @property
    def status(self) -> int:
        """HTTP status code."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers, names in lower case."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises `UpstreamError` when the connection is cut or silent too long."""
        ...

    async def read(self, limit: int) -> bytes:
        """Return the whole body. Raises `UpstreamError` beyond `limit` bytes or when the connection is cut."""
        ...

    def close(self) -> None:
        """Drop the connection at once unless the body was read to its end; safe to call twice."""
        ...


class Transport(Protocol):
    """The wire to upstreams. Raises `UpstreamError(transient)` where no answer arrives."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Send and return once the response's headers are in."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a provider will send, and what it had to leave out: `warnings` go into `x-thalamus-warning`."""

    request: ChatRequest
    target: Target
    url: str
    headers: Mapping[str, str]
    body: bytes
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wire:
    """The transport with the deadlines of one attempt. First-content and total deadlines are the dispatcher's."""

    transport: Transport
    connect_s: float
    idle_s: float


class Provider(Protocol):
    """One upstream dialect. It holds no state of a request; state lives in the generator of `stream`."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of the frames' `raw` bytes."""
        ...

    def prepare(self, request: ChatRequest, target: Target) -> Prepared:
        """Translate the request; pure. Raises `InvalidRequestError` where this dialect has no way to say it."""
        ...

    def stream(self, prepared: Prepared, wire: Wire) -> AsyncGenerator[Frame, None]:
        """Yield frames; raise `UpstreamError` for every failure, also one in mid-stream or an end without a finish.

        Closing the generator closes the upstream connection.
        """
        ...

    async def complete(self, prepared: Prepared, wire: Wire) -> Completion:
        """Return one whole answer; cancelling closes the upstream connection. Raises `UpstreamError`."""
        ...
