"""What one request is answered with, before any dialect: the reply of the script, resolved against the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import msgspec

from router.providers.pieces import split_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Json
    from router.events import FinishReason
    from router.providers.scripted.script import Quirk, Reply, ToolCall

_FRAGMENT_CHARS = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """What we read of a request's body."""

    path: str
    body: Json
    model: str
    last_user: str
    stream: bool

    @property
    def n(self) -> int:
        """Choices asked for (OpenAI)."""
        n = self.body.get("n")
        return n if isinstance(n, int) and n > 0 else 1

    @property
    def include_usage(self) -> bool:
        """Whether the usage chunk is asked for (OpenAI)."""
        options = self.body.get("stream_options")
        return isinstance(options, dict) and cast("Json", options).get("include_usage") is True


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, dialect-neutral; joined, `pieces` are the text."""

    serial: int
    """Number of the request, from 1; ids are made of it."""
    created: int
    """Unix seconds."""
    model: str
    pieces: tuple[str, ...]
    reasoning: tuple[str, ...]
    signature: str
    tool_calls: tuple[ToolCall, ...]
    refusal: tuple[str, ...]
    finish: FinishReason
    n: int
    include_usage: bool
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    quirks: frozenset[Quirk]


def read_request(path: str, body: Json) -> Asked:
    """Read what we use of a chat body, whichever the dialect; other bodies give empty fields."""
    stream = body.get("stream", path == "/api/chat")  # Ollama streams unless told not to
    model = body.get("model", body.get("name", ""))
    return Asked(
        path=path,
        body=body,
        model=model if isinstance(model, str) else "",
        last_user=_last_user(body),
        stream=stream is True,
    )


def resolve(reply: Reply, asked: Asked, *, serial: int, call: int, created: int) -> Answer:
    """Fill in what the reply leaves open."""
    pieces, cut = _pieces(reply, asked, call)
    usage = reply.usage
    n = reply.n or asked.n
    reasoning, refusal = split_pieces(reply.reasoning), split_pieces(reply.refusal)
    counted = (len(pieces) + len(reasoning) + len(refusal)) * n
    return Answer(
        serial=serial,
        created=created,
        model=asked.model,
        pieces=pieces,
        reasoning=reasoning,
        signature=reply.signature if reply.signature is not None else f"c2lnbmF0dXJl{serial:08d}",
        tool_calls=reply.tool_calls,
        refusal=refusal,
        finish=reply.finish or _finish(reply, cut=cut),
        n=n,
        include_usage=asked.include_usage,
        input_tokens=usage.input if usage.input is not None else count_input(asked.body),
        output_tokens=usage.output if usage.output is not None else counted + _tool_tokens(reply) * n,
        cached_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
        reasoning_tokens=usage.reasoning or len(reasoning) * n,
        quirks=frozenset(reply.quirks),
    )


def count_input(body: Json) -> int:
    """Return the pieces of all text in a request: the double's idea of input tokens, at least 1."""
    texts = (*_texts(body.get("system")), *(text for message in _messages(body) for text in _texts(message)))
    return max(1, sum(len(split_pieces(text)) for text in texts))


def _finish(reply: Reply, *, cut: bool) -> FinishReason:
    if reply.fault == "content_filter":
        return "content_filter"
    if reply.tool_calls:
        return "tool_calls"
    return "length" if cut else "stop"


def _pieces(reply: Reply, asked: Asked, call: int) -> tuple[tuple[str, ...], bool]:
    """Return the answer's pieces, and whether an echo was cut by the request's token limit."""
    if reply.chunks:
        return reply.chunks, False
    if reply.json is not None:
        return split_pieces(msgspec.json.encode(reply.json).decode()), False
    if not (reply.echo or reply.template):
        return split_pieces(reply.text), False
    pieces = split_pieces(_fill(reply.template, asked, call) if reply.template else _echo(asked))
    limit = _token_limit(asked.body)
    return (pieces[:limit], True) if limit is not None and len(pieces) > limit else (pieces, False)


def _fill(template: str, asked: Asked, call: int) -> str:
    values = {"{model}": asked.model, "{path}": asked.path, "{call}": str(call), "{last_user}": asked.last_user}
    for name, value in values.items():  # what the user wrote goes in last, so it is never taken for a name
        template = template.replace(name, value)
    return template


def _echo(asked: Asked) -> str:
    if not _wants_json(asked.body):
        return asked.last_user
    return msgspec.json.encode({"echo": asked.last_user}).decode()


def _wants_json(body: Json) -> bool:
    """Return whether JSON is asked for in OpenAI's or Ollama's way."""
    wanted = body.get("response_format")
    kind = cast("Json", wanted).get("type") if isinstance(wanted, dict) else None
    return kind in {"json_object", "json_schema"} or bool(body.get("format"))


def _token_limit(body: Json) -> int | None:
    options = body.get("options")
    ollama = cast("Json", options).get("num_predict") if isinstance(options, dict) else None
    for limit in (body.get("max_completion_tokens"), body.get("max_tokens"), ollama):
        if isinstance(limit, int) and limit > 0:
            return limit
    return None


def _tool_tokens(reply: Reply) -> int:
    return sum(len(argument_fragments(call)) + 1 for call in reply.tool_calls)


def arguments_text(call: ToolCall) -> str:
    """Return a call's arguments as the JSON text OpenAI sends."""
    return call.arguments if isinstance(call.arguments, str) else msgspec.json.encode(call.arguments).decode()


def argument_fragments(call: ToolCall) -> tuple[str, ...]:
    """Return a call's arguments in the short fragments in which they are streamed."""
    text = arguments_text(call)
    return tuple(text[i : i + _FRAGMENT_CHARS] for i in range(0, len(text), _FRAGMENT_CHARS))


def _messages(body: Json) -> Iterator[Json]:
    messages = body.get("messages")
    for message in cast("list[object]", messages) if isinstance(messages, list) else ():
        if isinstance(message, dict):
            yield cast("Json", message)


def _last_user(body: Json) -> str:
    last = ""
    for message in _messages(body):
        texts = list(_texts(message))
        if message.get("role") == "user" and texts:  # Anthropic's tool results are user turns without text
            last = "\n".join(texts)
    return last


def _texts(holder: object) -> Iterator[str]:
    """Yield the texts of a message, a content list or a content part."""
    if isinstance(holder, str):
        yield holder
    elif isinstance(holder, list):
        for part in cast("list[object]", holder):
            yield from _texts(part)
    elif isinstance(holder, dict):
        part = cast("Json", holder)
        if "role" in part:
            yield from _texts(part.get("content"))
        elif isinstance(part.get("text"), str):
            yield cast("str", part["text"])
