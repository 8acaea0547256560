"""The script of the test double: frozen values that say what is answered, when, and what goes wrong.

Reading a file into these values is `load.py`'s; turning them into bytes is `plan.py`'s.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, get_args

from config.types import Json
from router.events import FinishReason

Fault = Literal[
    # the connection
    "refuse",
    "reset",
    "hang",
    "hang_mid_stream",
    "cut_before_content",
    "cut_mid_stream",
    "drip",
    # the stream's bytes
    "malformed_sse",
    "bad_json",
    "empty_stream",
    "empty_200",
    "huge_event",
    "endless_line",
    "duplicate_done",
    "late_bytes",
    "no_finish",
    "no_done",
    "error_event",
    # another body than the one asked for
    "json_instead_of_sse",
    "html_instead_of_sse",
    "completion_instead_of_sse",
    # the provider's own refusals, with the status and body of the dialect
    "content_filter",
    "prompt_filtered",
    "context_overflow",
    "rate_limited",
    "quota",
    "bad_key",
    "forbidden",
    "model_gone",
    "server_error",
    "overloaded",
    "bad_gateway_html",
]
"""What goes wrong; each is described in `docs/scripted-upstream.md`."""

Quirk = Literal[
    "args_object",
    "comments",
    "content_null_first",
    "crlf",
    "data_no_space",
    "empty_choices_first",
    "finish_empty_string",
    "finish_repeated",
    "finish_stop_with_tools",
    "finish_with_content",
    "id_per_chunk",
    "role_empty",
    "role_every_chunk",
    "role_missing",
    "reasoning_field",
    "think_tags",
    "tool_call_whole",
    "tool_id_every_chunk",
    "tool_id_missing",
    "tool_index_missing",
    "tool_index_zero",
    "tool_type_missing",
    "usage_every_chunk",
    "usage_never",
    "usage_on_finish",
    "usage_unasked",
    "usage_with_choice",
]
"""How look-alikes of OpenAI bend the format; each is described in `docs/scripted-upstream.md`."""

FAULTS: frozenset[str] = frozenset(get_args(Fault))
QUIRKS: frozenset[str] = frozenset(get_args(Quirk))

CHAT_PATHS = frozenset({"/v1/chat/completions", "/chat/completions", "/v1/messages", "/messages", "/api/chat"})


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a reply is for; every condition given must hold."""

    path: str | None = None
    """Path, `*` and `?` as in file names; `None` means any chat path (and no other)."""
    model: str | None = None
    """Model name, `*` and `?` as in file names."""
    contains: str | None = None
    """Text that occurs in the last user turn."""
    call: int | None = None
    """The n-th request, counted from 1, for which the other conditions hold."""
    header: Mapping[str, str] = field(default_factory=dict[str, str])
    """Header name (any case) to its value, `*` and `?` as in file names."""
    stream: bool | None = None
    """Whether the request asks for a stream."""

    def __post_init__(self) -> None:
        """Refuse a call number that can never come."""
        if self.call is not None and self.call < 1:
            raise ValueError("`call` counts from 1")

    def holds(self, path: str, *, model: str, last_user: str, headers: Mapping[str, str], stream: bool) -> bool:
        """Return whether all conditions but `call` hold; `headers` have lower-case names."""
        if self.path is None:
            if path not in CHAT_PATHS:
                return False
        elif not fnmatchcase(path, self.path):
            return False
        return (
            (self.model is None or fnmatchcase(model, self.model))
            and (self.contains is None or self.contains in last_user)
            and (self.stream is None or self.stream == stream)
            and all(fnmatchcase(headers.get(name.lower(), ""), value) for name, value in self.header.items())
        )


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call of the answer."""

    name: str
    arguments: Json | str = field(default_factory=dict[str, object])
    """An object, or a string that is sent as it is (so it may be broken JSON)."""
    id: str | None = None
    """`None` makes one in the dialect's form."""


