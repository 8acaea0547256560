"""What may be known of a request before a model is chosen, its texts bounded. Read for the choice, never stored."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from config.intents import NONE
from config.tokens import estimate_messages
from retrieval.segment import language_of
from router.choosing.values import Question
from router.providers.json_values import as_object, as_objects

if TYPE_CHECKING:
    from config.types import Intent, Json
    from proxy.exchange import Exchange

INLINE_BYTES: Final = 20_000
"""Bodies up to this size are counted on the loop; larger ones in a thread."""
MAX_TEXT_CHARS: Final = 16_000
"""What is read of a long turn for the choice: so much of its beginning and of its end."""
MAX_LANGUAGE_CHARS: Final = 2_000
"""The end of the last user turn is enough to tell its language."""
TOOL_LOOP: Final = "tool_loop"
_IMAGES: Final = frozenset({"image_url", "input_image", "image"})


async def question_of(exchange: Exchange) -> Question:
    """Return what may be known of the request, its texts bounded."""
    parsed, features, intent = exchange.known(), exchange.features, exchange.intent
    body = parsed.request.body
    if exchange.n_body_bytes <= INLINE_BYTES:
        n_tokens = _count(body)
    else:
        n_tokens = await asyncio.to_thread(_count, body)
    domain = exchange.learned.get("domain") or (features.domain if features is not None else None)
    complexity = exchange.learned.get("complexity") or (features.complexity if features is not None else 1)
    messages = as_objects(body.get("messages"))
    loops = bool(messages) and messages[-1].get("role") in {"tool", "function"}
    return Question(
        text=_bounded(parsed.last_user_text),
        language=features.language
        if features is not None
        else language_of(parsed.last_user_text[-MAX_LANGUAGE_CHARS:]),
        domain=domain if isinstance(domain, str) else "",
        intents=_intents(intent),
        complexity=complexity if isinstance(complexity, int) else 1,
        n_tokens=n_tokens,
        has_code=features is not None and features.has_code,
        has_tools=bool(body.get("tools") or body.get("functions")),
        has_images=any(_has_image(each) for each in messages),
        wants_json=(as_object(body.get("response_format")) or {}).get("type") == "json_schema",
        task_state=features.task_state if features is not None else TOOL_LOOP if loops else "",
        caller=exchange.key_prefix,
    )


def _intents(intent: Intent | None) -> tuple[str, ...]:
    """Return what is asked for. `none` of the intents is nothing: what all such requests are about is their domain."""
    return () if intent is None or intent.abstained else tuple(each for each in intent.labels if each != NONE)


def _count(body: Json) -> int:
    return estimate_messages(as_objects(body.get("messages")), tools=body.get("tools"))


def _has_image(message: Json) -> bool:
    return any(part.get("type") in _IMAGES for part in as_objects(message.get("content")))


def _bounded(text: str) -> str:
    return text if len(text) <= 2 * MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]}\n{text[-MAX_TEXT_CHARS:]}"
