"""The tokens of one request against its key's limit: reserved by what it asks for, settled with what it used.

The counts are `limits.py`'s.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from config.tokens import estimate_messages, estimate_tokens

if TYPE_CHECKING:
    from config.types import Json
    from proxy.exchange import Exchange

UNSAID_OUTPUT_TOKENS: Final = 1_000
"""What is reserved for an answer whose length the client did not bound."""
INLINE_BYTES: Final = 20_000
"""Bodies up to this size are counted on the loop (well under a millisecond); larger ones in a thread."""


async def reserve_tokens(exchange: Exchange) -> None:
    """Reserve what the parsed request is expected to use. Raises `RateLimitError`."""
    lease = exchange.lease
    if lease is None or not lease.counts_tokens:
        return
    body = exchange.known().request.body
    if exchange.n_body_bytes <= INLINE_BYTES:
        expected = expected_tokens(body)
    else:
        expected = await asyncio.to_thread(expected_tokens, body)
    lease.reserve_tokens(*expected)


def settle_tokens(exchange: Exchange) -> None:
    """Settle with the usage of all attempts; who was refused has used nothing."""
    if exchange.lease is not None:
        used = [attempt.usage for attempt in exchange.log.attempts if attempt.usage is not None]
        exchange.lease.settle(sum(each.input_tokens + each.output_tokens for each in used))


def expected_tokens(body: Json) -> tuple[int, int]:
    """Return about how many input tokens a chat or embeddings body has, and how many output tokens it allows."""
    if "messages" not in body:
        return _count_input(body.get("input")), 0
    n_input = estimate_messages(cast("list[Json]", body["messages"]), tools=body.get("tools"))
    said = body.get("max_completion_tokens") or body.get("max_tokens")
    n_choices = body.get("n")
    n_output = said if isinstance(said, int) else UNSAID_OUTPUT_TOKENS
    return n_input, n_output * (n_choices if isinstance(n_choices, int) else 1)


def _count_input(value: object) -> int:
    """Count an embeddings input: a text, texts, tokens, or lists of tokens."""
    if isinstance(value, str):
        return estimate_tokens(value)
    if isinstance(value, list):
        return sum(map(_count_input, cast("list[object]", value)))
    return 1