@dataclass(frozen=True, slots=True)
class UsageSpec:
    """Token counts of the answer; `None` counts pieces (words and CJK characters)."""

    input: int | None = None
    """All input tokens, cached ones included."""
    output: int | None = None
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a byte script; exactly one field is given."""

    send: str | None = None
    """Text, sent as UTF-8."""
    send_base64: str | None = None
    """Bytes, as base64."""
    sleep_s: float | None = None
    rst: bool = False
    """Drop the connection with a TCP reset."""
    close: bool = False
    """Close the connection in order (FIN)."""
    hang: bool = False
    """Say nothing more until the client leaves."""

    def __post_init__(self) -> None:
        """Refuse steps that say two things, or nothing."""
        given = [self.send is not None, self.send_base64 is not None, self.sleep_s is not None]
        if sum([*given, self.rst, self.close, self.hang]) != 1:
            raise ValueError("a step has exactly one of send, send_base64, sleep_s, rst, close, hang")
        if self.send_base64 is not None:
            try:
                base64.b64decode(self.send_base64, validate=True)
            except ValueError as error:
                raise ValueError("`send_base64` is no base64") from error


@dataclass(frozen=True, slots=True)
class Reply:
    """One entry of the script: for whom, how often, what is said, how fast, and what goes wrong."""

    match: Match = field(default_factory=Match)
    times: int | None = None
    """How many requests it answers before later replies get their turn; `None` for ever."""

    text: str = ""
    chunks: tuple[str, ...] = ()
    """The text in the pieces in which it is streamed; without it, `text` is split into words and CJK characters."""
    json: object = None
    """A value whose compact JSON is the text."""
    echo: bool = False
    """Answer with the last user turn."""
    template: str = ""
    """Answer with this text; `{last_user}`, `{model}`, `{path}` and `{call}` are filled in."""
    reasoning: str = ""
    signature: str | None = None
    """Signature of the reasoning block (Anthropic); `None` makes one."""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str = ""
    usage: UsageSpec = field(default_factory=UsageSpec)
    finish: FinishReason | None = None
    """OpenAI's word, translated for the other dialects; `None` means `tool_calls` with tool calls, else `stop`."""
    n: int | None = None
    """Choices (OpenAI only); `None` gives as many as the request asks for."""
    dimensions: int = 64
    """Length of embedding vectors where the request does not say."""

    delay_headers_s: float = 0.0
    """Silence before the first byte."""
    delay_first_s: float = 0.0
    """Silence between the headers (with the opening events) and the first content."""
    delay_chunk_s: float = 0.0
    """Silence before each further piece of content."""
    drip_bytes_per_s: float | None = None
    """Send the body byte by byte at this rate."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Added to the response's headers, or in place of ours of the same name."""
    body: str | Json | None = None
    """The whole body in place of an answer or of an error status, or what an in-band error says."""
    fault: Fault | None = None
    after_chunks: int | None = None
    """Pieces of content sent before the fault; `None` takes the fault's own default."""
    size_bytes: int = 8 * 1024 * 1024
    """Size of `huge_event` and `endless_line`."""
    refuse_s: float = 0.0
    """How long `refuse` keeps the port closed after it dropped the connection."""
    framing: Literal["chunked", "close"] = "chunked"
    """How a stream ends: by the last chunk, or only by closing the connection."""
    quirks: tuple[Quirk, ...] = ()
    """Ways to bend OpenAI's format."""
    raw: tuple[Step, ...] = ()
    """The whole response as bytes, status line included; nothing else of this reply is used."""

    def __post_init__(self) -> None:
        """Refuse replies that contradict themselves."""
        said = [bool(self.text), bool(self.chunks), self.json is not None, self.echo, bool(self.template)]
        if sum(said) > 1:
            raise ValueError("only one of text, chunks, json, echo, template can be the answer")
        if not 100 <= self.status <= 599:  # noqa: PLR2004  # HTTP's range
            raise ValueError(f"`status` {self.status} is no HTTP status")
        if self.times is not None and self.times < 1:
            raise ValueError("`times` is at least 1; leave the reply out instead")
        if self.n is not None and self.n < 1:
            raise ValueError("`n` is at least 1")
        if self.drip_bytes_per_s is not None and self.drip_bytes_per_s <= 0:
            raise ValueError("`drip_bytes_per_s` is above 0")
        durations = (self.delay_headers_s, self.delay_first_s, self.delay_chunk_s, self.refuse_s)
        if min(durations) < 0 or (self.after_chunks or 0) < 0:
            raise ValueError("durations and counts cannot be negative")


@dataclass(frozen=True, slots=True)
class Script:
    """Replies, tried in order, and the models the upstream says it has."""

    replies: tuple[Reply, ...] = (Reply(echo=True),)
    models: tuple[str, ...] = ("scripted",)
