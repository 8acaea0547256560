"""Turns and tools of an OpenAI conversation in Ollama's native words: plain texts, image lists, argument objects."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from router.providers.chat_params import split_data_url
from router.providers.json_values import as_object, as_objects, as_text, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json
    from router.providers.chat_body import Call, Tool, Turn
    from router.reasoning_store import ReasoningStore

_THINKING: Final = frozenset({"thinking", "redacted_thinking"})


def build_messages(turns: Sequence[Turn], store: ReasoningStore) -> list[Json]:
    """Return Ollama's `messages`. Raises `InvalidRequestError`, naming the field, for parts it has no place for."""
    names: dict[str, str] = {}
    messages: list[Json] = []
    for turn in turns:
        names.update({call.id: call.name for call in turn.calls})
        messages.append(_build_message(turn, names, store))
    return messages


def build_tool(tool: Tool) -> Json:
    """Return one of Ollama's `tools`."""
    function: Json = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _build_message(turn: Turn, names: dict[str, str], store: ReasoningStore) -> Json:
    texts: list[str] = []
    images: list[str] = []
    for n, part in enumerate(turn.parts):
        _sort_part(part, f"{turn.path}.content[{n}]", texts, images)
    message: Json = {"role": turn.role, "content": "\n".join(texts)}
    if images:
        message["images"] = images
    if turn.role == "tool":
        name = names.get(turn.tool_call_id) or as_text(turn.message.get("name"))
        message |= {"tool_call_id": turn.tool_call_id} | ({"tool_name": name} if name else {})
    if turn.calls:
        message["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": _arguments(call)}} for call in turn.calls
        ]
    thinking = _thinking(turn, store) if turn.role == "assistant" else None
    if thinking:
        message["thinking"] = thinking
    return message


def _thinking(turn: Turn, store: ReasoningStore) -> str | None:
    """The client's own record of the thinking, or what we kept with the turn's calls."""
    blocks = as_objects(turn.message.get("thinking_blocks")) or turn.parts
    own = "".join(as_text(block.get("thinking")) or "" for block in blocks if block.get("type") == "thinking")
    kept = (as_text((store.get(call.id) or {}).get("reasoning_content")) for call in turn.calls)
    return as_text(turn.message.get("reasoning_content")) or own or next(filter(None, kept), None)


def _sort_part(part: Json, path: str, texts: list[str], images: list[str]) -> None:
    kind = part.get("type")
    if kind == "text":
        texts.append(str(part["text"]))
    elif kind in ("image_url", "input_image"):
        given = part.get("image_url")
        url = as_text(given) or as_text((as_object(given) or {}).get("url")) or ""
        images.append(_image(url, f"{path}.image_url"))
    elif kind == "image":
        images.append(_native_image(as_object(part.get("source")) or {}, f"{path}.source"))
    elif kind in ("file", "input_file"):
        texts.append(_file_text(as_object(part.get("file")) or part, f"{path}.file"))
    elif kind not in _THINKING:
        message = f"`{path}.type` is {kind!r}, which Ollama models do not take."
        raise InvalidRequestError(message, param=f"{path}.type", code="unsupported_parameter")


def _image(url: str, where: str) -> str:
    data = split_data_url(url, where)
    if data is not None:
        return data[1]
    message = f"`{where}` must be a base64 data URL: Ollama takes no other, and this server fetches no client URLs."
    raise InvalidRequestError(message, param=where, code="unsupported_parameter")


def _native_image(source: Json, where: str) -> str:
    data = as_text(source.get("data"))
    return data if data is not None and source.get("type") == "base64" else _image("", where)


def _file_text(file: Json, where: str) -> str:
    media, data = split_data_url(as_text(file.get("file_data")) or "", where) or ("", "")
    if not media.startswith("text/"):
        message = f"`{where}` must carry a text as `file_data`: Ollama models read no other files."
        raise InvalidRequestError(message, param=where, code="unsupported_parameter")
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"`{where}` is not base64 of UTF-8 text.", param=where) from error


def _arguments(call: Call) -> Json:
    """Arguments as an object; a history may hold ones that no JSON parser takes."""
    if call.kind == "custom":
        return {"input": call.arguments}
    if not call.arguments.strip():
        return {}
    try:
        value = decode(call.arguments)
    except ValueError:
        return {"invalid_json": call.arguments}
    found = as_object(value)
    return {"value": value} if found is None else found
