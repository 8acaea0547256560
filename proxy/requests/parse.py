"""Reads client requests, one function per door: checked where we read them, otherwise whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from proxy.requests.anthropic_body import check_counted_body, check_messages_body, to_chat
from proxy.requests.content import check_media_type
from proxy.requests.cursor import normalise
from proxy.requests.extract import (
    clean_id,
    conversation_id,
    dial,
    forwarded_headers,
    last_user_text,
    routing_rules,
    without_ours,
)
from proxy.requests.json_body import json_object
from proxy.requests.validate import check_chat, check_model, check_text, is_list, whole_number, wrong_type
from router.providers.base import ChatRequest
from router.providers.json_values import as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.types import Json
    from router.rules import Rule

AUTO: Final = "auto"
_ASKS: Final = ("message", "prompt")
_UNIFIED_ONLY: Final = frozenset({*_ASKS, "conversation_id", "system"})


@dataclass(frozen=True, slots=True)
class Parsed:
    """A client's request and what was found beside it."""

    request: ChatRequest
    model: str
    """The name the client sent."""
    last_user_text: str = ""
    """What is asked: the texts of the last user turn."""
    routing_rules: tuple[Rule, ...] = ()
    conversation_id: str | None = None
    dial: float | None = None
    """Between cost (0) and quality (1), where the request says."""
    warnings: tuple[str, ...] = ()
    """What the client sent and no chat request can say; it goes into `x-thalamus-warning`."""


def parse_chat(body: bytes, *, headers: Mapping[str, str], max_depth: int) -> Parsed:
    """Read a body for `/v1/chat/completions`, in any of the shapes that clients send there.

    Raises `InvalidRequestError` that names the field, `UnsupportedMediaTypeError` for forms.
    """
    check_media_type(headers)
    fields = json_object(body, max_depth=max_depth)
    found = normalise(fields)
    check_chat(found.body)
    # The original marks a body that was reshaped; whoever answers, custom calls then come back as functions.
    return _chat(found.body, headers, original=fields if found.reshaped else None, warnings=found.warnings)


def parse_unified(body: bytes, *, headers: Mapping[str, str], max_depth: int) -> Parsed:
    """Read a body for `/api/chat`: `message` (or `prompt`), or `messages`, or both; `model` is `auto` by default.

    Raises `InvalidRequestError` that names the field, `UnsupportedMediaTypeError` for forms.
    """
    check_media_type(headers)
    fields = json_object(body, max_depth=max_depth)
    chat: Json = {name: value for name, value in fields.items() if name not in _UNIFIED_ONLY}
    messages = _unified_messages(fields)
    chat = {**chat, "model": fields.get("model") or AUTO, "messages": messages}
    found = normalise(chat)
    check_chat(found.body)
    asked = [name for name in _ASKS if fields.get(name)]
    lost = [f"{name} dropped: {asked[0]} stands beside it" for name in asked[1:] if fields[name] != fields[asked[0]]]
    return _chat(found.body, headers, own_id=fields.get("conversation_id"), warnings=(*found.warnings, *lost))


def parse_route(body: bytes, *, headers: Mapping[str, str], max_depth: int) -> Parsed:
    """Read a body for `/route`: `prompt`, a text, and `model`, `auto` by default; its answer is never streamed.

    Raises `InvalidRequestError` that names the field, `UnsupportedMediaTypeError` for forms.
    """
    check_media_type(headers)
    fields = json_object(body, max_depth=max_depth)
    prompt = fields.get("prompt")
    if prompt is None:
        raise InvalidRequestError(
            "Missing required parameter: 'prompt'.", param="prompt", code="missing_required_parameter"
        )
    check_text(prompt, "prompt")
    if not str(prompt).strip():
        raise InvalidRequestError("'prompt' is empty.", param="prompt", code="invalid_value")
    if fields.get("stream"):
        raise InvalidRequestError("/route does not stream.", param="stream", code="unsupported_parameter")
    chat: Json = {name: value for name, value in fields.items() if name not in {"prompt", "stream", "messages"}}
    chat |= {"model": fields.get("model") or AUTO, "messages": [{"role": "user", "content": prompt}]}
    check_chat(chat)
    return _chat(chat, headers)


