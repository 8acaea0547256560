"""Checks the types of the fields that are read here; ranges that differ between providers are theirs to judge.

Unknown fields are never looked at. Every error names its field as OpenAI does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeGuard

from config.errors import InvalidRequestError
from router.providers.json_values import as_list, as_object, as_objects

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.types import Json

    Check = Callable[[object, str], None]

MAX_MODEL_CHARS: Final = 256
MAX_STOPS: Final = 16
"""OpenAI takes 4 and DeepSeek 16; what lies between is for the upstream to say."""
MAX_N: Final = 128
MAX_TOP_LOGPROBS: Final = 20
MAX_MESSAGES: Final = 100_000
_ROLES: Final = frozenset({"user", "assistant", "system", "tool", "developer", "function"})
_MAY_BE_SILENT: Final = frozenset({"assistant", "tool", "function"})
"""Roles whose `content` may be missing: calls and refusals stand elsewhere, and tools may return nothing."""
_SPEAKS: Final = frozenset({"tool_calls", "function_call", "refusal", "audio", "reasoning_content", "thinking_blocks"})
"""Fields by which an assistant's message without content says something all the same."""
_NAMES: Final[dict[type[object], str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def check_chat(body: Json) -> None:
    """Raise `InvalidRequestError` for the first field of a Chat Completions body that has a wrong type."""
    check_model(body.get("model"))
    check_messages(body.get("messages"))
    for n, item in enumerate(as_list(body["messages"])):
        _check_turn(as_object(item) or {}, f"messages[{n}]")
    for name, value in body.items():
        check = CHAT_FIELDS.get(name)
        if check is not None and value is not None:
            check(value, name)


def check_model(value: object) -> None:
    """Raise `InvalidRequestError` unless `value` is a model's name: printable and not too long."""
    if value is None:
        raise InvalidRequestError(
            "Missing required parameter: 'model'.", param="model", code="missing_required_parameter"
        )
    check_text(value, "model")
    name = str(value)
    if not name.strip() or len(name) > MAX_MODEL_CHARS or not name.isprintable():
        raise InvalidRequestError(
            f"Invalid value for 'model': expected 1 to {MAX_MODEL_CHARS} printable characters.",
            param="model",
            code="invalid_value",
        )


def check_messages(value: object) -> None:
    """Raise `InvalidRequestError` unless `value` is a conversation of at least one message."""
    if value is None:
        raise InvalidRequestError(
            "Missing required parameter: 'messages'.", param="messages", code="missing_required_parameter"
        )
    if not is_list(value):
        raise wrong_type(value, "messages", "an array of messages")
    if not value:
        raise InvalidRequestError("[] is too short - 'messages'", param="messages", code="empty_array")
    if len(value) > MAX_MESSAGES:
        raise InvalidRequestError(f"'messages' holds more than {MAX_MESSAGES} messages.", param="messages")
    for n, item in enumerate(value):
        message = as_object(item)
        if message is None:
            raise wrong_type(item, f"messages[{n}]", "an object")
        _check_message(message, f"messages[{n}]")


def check_text(value: object, name: str) -> None:
    """Raise `InvalidRequestError` unless `value` is a string."""
    if not isinstance(value, str):
        raise wrong_type(value, name, "a string")


def check_truth(value: object, name: str) -> None:
    """Raise `InvalidRequestError` unless `value` is a boolean."""
    if not isinstance(value, bool):
        raise wrong_type(value, name, "a boolean")


def check_object(value: object, name: str) -> None:
    """Raise `InvalidRequestError` unless `value` is an object."""
    if not isinstance(value, dict):
        raise wrong_type(value, name, "an object")


def check_objects(value: object, name: str) -> None:
    """Raise `InvalidRequestError` unless `value` is an array of objects."""
    if not is_list(value):
        raise wrong_type(value, name, "an array of objects")
    for n, item in enumerate(value):
        check_object(item, f"{name}[{n}]")


def check_number(value: object, name: str) -> None:
    """Raise `InvalidRequestError` unless `value` is a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(value, name, "a number")


def whole_number(least: int, most: int | None = None) -> Check:
    """Return a check for whole numbers from `least` to `most`."""

    def check(value: object, name: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(value, name, "an integer")
        if value < least:
            word, code, border = ">=", "integer_below_min_value", least
        elif most is not None and value > most:
            word, code, border = "<=", "integer_above_max_value", most
        else:
            return
        raise InvalidRequestError(
            f"Invalid '{name}': integer out of range. Expected a value {word} {border}.", param=name, code=code
        )

    return check


def wrong_type(value: object, name: str, expected: str) -> InvalidRequestError:
    """Return the error of a field that has a wrong type."""
    got = _NAMES.get(type(value), "another type")
    return InvalidRequestError(
        f"Invalid type for '{name}': expected {expected}, but got {got} instead.", param=name, code="invalid_type"
    )


def _check_message(message: Json, path: str) -> None:
    role = message.get("role")
    if not isinstance(role, str):
        raise wrong_type(role, f"{path}.role", "a string")
    if role not in _ROLES:
        shown = role[:40] if role.isprintable() else "?"
        expected = ", ".join(f"'{name}'" for name in sorted(_ROLES))
        raise InvalidRequestError(
            f"Invalid value: '{shown}'. Supported values are: {expected}.", param=f"{path}.role", code="invalid_value"
        )
    content = message.get("content")
    if not isinstance(content, str):
        _check_content(content, f"{path}.content", optional=role in _MAY_BE_SILENT)
    if message.get("tool_calls") is not None:
        check_objects(message["tool_calls"], f"{path}.tool_calls")
    if message.get("tool_call_id") is not None:
        check_text(message["tool_call_id"], f"{path}.tool_call_id")


def _check_turn(message: Json, path: str) -> None:
    """What only Chat Completions asks of a message: an assistant's says something, and its calls have names."""
    calls = as_objects(message.get("tool_calls"))
    if message.get("role") == "assistant" and message.get("content") == [] and not _SPEAKS & message.keys():
        raise _empty(f"{path}.content")
    for n, call in enumerate(calls):
        kind = call.get("type") or "function"
        if kind not in ("function", "custom"):
            continue
        inner = as_object(call.get(str(kind))) or call
        where = f"{path}.tool_calls[{n}].{kind}.name"
        if inner.get("name") is None:
            raise InvalidRequestError(
                f"Missing required parameter: '{where}'.", param=where, code="missing_required_parameter"
            )
        check_text(inner["name"], where)
        if not inner["name"]:
            reason = f"Invalid '{where}': empty string. Expected a string with minimum length 1."
            raise InvalidRequestError(reason, param=where, code="empty_string")


def _empty(path: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Invalid '{path}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        param=path,
        code="empty_array",
    )


def _check_content(content: object, path: str, *, optional: bool) -> None:
    if content is None and optional:
        return
    if not is_list(content):
        raise wrong_type(content, path, "a string or an array of content parts")
    if not content and not optional:
        raise _empty(path)
    for n, item in enumerate(content):
        part = as_object(item)
        if part is None:
            if isinstance(item, str):
                continue
            raise wrong_type(item, f"{path}[{n}]", "an object")
        check_text(part.get("type"), f"{path}[{n}].type")
        if part["type"] == "text":
            check_text(part.get("text"), f"{path}[{n}].text")


def _check_stop(value: object, name: str) -> None:
    if isinstance(value, str):
        return
    if not is_list(value):
        raise wrong_type(value, name, "a string or an array of strings")
    if len(value) > MAX_STOPS:
        raise InvalidRequestError(
            f"Invalid '{name}': array too long. Expected an array with maximum length {MAX_STOPS}, but got an array "
            f"with length {len(value)} instead.",
            param=name,
            code="array_above_max_length",
        )
    for n, item in enumerate(value):
        check_text(item, f"{name}[{n}]")


def _check_stream_options(value: object, name: str) -> None:
    check_object(value, name)
    include = (as_object(value) or {}).get("include_usage")
    if include is not None:
        check_truth(include, f"{name}.include_usage")


def _check_choice(value: object, name: str) -> None:
    if not isinstance(value, str | dict):
        raise wrong_type(value, name, "a string or an object")


def _check_array(value: object, name: str) -> None:
    if not is_list(value):
        raise wrong_type(value, name, "an array")


def is_list(value: object) -> TypeGuard[list[object]]:
    """Return whether `value` is a JSON array."""
    return isinstance(value, list)


CHAT_FIELDS: Final[dict[str, Check]] = {
    "frequency_penalty": check_number,
    "function_call": _check_choice,
    "functions": check_objects,
    "logit_bias": check_object,
    "logprobs": check_truth,
    "max_completion_tokens": whole_number(1),
    "max_tokens": whole_number(1),
    "metadata": check_object,
    "modalities": _check_array,
    "n": whole_number(1, MAX_N),
    "parallel_tool_calls": check_truth,
    "presence_penalty": check_number,
    "prompt_cache_key": check_text,
    "reasoning_effort": check_text,
    "response_format": check_object,
    "safety_identifier": check_text,
    "seed": whole_number(-(2**63), 2**64 - 1),
    "service_tier": check_text,
    "stop": _check_stop,
    "store": check_truth,
    "stream": check_truth,
    "stream_options": _check_stream_options,
    "temperature": check_number,
    "tool_choice": _check_choice,
    "tools": check_objects,
    "top_logprobs": whole_number(0, MAX_TOP_LOGPROBS),
    "top_p": check_number,
    "user": check_text,
    "verbosity": check_text,
}
"""Checks of the optional fields; `null` always means absent."""
