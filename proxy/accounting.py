"""Closes the account of an attempt: counts tokens where the upstream did not, and prices them, off the loop."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from config.prices import cost_of
from config.tokens import estimate_messages, estimate_tokens
from config.types import Json, Usage

if TYPE_CHECKING:
    from proxy.exchange import Exchange
    from router.attempt import Attempt

INLINE_CHARS = 20_000
"""Texts up to this size are counted on the loop (well under a millisecond); larger ones in a thread."""


async def settle(exchange: Exchange, attempt: Attempt) -> None:
    """Fill in the attempt's usage, marked `estimated` where it was counted here, and its cost."""
    reported = attempt.usage
    if reported is None and (attempt.texts or attempt.committed):
        attempt.usage = await _estimate(exchange, attempt)
    elif reported is not None and attempt.finish_reason is None and attempt.texts:
        # Anthropic reports one output token at the start and the rest only at the end that never came.
        counted = await _estimate(exchange, attempt)
        n_output = max(reported.output_tokens, counted.output_tokens)
        attempt.usage = replace(reported, output_tokens=n_output, source="estimated")
    price(attempt)


def price(attempt: Attempt) -> None:
    """Fill in what the attempt's tokens cost, where any are known; one that told none stays without a cost."""
    if attempt.usage is None:
        return
    target = attempt.candidate.target
    attempt.cost = cost_of(
        attempt.usage,
        provider=target.provider,
        upstream_model=target.upstream_model,
        overrides=attempt.candidate.pricing,
    )


async def _estimate(exchange: Exchange, attempt: Attempt) -> Usage:
    body = exchange.parsed.request.body if exchange.parsed else {}
    n_prompt_bytes = exchange.n_body_bytes
    if n_prompt_bytes + attempt.n_chars <= INLINE_CHARS:
        return _count(body, attempt.texts, attempt.n_chars)
    return await asyncio.to_thread(_count, body, attempt.texts, attempt.n_chars)


def _count(body: Json, texts: list[str], n_chars: int) -> Usage:
    kept = "".join(texts)
    n_output = estimate_tokens(kept)
    if kept and len(kept) < n_chars:  # beyond what is kept, the same density is assumed
        n_output = round(n_output * n_chars / len(kept))
    messages = body.get("messages")
    n_input = 0
    if isinstance(messages, list):
        tools = body.get("tools")
        n_input = estimate_messages(
            cast("list[Json]", messages), tools=cast("list[Json]", tools) if isinstance(tools, list) else None
        )
    return Usage(input_tokens=n_input, output_tokens=n_output, source="estimated")
