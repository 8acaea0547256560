"""Names what an Anthropic Messages body says and Chat Completions cannot be told, wherever its translation goes.

Pure. What `proxy/requests/anthropic_body.py` translates counts as said. A signature of thinking is left unnamed: it
proves the block to Anthropic, and means nothing to anyone else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from router.providers.chat_losses import printable, says_nothing
from router.providers.json_values import as_list, as_number, as_object, as_objects, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Json

_FIELDS: Final = frozenset(
    {
        "model", "messages", "system", "max_tokens", "temperature", "top_p", "top_k", "stream", "stop_sequences",
        "metadata", "tools", "tool_choice", "thinking", "output_config",
    }
)  # fmt: skip
_INSIDE: Final[dict[str, frozenset[str]]] = {
    "metadata": frozenset({"user_id"}),
    "thinking": frozenset({"type", "budget_tokens"}),
    "output_config": frozenset({"effort", "format"}),
    "tool_choice": frozenset({"type", "name", "disable_parallel_tool_use"}),
}
_NEUTRAL: Final[dict[str, object]] = {"service_tier": "auto"}
_MARK: Final = "cache_control"
_BLOCKS: Final[dict[str | None, frozenset[str]]] = {
    "image": frozenset({"type", "source", _MARK}),
    "document": frozenset({"type", "source", "title", _MARK}),
    "tool_use": frozenset({"type", "id", "name", "input"}),
    "tool_result": frozenset({"type", "tool_use_id", "content", "is_error", _MARK}),
    "thinking": frozenset({"type", "thinking", "signature"}),
}
"""Keys that are translated, or have a place beside the translation; blocks of another type go on whole."""
_TRANSLATED_SOURCES: Final = frozenset({"base64", "text"})
_TOOL: Final = frozenset({"type", "name", "description", "input_schema", "strict", _MARK})


def name_lost(body: Json, upstream: str) -> list[str]:
    """Return a warning for everything in a Messages body that is lost on an upstream of another dialect."""
    paths = [key for key, value in body.items() if _asks(key, value) and key not in _FIELDS and key != _MARK]
    for name, known in _INSIDE.items():
        paths += _unread(as_object(body.get(name)) or {}, known, f"{name}.")
    if (as_object(body.get("thinking")) or {}).get("type") == "disabled":
        paths.append("thinking.type=disabled")
    if body.get("tool_choice") and not body.get("tools"):
        paths.append("tool_choice")
    if any(isinstance(stop, str) and not stop.strip() for stop in as_list(body.get("stop_sequences"))):
        paths.append("stop_sequences[] of whitespace")
    paths += [path for path in name_lost_blocks(body) if not path.endswith(f".{_MARK}")]
    paths += _name_stripped(body)
    lost = [f"{printable_path(path)} dropped: {upstream} has no such parameter" for path in dict.fromkeys(paths)]
    return [*lost, *_name_budget(body, upstream)]


def _name_budget(body: Json, upstream: str) -> Iterator[str]:
    """A budget of tokens is told as one of a few efforts, unless an effort stands beside it."""
    if as_number((as_object(body.get("thinking")) or {}).get("budget_tokens")) is None:
        return
    if (as_object(body.get("output_config")) or {}).get("effort"):
        yield "thinking.budget_tokens dropped: output_config.effort stands beside it"
    else:
        yield f"thinking.budget_tokens weakened to reasoning_effort: {upstream} has no such parameter"


def name_lost_blocks(body: Json) -> list[str]:
    """Return the paths inside messages and tools that have no place in a chat body, each once."""
    found: dict[str, None] = {}
    for message in as_objects(body.get("messages")):
        for block in as_objects(message.get("content")):
            found.update(dict.fromkeys(_in_block(block)))
    for tool in as_objects(body.get("tools")):
        if "input_schema" in tool:
            found.update(dict.fromkeys(_unread(tool, _TOOL, "tools[].")))
    return list(found)


def printable_path(path: str) -> str:
    """Return a path as a header may hold it."""
    return " ".join(map(printable, path.split(" ")))


def _asks(key: str, value: object) -> bool:
    return not says_nothing(value) and _NEUTRAL.get(key) != value


def _in_block(block: Json) -> Iterator[str]:
    kind = as_text(block.get("type"))
    source = as_text((as_object(block.get("source")) or {}).get("type"))
    if kind not in _BLOCKS or (kind == "document" and source not in _TRANSLATED_SOURCES):
        return
    yield from _unread(block, _BLOCKS[kind], "messages[].content[].")
    for inner in as_objects(block.get("content")):
        yield from _in_block(inner)
        if inner.get(_MARK):
            yield f"messages[].content[].content[].{_MARK}"


def _unread(fields: Json, known: frozenset[str], prefix: str) -> Iterator[str]:
    return (f"{prefix}{key}" for key, value in fields.items() if key not in known and not says_nothing(value))


def _name_stripped(body: Json) -> Iterator[str]:
    """Yield what a chat body could hold, but no server of another dialect reads; a mark of any place is named once."""
    blocks = [block for message in as_objects(body.get("messages")) for block in as_objects(message.get("content"))]
    if any(block.get("type") == "redacted_thinking" for block in blocks):
        yield "messages[].content[].redacted_thinking"
    if any(block.get("type") == "text" and block.get("citations") for block in blocks):
        yield "messages[].content[].citations"
    inner = [part for block in blocks for part in as_objects(block.get("content"))]
    marked = (body, *as_objects(body.get("system")), *as_objects(body.get("tools")), *blocks, *inner)
    if any(each.get(_MARK) for each in marked):
        yield _MARK
