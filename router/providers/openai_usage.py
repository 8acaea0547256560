"""Token counts in every spelling that OpenAI-compatible upstreams have for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.types import Usage
from router.providers.json_values import MAX_COUNT, as_count, as_number, as_object, as_objects

if TYPE_CHECKING:
    from config.types import Json


def find_usage(obj: Json) -> Json | None:
    """Return the usage of a chunk or answer: its own, Groq's `x_groq.usage`, or Moonshot's `choices[].usage`.

    One that tells more tokens than any answer has is none: who books the answer counts it instead.
    """
    own = as_object(obj.get("usage"))
    if own:
        return own if _is_believable(own) else None
    groq = as_object(obj.get("x_groq"))
    if groq is not None and (found := as_object(groq.get("usage"))):
        return found if _is_believable(found) else None
    found = next((found for each in as_objects(obj.get("choices")) if (found := as_object(each.get("usage")))), None)
    return found if found and _is_believable(found) else None


def _is_believable(raw: Json) -> bool:
    return all(not isinstance(each, int | float) or each <= MAX_COUNT for each in raw.values())


def read_usage(raw: Json) -> Usage:
    """Return the counts; `raw` is kept whole.

    Cached tokens are `prompt_tokens_details.cached_tokens` at OpenAI, `prompt_cache_hit_tokens` at DeepSeek and
    `cached_tokens` at Moonshot; they are a part of the prompt's. xAI and Gemini leave reasoning out of
    `completion_tokens` and count it in `total_tokens`; it is billed, so the larger number is taken. Cached and
    reasoning tokens that are told in no spelling stay unknown.
    """
    before = as_object(raw.get("prompt_tokens_details")) or as_object(raw.get("input_tokens_details")) or {}
    after = as_object(raw.get("completion_tokens_details")) or as_object(raw.get("output_tokens_details")) or {}
    n_input = _first(raw, "prompt_tokens", "input_tokens")
    n_output = _first(raw, "completion_tokens", "output_tokens")
    n_output = max(n_output, as_count(raw.get("total_tokens")) - n_input)
    cached = _told(
        (before, "cached_tokens"),
        (raw, "prompt_cache_hit_tokens"),
        (raw, "cached_tokens"),
        (raw, "cache_read_input_tokens"),
    )
    reasoned = _told((after, "reasoning_tokens"), (raw, "reasoning_tokens"))
    written = _first(before, "cache_write_tokens", "cache_creation_tokens") or _first(
        raw, "cache_creation_input_tokens"
    )
    return Usage(
        input_tokens=n_input,
        output_tokens=n_output,
        cached_tokens=None if cached is None else min(cached, n_input),
        cache_write_tokens=min(written, n_input),
        reasoning_tokens=None if reasoned is None else min(reasoned, n_output),
        raw=raw,
    )


def _told(*places: tuple[Json, str]) -> int | None:
    numbers = [as_count(obj[name]) for obj, name in places if as_number(obj.get(name)) is not None]
    return next((number for number in numbers if number), 0) if numbers else None


def _first(obj: Json, *names: str) -> int:
    return next((count for name in names if (count := as_count(obj.get(name)))), 0)
