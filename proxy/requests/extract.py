"""What is read out of a request beside the request itself: the question, the conversation, the client's own rules."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from router.choosing.dial import parse_dial
from router.providers.json_values import as_list, as_object, as_text
from router.rules import Rule, parse_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.types import Json

CONVERSATION_HEADERS: Final = ("x-thalamus-conversation-id", "x-claude-code-session-id")
_METADATA_KEYS: Final = ("conversation_id", "cursorConversationId")
_MAX_ID_CHARS: Final = 128
_TEXT_TYPES: Final = frozenset({"text", "input_text"})
DIAL_HEADER: Final = "x-thalamus-dial"
DIAL_FIELD: Final = "routing_dial"
OURS: Final = frozenset({"routing_rules", DIAL_FIELD})
"""Fields of ours in a chat body; upstreams would refuse them."""
NEVER_SENT: Final = frozenset({
    "api_base", "api_key", "api_type", "api_version", "auth_token", "aws_access_key_id", "aws_bedrock_runtime_endpoint",
    "aws_secret_access_key", "aws_session_token", "azure_ad_token", "azure_deployment", "azure_endpoint", "base_url",
    "custom_llm_provider", "default_headers", "default_query", "endpoint_url", "extra_body", "extra_headers",
    "extra_query", "headers", "http_client", "litellm_params", "model_list", "organization", "organization_id",
    "project", "proxies", "proxy", "resource_name", "ssl_verify", "user_config", "vertex_credentials",
    "vertex_location", "vertex_project", "webhook_url",
})  # fmt: skip
"""Fields that SDKs keep to themselves and some gateways obey, however spelled: see `_plain_name`.

Where a request goes, with which key and on whose account, is never the client's to say.
"""
_STEERING: Final = frozenset(name.replace("_", "") for name in NEVER_SENT)
FORWARDED_HEADERS: Final = ("anthropic-beta", "anthropic-version", "openai-beta")


def last_user_text(body: Json) -> str:
    """Return the texts of the last user message of a Chat Completions body, `""` where there is none."""
    for item in reversed(as_list(body.get("messages"))):
        message = as_object(item)
        if message is None or message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return content
        return "\n".join(_texts(as_list(content)))
    return ""


def conversation_id(body: Json, headers: Mapping[str, str]) -> str | None:
    """Return what ties the turns of a conversation together: our header, metadata, or the session of Claude Code.

    `prompt_cache_key` does not: all requests of an application may share one. Long ids are hashed; what is no printable
    text is not taken for an id.
    """
    metadata = as_object(body.get("metadata")) or {}
    given = (
        headers.get(CONVERSATION_HEADERS[0]),
        *(metadata.get(key) for key in _METADATA_KEYS),
        headers.get(CONVERSATION_HEADERS[1]),
    )
    return next((clean for value in given if (clean := clean_id(value)) is not None), None)


def clean_id(value: object) -> str | None:
    """Return an id that every database can hold, `None` where `value` is none."""
    text = (as_text(value) or "").strip()
    if not text or not text.isprintable():
        return None
    return text if len(text) <= _MAX_ID_CHARS else hashlib.sha256(text.encode()).hexdigest()


def routing_rules(body: Json) -> tuple[Rule, ...]:
    """Return the request's own rules. Raises `InvalidRequestError` that names what is wrong in them."""
    return parse_rules(body.get("routing_rules"))


def dial(body: Json, headers: Mapping[str, str]) -> float | None:
    """Return the dial between cost and quality that a request asks for, its header before its field.

    Raises `InvalidRequestError` that names what is wrong.
    """
    found = parse_dial(headers.get(DIAL_HEADER), param=DIAL_HEADER)
    in_body = parse_dial(body.get(DIAL_FIELD), param=DIAL_FIELD)
    return in_body if found is None else found


def without_ours(body: Json, more: frozenset[str] = frozenset()) -> tuple[Json, tuple[str, ...]]:
    """Return the body as it may go upstream, and a warning for each field that a client may have relied on."""
    steering = frozenset(name for name in body if _plain_name(name) in _STEERING)
    gone = ((OURS | more) & body.keys()) | steering
    if not gone:
        return body, ()
    warnings = tuple(f"{name} dropped: the gateway's settings say where a request goes" for name in sorted(steering))
    return {name: value for name, value in body.items() if name not in gone}, warnings


def forwarded_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the client's headers that a provider may send on."""
    return {name: value for name in FORWARDED_HEADERS if (value := headers.get(name)) is not None}


def _plain_name(name: str) -> str:
    """Return a field's name without case and joints: `apiBase`, `api-base` and `API_BASE` mean the same."""
    return name.lower().replace("_", "").replace("-", "")


def _texts(parts: list[object]) -> list[str]:
    texts: list[str] = []
    for item in parts:
        part = as_object(item)
        text = item if part is None else part.get("text") if part.get("type") in _TEXT_TYPES else None
        if isinstance(text, str):
            texts.append(text)
    return texts
