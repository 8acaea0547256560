"""Token counts as OpenAI's `usage` object."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.types import Json, Usage


def usage_object(usage: Usage) -> Json:
    """Return the `usage` object: the upstream's own where it speaks OpenAI, else ours; `estimated` says we counted.

    A detail that the upstream did not tell is left out: nought would be a claim.
    """
    raw = usage.raw
    if raw is not None and "prompt_tokens" in raw and "total_tokens" in raw:
        return raw
    counts: Json = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_tokens is not None:
        counts["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens is not None:
        counts["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return {**counts, "estimated": True} if usage.source == "estimated" else counts
