"""Turns of an OpenAI conversation as Anthropic's `system` and `messages`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from router.providers.anthropic_parts import to_block
from router.providers.json_values import as_object, as_objects, as_text, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from config.types import Json
    from router.providers.chat_body import Call, Turn
    from router.reasoning_store import ReasoningStore

_OPENING: Final[Json] = {"type": "text", "text": "."}
"""Anthropic wants a user's message first and none empty; this says as little as can be said."""
_BAD_ID_CHARACTER = re.compile(r"[^a-zA-Z0-9_-]")


def build_system(turns: Sequence[Turn]) -> list[Json]:
    """Return the blocks of `system`: every system and developer text, wherever it stood."""
    blocks: list[Json] = []
    for turn in turns:
        if turn.role == "system":
            blocks.extend(_with_message_cache(turn.message, _blocks(turn)))
    other = next((block for block in blocks if block["type"] != "text"), None)
    if other is not None:
        raise InvalidRequestError("System messages may hold text only.", param="messages")
    return blocks


def build_messages(turns: Sequence[Turn], store: ReasoningStore, *, model: str) -> list[Json]:
    """Return `messages`: roles in turn, tool results before texts, thinking before the calls it led to.

    Stored thinking is replayed to the `model` that had it only, since Anthropic binds it to its model.
    """
    ids = _CallIds()
    messages: list[Json] = []
    for turn in turns:
        if turn.role == "system":
            continue
        role = "assistant" if turn.role == "assistant" else "user"
        blocks = _assistant_blocks(turn, ids, store, model) if role == "assistant" else _user_blocks(turn, ids)
        if not blocks:
            continue
        if messages and messages[-1]["role"] == role:
            blocks = [*as_objects(messages.pop()["content"]), *blocks]
        messages.append({"role": role, "content": _results_first(blocks) if role == "user" else blocks})
    if not messages or messages[0]["role"] != "user":
        messages.insert(0, {"role": "user", "content": [_OPENING]})
    return messages


def name_lost_thinking(turns: Sequence[Turn], store: ReasoningStore, *, model: str) -> list[str]:
    """Return a warning where a turn's reasoning is told to nobody: Anthropic takes only what it has signed itself."""
    for turn in turns:
        if turn.role != "assistant":
            continue
        given, own = _given_thinking(turn), _own_thinking(turn)
        kept = own or any(_stored_thinking(call, store, model) for call in turn.calls)
        if len(own) < len(given) or (turn.message.get("reasoning_content") and not kept):
            return ["messages[].reasoning_content dropped: Anthropic takes only thinking that it has signed"]
    return []


def has_padding(messages: Sequence[Json]) -> bool:
    """Return whether something of ours stands where the client said nothing."""
    return any(block is _OPENING for message in messages for block in as_objects(message["content"]))


def loses_end(messages: Sequence[Json]) -> bool:
    """Return whether an assistant's last turn ends with whitespace, which Anthropic refuses; `tidy_last` cuts it."""
    last = messages[-1]
    text = str(as_objects(last["content"])[-1].get("text") or "")
    return last["role"] == "assistant" and text != text.rstrip()


def opens_with_thinking(messages: Sequence[Json]) -> bool:
    """Return whether thinking may be on: the calls that wait for their next step must come with their thinking.

    Anthropic refuses a tool loop whose assistant turns lack it, as after a failover from another model.
    """
    for message in reversed(messages):
        blocks = as_objects(message["content"])
        if message["role"] == "assistant":
            return _is_thinking(blocks[0]) or all(block["type"] != "tool_use" for block in blocks)
        if all(block["type"] != "tool_result" for block in blocks):
            return True
    return True


def end_with_user(messages: Sequence[Json]) -> list[Json]:
    """Return the messages with a user's turn at the end, for models that do not continue an assistant's."""
    if messages[-1]["role"] == "user":
        return list(messages)
    return [*messages, {"role": "user", "content": [_OPENING]}]


