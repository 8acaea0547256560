"""Names what a Chat Completions body says and an upstream of another dialect cannot be told.

Pure. One table says what every such dialect reads of messages, parts and tools; `Slots` says what one reads beyond it.
Left unnamed are proofs that mean nothing to anyone but their issuer (`extra_content`, signatures) and echoes of ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from router.providers.json_values import as_object, as_objects, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Json

    Lost = Iterator[tuple[str, str]]

_NEUTRAL: Final[dict[str, tuple[object, ...]]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "store": (False,),
    "parallel_tool_calls": (True,),
    "service_tier": ("auto",),
    "modalities": (["text"],),
    "metadata": ({},),
    "truncation": ("disabled",),
    "verbosity": ("medium",),
}
"""Values that ask for what happens anyway, so leaving them out needs no warning."""
_SPOKEN: Final = frozenset({"role", "content"})
_ANSWERED: Final = frozenset({"role", "content", "tool_call_id", "name"})
_MESSAGES: Final[dict[object, frozenset[str]]] = {
    # What becomes of a refusal and of reasoning is said where they are read.
    "assistant": _SPOKEN | {"tool_calls", "function_call", "refusal", "reasoning_content", "thinking_blocks"},
    "tool": _ANSWERED,
    "function": _ANSWERED,
}
_FILE: Final = frozenset({"type", "file", "file_data", "file_id"})
_PARTS: Final[dict[object, frozenset[str]]] = {
    "text": frozenset({"type", "text"}),
    "input_text": frozenset({"type", "text"}),
    "output_text": frozenset({"type", "text"}),
    "refusal": frozenset({"type", "refusal"}),
    "image_url": frozenset({"type", "image_url"}),
    "input_image": frozenset({"type", "image_url"}),
    "file": _FILE,
    "input_file": _FILE,
    "image": frozenset({"type", "source"}),
    "tool_use": frozenset({"type", "id", "name", "input"}),
    "tool_result": frozenset({"type", "tool_use_id", "content"}),
}
"""Keys of the parts that are read; a part of another type is refused, or goes on as it is."""
_CALL: Final = frozenset({"id", "type", "index", "extra_content", "function", "custom", "name", "arguments", "input"})
_TOOL: Final = frozenset({"type", "name", "description", "parameters", "input_schema", "format"})

_PAIRS: Final = (
    ("max_completion_tokens", "max_tokens"),
    ("tools", "functions"),
    ("tool_choice", "function_call"),
)
"""Fields of which the first is read where both are sent."""


@dataclass(frozen=True, slots=True)
class Slots:
    """What an upstream dialect has a place for."""

    upstream: str
    """Its name, for the warnings."""
    fields: frozenset[str]
    """Top-level fields that it reads; what stands in them may still be lost."""
    deeper: frozenset[str] = frozenset()
    """Paths, such as `messages[].cache_control`, that it reads beyond what every dialect does."""


def name_dropped(body: Json, slots: Slots) -> list[str]:
    """Return a warning for everything without a slot that asks for something; safe to put into a header."""
    missing = f"{slots.upstream} has no such parameter"
    lost = [(key, missing) for key in body if key not in slots.fields and not _is_neutral(key, body[key])]
    lost += [(path, missing) for path in dict.fromkeys(_deeper(body)) if path not in slots.deeper]
    lost += dict.fromkeys(_outdone(body))
    return [f"{printable(path)} dropped: {reason}" for path, reason in lost]


def printable(text: str) -> str:
    """Return at most 64 characters of a client's word, as a header may hold them."""
    return re.sub(r"[^\x21-\x7e]", "?", text[:64])


def says_nothing(value: object) -> bool:
    """Return whether leaving this value out loses nothing: null, false and what is empty."""
    return value is None or value is False or value in ("", [], {})


def _is_neutral(key: str, value: object) -> bool:
    return value is None or any(value == neutral for neutral in _NEUTRAL.get(key, ()))


def _deeper(body: Json) -> Iterator[str]:
    """Yield the paths inside fields that are read, each as often as it occurs."""
    for message in as_objects(body.get("messages")):
        yield from _unread(message, _MESSAGES.get(message.get("role"), _SPOKEN), "messages[].")
        if any(block.get("type") == "redacted_thinking" for block in as_objects(message.get("thinking_blocks"))):
            yield "messages[].content[].redacted_thinking"
        if message.get("refusal") and message.get("content"):
            yield "messages[].refusal"
        for part in as_objects(message.get("content")):
            yield from _in_part(part)
        for call in as_objects(message.get("tool_calls")):
            yield from _unread(call, _CALL, "messages[].tool_calls[].")
    for tool in (*as_objects(body.get("tools")), *as_objects(body.get("functions"))):
        yield from _in_tool(tool)
    choice = as_object(body.get("tool_choice"))
    if choice is not None and choice.get("type") == "allowed_tools":
        yield "tool_choice.allowed_tools"
    schema = as_object((as_object(body.get("response_format")) or {}).get("json_schema")) or {}
    # The name is a label; it changes nothing.
    yield from _unread(schema, frozenset({"name", "schema"}), "response_format.json_schema.")
    yield from _unread(as_object(body.get("reasoning")) or {}, frozenset({"effort"}), "reasoning.")
    options = as_object(body.get("stream_options")) or {}
    yield from _unread(options, frozenset({"include_usage"}), "stream_options.")


def _in_part(part: Json) -> Iterator[str]:
    kind = as_text(part.get("type"))
    if kind == "redacted_thinking":
        yield "messages[].content[].redacted_thinking"
    if kind not in _PARTS:
        return
    for path in _unread(part, _PARTS[kind], "messages[].content[]."):
        if not (path.endswith(".detail") and part["detail"] == "auto"):
            yield path
    picture = as_object(part.get("image_url"))
    if picture is not None and picture.get("detail") not in (None, "auto"):
        yield "messages[].content[].image_url.detail"
    yield from _unread(as_object(part.get("file")) or {}, _FILE, "messages[].content[].file.")
    for inner in as_objects(part.get("content")):
        yield from _in_part(inner)


def _in_tool(tool: Json) -> Iterator[str]:
    kind = "custom" if tool.get("type") == "custom" else "function"
    inner = as_object(tool.get(kind))
    if inner is not None:
        yield from _unread(tool, frozenset({"type", kind}), "tools[].")
    yield from _unread(tool if inner is None else inner, _TOOL, f"tools[].{kind}.")


def _unread(fields: Json, known: frozenset[str], prefix: str) -> Iterator[str]:
    return (f"{prefix}{key}" for key, value in fields.items() if key not in known and not says_nothing(value))


def _outdone(body: Json) -> Lost:
    """Yield what another spelling of the same wish, which is the one that is read, stands beside."""
    for winner, loser in _PAIRS:
        if body.get(winner) and body.get(loser) and body[winner] != body[loser]:
            yield loser, f"{winner} stands beside it"
    if body.get("tool_choice") not in (None, "auto", "none") and not (body.get("tools") or body.get("functions")):
        yield "tool_choice", "there are no tools"
    effort = as_text((as_object(body.get("reasoning")) or {}).get("effort"))
    if effort and body.get("reasoning_effort") not in (None, "", effort):
        yield "reasoning.effort", "reasoning_effort stands beside it"
