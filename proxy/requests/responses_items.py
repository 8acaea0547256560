"""The `input` of a Responses body as Chat Completions messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from proxy.requests.validate import check_text, is_list, wrong_type
from router.providers.chat_losses import says_nothing
from router.providers.json_values import as_list, as_object, as_objects, as_text, encode

if TYPE_CHECKING:
    from config.types import Json

_CALLS: Final = {"function_call": "function", "custom_tool_call": "custom"}
_OUTPUTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_READ: Final[dict[str | None, frozenset[str]]] = {
    "input_text": frozenset({"type", "text"}),
    "output_text": frozenset({"type", "text"}),
    "text": frozenset({"type", "text"}),
    "refusal": frozenset({"type", "refusal"}),
    "input_image": frozenset({"type", "image_url", "detail"}),
    "input_file": frozenset({"type", "filename", "file_data", "file_id"}),
}
"""Keys of the parts that have a place in a chat body; a part of another type goes on whole."""
_TEXTS: Final = frozenset({"input_text", "output_text", "text"})


class Conversation:
    """Collects messages; calls that were made together, and the text before them, become one assistant message."""

    def __init__(self) -> None:
        self.messages: list[Json] = []
        self.dropped: list[str] = []
        """Types of items that Chat Completions has no place for, each once."""
        self.lost: dict[str, None] = {}
        """Paths inside items that it has no place for."""

    def add(self, item: Json, path: str) -> None:
        """Add one item. Raises `InvalidRequestError` for one that is broken."""
        kind = as_text(item.get("type")) or "message"
        if kind == "message":
            self._add_message(item, path)
        elif kind in _CALLS:
            self._add_call(item, _CALLS[kind], path)
        elif kind in _OUTPUTS:
            text, others = self._output(item.get("output"), f"{path}.output")
            self.messages.append({"role": "tool", "tool_call_id": _call_id(item, path), "content": text})
            if others:
                self.messages.append({"role": "user", "content": others})
        elif kind not in self.dropped:
            self.dropped.append(kind)

    def _add_message(self, item: Json, path: str) -> None:
        check_text(item.get("role"), f"{path}.role")
        message: Json = {name: value for name, value in item.items() if name in ("role", "content", "name")}
        content = item.get("content")
        if isinstance(content, list):
            parts = self._parts(item["content"], f"{path}.content")
            plain = item.get("role") == "assistant" and all(part.get("type") == "text" for part in parts)
            message["content"] = _text_of(parts) if plain else _simplest(parts)
        elif not isinstance(content, str):
            raise wrong_type(content, f"{path}.content", "a string or an array of content parts")
        last = self._open_calls()
        if message.get("role") == "assistant" and last is not None:
            said = [text for text in (as_text(last["content"]), as_text(message["content"])) if text]
            last["content"] = "\n".join(said) or None
            return
        self.messages.append(message)

    def _add_call(self, item: Json, kind: str, path: str) -> None:
        field = "arguments" if kind == "function" else "input"
        name = as_text(item.get("name"))
        if not name:
            raise _missing(f"{path}.name")
        given = item.get(field)
        text = given if isinstance(given, str) else encode(given if given is not None else {}).decode()
        call: Json = {
            "id": _call_id(item, path),
            "type": kind,
            kind: {"name": name, field: text},
        }
        last = self.messages[-1] if self.messages else {}
        if last.get("role") == "assistant" and not isinstance(last.get("content"), list):
            calls = [*as_objects(last.get("tool_calls")), call]
            self.messages[-1] = {**last, "content": last.get("content") or None, "tool_calls": calls}
        else:
            self.messages.append({"role": "assistant", "content": None, "tool_calls": [call]})

    def _output(self, value: object, path: str) -> tuple[str, list[Json]]:
        """Chat's tool messages hold text only: pictures and files move into a user's message behind."""
        if isinstance(value, str):
            return value, []
        if not is_list(value):
            return "" if value is None else encode(value).decode(), []
        parts = self._parts(as_objects(value), path)
        return _text_of(parts), [part for part in parts if part.get("type") != "text"]

    def _parts(self, given: object, path: str) -> list[Json]:
        found: list[Json] = []
        for n, item in enumerate(as_list(given)):
            part = as_object(item)
            if part is None:
                raise wrong_type(item, f"{path}[{n}]", "an object")
            found.append(_part(part, f"{path}[{n}]"))
            known = _READ.get(as_text(part.get("type")), part.keys())
            lost = (key for key, value in part.items() if key not in known and not says_nothing(value))
            self.lost.update(dict.fromkeys(f"input[].content[].{key}" for key in lost))
        return found

    def _open_calls(self) -> Json | None:
        last = self.messages[-1] if self.messages else None
        return last if last is not None and last.get("tool_calls") else None


def read_input(value: object) -> Conversation:
    """Return the conversation of `input`. Raises `InvalidRequestError` for what is no string and no list of items."""
    conversation = Conversation()
    if isinstance(value, str):
        conversation.messages.append({"role": "user", "content": value})
        return conversation
    if not is_list(value):
        raise wrong_type(value, "input", "a string or an array of items")
    for n, item in enumerate(value):
        fields = as_object(item)
        if fields is None:
            raise wrong_type(item, f"input[{n}]", "an object")
        conversation.add(fields, f"input[{n}]")
    if not conversation.messages:
        raise InvalidRequestError("'input' holds no message.", param="input", code="invalid_value")
    return conversation


def _call_id(item: Json, path: str) -> str:
    call_id = as_text(item.get("call_id")) or as_text(item.get("id"))
    if not call_id:
        raise _missing(f"{path}.call_id")
    return call_id


def _missing(path: str) -> InvalidRequestError:
    return InvalidRequestError(f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def _part(part: Json, path: str) -> Json:
    kind = part.get("type")
    if kind in _TEXTS:
        return {"type": "text", "text": as_text(part.get("text")) or ""}
    if kind == "refusal":
        return {"type": "text", "text": as_text(part.get("refusal")) or ""}
    if kind == "input_image" and as_text(part.get("image_url")):
        detail = as_text(part.get("detail"))
        return {"type": "image_url", "image_url": {"url": part["image_url"], **({"detail": detail} if detail else {})}}
    if kind == "input_file":
        if not part.get("file_data") and not part.get("file_id"):
            message = f"'{path}' must carry 'file_data' or 'file_id': Chat Completions takes no other file."
            raise InvalidRequestError(message, param=path, code="unsupported_parameter")
        fields = {name: part[name] for name in ("filename", "file_data", "file_id") if part.get(name)}
        return {"type": "file", "file": fields}
    return part


def _text_of(parts: list[Json]) -> str:
    return "\n".join(text for part in parts if part.get("type") == "text" and (text := as_text(part.get("text"))))


def _simplest(parts: list[Json]) -> object:
    return parts[0]["text"] if len(parts) == 1 and parts[0].get("type") == "text" else parts