def parse_anthropic(body: bytes, *, headers: Mapping[str, str], max_depth: int) -> Parsed:
    """Read an Anthropic Messages body; it is kept whole beside its translation.

    Raises `InvalidRequestError` that names the field, `UnsupportedMediaTypeError` for forms.
    """
    check_media_type(headers)
    fields = json_object(body, max_depth=max_depth)
    check_messages_body(fields)
    original, warnings = without_ours(fields)
    chat = _translated(original)
    request = ChatRequest(
        chat,
        dialect="anthropic",
        original=original,
        stream=fields.get("stream") is True,
        headers=forwarded_headers(headers),
    )
    return Parsed(
        request,
        model=str(fields["model"]),
        last_user_text=last_user_text(chat),
        routing_rules=routing_rules(fields),
        conversation_id=conversation_id(fields, headers),
        dial=dial(fields, headers),
        warnings=warnings,
    )


def parse_counted(body: bytes, *, headers: Mapping[str, str], max_depth: int) -> Json:
    """Read an Anthropic body whose tokens are to be counted, and return its translation; no `max_tokens` is needed.

    Raises `InvalidRequestError` that names the field, `UnsupportedMediaTypeError` for forms.
    """
    check_media_type(headers)
    fields = json_object(body, max_depth=max_depth)
    check_counted_body(fields)
    return _translated(without_ours(fields)[0])


def parse_embeddings(body: bytes, *, headers: Mapping[str, str], max_depth: int) -> Parsed:
    """Read a body for `/v1/embeddings`: texts or token arrays.

    Raises `InvalidRequestError` that names the field, `UnsupportedMediaTypeError` for forms.
    """
    check_media_type(headers)
    fields = json_object(body, max_depth=max_depth)
    check_model(fields.get("model"))
    _check_input(fields.get("input"))
    for name, check in (("dimensions", whole_number(1)), ("user", check_text), ("encoding_format", check_text)):
        if fields.get(name) is not None:
            check(fields[name], name)
    sent, warnings = without_ours(fields)
    return Parsed(ChatRequest(sent, headers=forwarded_headers(headers)), model=str(fields["model"]), warnings=warnings)


def _translated(original: Json) -> Json:
    chat = to_chat(original)
    if not as_list(chat["messages"]):
        raise InvalidRequestError("messages: no content in them", param="messages", code="invalid_value")
    return chat


def _chat(
    body: Json,
    headers: Mapping[str, str],
    *,
    original: Json | None = None,
    own_id: object = None,
    warnings: tuple[str, ...] = (),
) -> Parsed:
    rules = routing_rules(body)
    sent, dropped = without_ours(body)
    options = as_object(sent.get("stream_options")) or {}
    request = ChatRequest(
        sent,
        original=original,
        stream=sent.get("stream") is True,
        include_usage=options.get("include_usage") is True,
        headers=forwarded_headers(headers),
    )
    return Parsed(
        request,
        model=str(sent["model"]),
        last_user_text=last_user_text(sent),
        routing_rules=rules,
        conversation_id=clean_id(own_id) or conversation_id(sent, headers),
        dial=dial(body, headers),
        warnings=(*warnings, *dropped),
    )


def _unified_messages(fields: Json) -> object:
    messages = fields.get("messages")
    if messages is not None and not isinstance(messages, list):
        return fields["messages"]  # the check of the chat body says what is wrong with it
    given: list[Json] = []
    system = fields.get("system")
    if system is not None:
        check_text(system, "system")
        given.append({"role": "system", "content": system})
    turns: list[object] = [*given, *as_list(fields.get("messages"))]
    asked = next((name for name in _ASKS if fields.get(name) is not None), None)
    if asked is not None:
        value = fields[asked]
        if not isinstance(value, str) and not is_list(value):
            raise wrong_type(value, asked, "a string or an array of content parts")
        if not value:
            raise InvalidRequestError(f"'{asked}' is empty.", param=asked, code="invalid_value")
        turns.append({"role": "user", "content": value})
    elif messages is None:
        raise InvalidRequestError(
            "Missing required parameter: 'message'.", param="message", code="missing_required_parameter"
        )
    return turns


def _check_input(value: object) -> None:
    if value is None:
        raise InvalidRequestError(
            "Missing required parameter: 'input'.", param="input", code="missing_required_parameter"
        )
    if not isinstance(value, str) and not is_list(value):
        raise wrong_type(value, "input", "a string or an array")
    if not value:
        raise InvalidRequestError("'input' is empty.", param="input", code="invalid_value")
    for n, item in enumerate(as_list(value)):
        if item in ("", []) or not _is_text_or_tokens(item):
            raise wrong_type(item, f"input[{n}]", "a text or an array of tokens that is not empty")


def _is_text_or_tokens(item: object) -> bool:
    tokens = as_list(item) if is_list(item) else [item]
    return isinstance(item, str) or all(isinstance(each, int) and not isinstance(each, bool) for each in tokens)