def tidy_last(messages: list[Json], *, thinking: bool) -> list[Json]:
    """Return the messages with an assistant's last turn as Anthropic takes it: nothing after the last word.

    Without thinking switched on, such a turn may not hold thinking either.
    """
    last = messages[-1]
    if last["role"] != "assistant":
        return messages
    blocks = [block for block in as_objects(last["content"]) if thinking or not _is_thinking(block)]
    if blocks and blocks[-1]["type"] == "text":
        blocks[-1] = {**blocks[-1], "text": str(blocks[-1]["text"]).rstrip()}
    return [*messages[:-1], {**last, "content": blocks}] if blocks else messages[:-1]


class _CallIds:
    """Call ids as Anthropic takes them; the same id always becomes the same, different ones never do."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._taken: set[str] = set()

    def clean(self, call_id: str) -> str:
        known = self._known.get(call_id)
        if known is not None:
            return known
        wanted = _BAD_ID_CHARACTER.sub("_", call_id) or "call"
        clean, n = wanted, 1
        while clean in self._taken:
            n += 1
            clean = f"{wanted}_{n}"
        self._known[call_id] = clean
        self._taken.add(clean)
        return clean


def _user_blocks(turn: Turn, ids: _CallIds) -> list[Json]:
    blocks = _blocks(turn)
    if turn.role != "tool":
        return _with_message_cache(turn.message, blocks)
    result: Json = {"type": "tool_result", "tool_use_id": ids.clean(turn.tool_call_id)}
    if blocks:
        plain = len(blocks) == 1 and blocks[0].keys() == {"type", "text"}
        result["content"] = blocks[0]["text"] if plain else blocks
    result.update({key: turn.message[key] for key in ("is_error", "cache_control") if key in turn.message})
    return [result]


def _assistant_blocks(turn: Turn, ids: _CallIds, store: ReasoningStore, model: str) -> list[Json]:
    own = _own_thinking(turn)
    blocks = [*own, *_blocks(turn)]
    for n, call in enumerate(turn.calls):
        stored = [] if own else _stored_thinking(call, store, model)
        use: Json = {"type": "tool_use", "id": ids.clean(call.id), "name": call.name, "input": _input(call)}
        # The first call's thinking opened the message; later thinking stood between the calls.
        blocks = [*stored, *blocks, use] if n == 0 else [*blocks, *stored, use]
    return _with_message_cache(turn.message, blocks)


def _own_thinking(turn: Turn) -> list[Json]:
    """Signed thinking that the client kept, in our extension field or as content parts."""
    return [block for block in _given_thinking(turn) if _is_signed(block)]


def _given_thinking(turn: Turn) -> list[Json]:
    return as_objects(turn.message.get("thinking_blocks")) or [part for part in turn.parts if _is_thinking(part)]


def _stored_thinking(call: Call, store: ReasoningStore, model: str) -> list[Json]:
    stored = store.get(call.id) or {}
    if stored.get("model", model) != model:
        return []
    return [block for block in as_objects(stored.get("thinking_blocks")) if _is_signed(block)]


def _is_thinking(block: Json) -> bool:
    return block.get("type") in ("thinking", "redacted_thinking")


def _is_signed(block: Json) -> bool:
    return bool(as_text(block.get("signature")) if block.get("type") == "thinking" else as_text(block.get("data")))


def _input(call: Call) -> Json:
    """The call's arguments as an object; a history may hold ones that no JSON parser takes."""
    if call.kind == "custom":
        return {"input": call.arguments}
    if not call.arguments.strip():
        return {}
    try:
        value = decode(call.arguments)
    except ValueError:
        return {"invalid_json": call.arguments}
    return as_object(value) or ({"value": value} if not isinstance(value, dict) else {})


def _blocks(turn: Turn) -> list[Json]:
    parts = (part for part in turn.parts if not _is_thinking(part))
    blocks = (to_block(part, f"{turn.path}.content[{n}]") for n, part in enumerate(parts))
    # Anthropic refuses texts without a visible character.
    return [block for block in blocks if block["type"] != "text" or str(block["text"]).strip()]


def _with_message_cache(message: Json, blocks: list[Json]) -> list[Json]:
    mark = message.get("cache_control")
    if mark is None or not blocks:
        return blocks
    return [*blocks[:-1], {**blocks[-1], "cache_control": mark}]


def _results_first(blocks: Iterable[Json]) -> list[Json]:
    return sorted(blocks, key=lambda block: block["type"] != "tool_result")
