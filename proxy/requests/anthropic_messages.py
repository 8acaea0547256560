"""Messages made of Anthropic's content blocks as Chat Completions messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from router.providers.json_values import as_list, as_object, as_objects, as_text, encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.types import Json

_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
BLOCK_TYPES: Final = frozenset({"tool_use", "tool_result", "image", "document", *_THINKING})
"""Block types by which an Anthropic message is known; `text` is common to both dialects."""


def check_blocks(messages: object) -> None:
    """Raise `InvalidRequestError` for a call without a name, which no provider could match with a tool."""
    for n, message in enumerate(as_list(messages)):
        for m, item in enumerate(as_list((as_object(message) or {}).get("content"))):
            block = as_object(item) or {}
            if block.get("type") == "tool_use" and not as_text(block.get("name")):
                path = f"messages[{n}].content[{m}].name"
                raise InvalidRequestError(
                    f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter"
                )


def system_messages(system: object) -> list[Json]:
    """Return Anthropic's top-level `system` as at most one message; blocks are joined by newlines.

    Blocks with a cache mark stay blocks, since the mark belongs to one of them.
    """
    if isinstance(system, str):
        return [{"role": "system", "content": system}] if system else []
    blocks = [block for block in as_objects(system) if as_text(block.get("text"))]
    if not blocks:
        return []
    if any(block.get("cache_control") for block in blocks):
        return [{"role": "system", "content": blocks}]
    return [{"role": "system", "content": "\n".join(str(block["text"]) for block in blocks)}]


def convert_message(message: Json) -> Iterable[Json]:
    """Yield the messages of one: tool results become messages of their own, before the text that came with them."""
    content = message.get("content")
    if not isinstance(content, list):
        yield message
        return
    given: list[object] = [_as_text_block(item) for item in as_list(message["content"])]
    blocks = as_objects(given)
    if message.get("role") == "assistant":
        yield _assistant(message, blocks)
        return
    pictures: list[Json] = []
    for block in blocks:
        if block.get("type") == "tool_result":
            text, more = _result(block)
            pictures += more
            answer: Json = {"role": "tool", "tool_call_id": str(block.get("tool_use_id") or ""), "content": text}
            # Chat has no place for these: an upstream of Anthropic's dialect takes them back, others name them.
            yield answer | {name: block[name] for name in ("is_error", "cache_control") if block.get(name)}
    rest = [_part(block) for block in blocks if block.get("type") != "tool_result"]
    parts = [*pictures, *(part for part in rest if part.get("type") != "text" or part.get("text"))]
    if parts or not blocks:
        yield {**message, "content": _simplest(parts)}


def _as_text_block(item: object) -> object:
    return {"type": "text", "text": item} if isinstance(item, str) else item


def _assistant(message: Json, blocks: list[Json]) -> Json:
    kept = {name: value for name, value in message.items() if name != "content"}
    calls = [_call(block) for block in blocks if block.get("type") == "tool_use"]
    thoughts = [block for block in blocks if block.get("type") in _THINKING]
    parts = [_part(block) for block in blocks if block.get("type") not in ("tool_use", *_THINKING)]
    texts = [as_text(part.get("text")) or "" for part in parts]
    plain = all(part.keys() == {"type", "text"} for part in parts)
    converted: Json = {**kept, "content": ("".join(texts) or None) if plain else parts}
    if calls:
        converted["tool_calls"] = [*as_objects(kept.get("tool_calls")), *calls]
    elif converted["content"] is None:
        converted["content"] = ""
    if thoughts:
        converted["thinking_blocks"] = thoughts
        reasoning = "".join(as_text(block.get("thinking")) or "" for block in thoughts)
        converted.update({"reasoning_content": reasoning} if reasoning else {})
    return converted


def _call(block: Json) -> Json:
    given = block.get("input")
    arguments = given if isinstance(given, str) else encode(given if given is not None else {}).decode()
    function = {"name": str(block.get("name") or ""), "arguments": arguments}
    return {"id": str(block.get("id") or ""), "type": "function", "function": function}


def _result(block: Json) -> tuple[str, list[Json]]:
    """Chat's tool messages hold text only: pictures move into the user's turn behind them."""
    content = block.get("content")
    if not isinstance(content, list):
        return as_text(content) or "", []
    texts: list[str] = []
    others: list[Json] = []
    for part in map(_part, as_objects(block["content"])):
        text = as_text(part.get("text")) if part.get("type") == "text" else None
        if text is None:
            others.append(part)
        else:
            texts.append(text)
    return "\n".join(texts), others


def _part(block: Json) -> Json:
    kind, source = block.get("type"), as_object(block.get("source"))
    if kind == "image" and source is not None:
        url = _url(source)
        return _with_cache(block, {"type": "image_url", "image_url": {"url": url}}) if url else block
    if kind == "document" and source is not None:
        return _with_cache(block, _document(block, source))
    return block


def _document(block: Json, source: Json) -> Json:
    title, url = as_text(block.get("title")), _url(source)
    if source.get("type") == "text":
        text = as_text(source.get("data")) or ""
        return {"type": "text", "text": f"{title}\n{text}" if title else text}
    if source.get("type") != "base64" or url is None:
        return block
    return {"type": "file", "file": {"filename": title or "document.pdf", "file_data": url}}


def _url(source: Json) -> str | None:
    if source.get("type") == "base64":
        return f"data:{source.get('media_type') or 'application/octet-stream'};base64,{source.get('data') or ''}"
    return as_text(source.get("url"))


def _with_cache(block: Json, part: Json) -> Json:
    mark = block.get("cache_control")
    return {**part, "cache_control": mark} if mark and part is not block else part


def _simplest(parts: list[Json]) -> object:
    if not parts:
        return ""
    one = parts[0]
    return one["text"] if len(parts) == 1 and one.keys() == {"type", "text"} else parts
