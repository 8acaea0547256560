"""Counts tokens without a tokenizer: fast, the same for every model, and about right in Chinese and English.

Used where the upstream reports no usage, and for budgets; what it counts is marked `estimated`. Fitted to o200k_base
(GPT-4o and later) in November 2026. Against that tokenizer, on 2,144 texts, the median and the 90th percentile of a
single text's error are: English prose and questions 4 % and 17 %, Chinese (half encyclopedia, a third of it
traditional) 12 % and 24 %, Python 3 % and 8 %, JSON 4 % and 10 %. Sums are within 4 %, except for Chinese: chat 6 % too
many, encyclopedia 7 % too few, traditional script 16 % too few. Older tokenizers (cl100k_base, early Claude) take
1.5 to 1.7 times as many tokens for Chinese, the same for the rest.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PER_LETTER = 0.073
_PER_WORD = 0.725
_PER_DIGIT = 1.15
_PER_SIGN = 0.62
_PER_WIDE_CHAR = 0.78
_PER_EXTRA_SPACE = 0.2
_MOST_ASCII_CHARS_PER_TOKEN = 8.0
"""Longer words are rare in prose and frequent in data that merges badly."""

TOKENS_PER_MESSAGE = 4
TOKENS_BEFORE_ANSWER = 3
TOKENS_PER_IMAGE = 800
"""About what a picture of a megapixel costs; the providers differ by a factor of three."""
TOKENS_PER_SMALL_IMAGE = 85
TOKENS_PER_OTHER_PART = 500

_NOT_ASCII = bytes(range(128, 256))
_LETTERS = string.ascii_letters.encode()
_DIGITS = string.digits.encode()
_SPACES = b" \t\r\n\v\f"


def estimate_tokens(text: str) -> int:
    """Return about how many tokens the text has: 0 for an empty one, else at least 1. Takes about 8 ms a megabyte."""
    if not text:
        return 0
    ascii_part = text.encode("utf-8", "replace").translate(None, _NOT_ASCII)
    n_ascii = len(ascii_part)
    n_letters = n_ascii - len(ascii_part.translate(None, _LETTERS))
    n_digits = n_ascii - len(ascii_part.translate(None, _DIGITS))
    n_spaces = n_ascii - len(ascii_part.translate(None, _SPACES))
    n_words = len(ascii_part.split())
    tokens = (
        _PER_LETTER * n_letters
        + _PER_WORD * n_words
        + _PER_DIGIT * n_digits
        + _PER_SIGN * (n_ascii - n_letters - n_digits - n_spaces)
        + _PER_EXTRA_SPACE * max(0, n_spaces - n_words)
    )
    tokens = max(tokens, n_ascii / _MOST_ASCII_CHARS_PER_TOKEN) + _PER_WIDE_CHAR * (len(text) - n_ascii)
    return max(1, round(tokens))


def estimate_messages(messages: Iterable[Mapping[str, object]], *, tools: object = None) -> int:
    """Return about how many input tokens OpenAI chat messages have, with what the format adds to each.

    Pictures count a flat number by their detail, other attachments too: they are never read. `tools` is the request's
    list of tools; their schemas are counted as JSON.
    """
    total = TOKENS_BEFORE_ANSWER
    for message in messages:
        total += TOKENS_PER_MESSAGE
        for name in ("content", "reasoning_content", "refusal", "name", "tool_calls", "function_call"):
            total += _count(message.get(name))
    return total + _count(tools)


def _count(value: object) -> int:
    """Count the texts of a decoded JSON value; attachments by their kind."""
    if isinstance(value, str):
        return estimate_tokens(value)
    if isinstance(value, list):
        return sum(_count(item) for item in cast("list[object]", value))
    if not isinstance(value, dict):
        return 0 if value is None else 1
    part = cast("dict[str, object]", value)
    kind = part.get("type")
    if kind in {"image_url", "input_image", "image"}:
        return _image(part.get("image_url"), part)
    if kind in {"input_audio", "file", "input_file", "audio", "video_url"}:
        return TOKENS_PER_OTHER_PART
    return sum(_count(item) + (estimate_tokens(name) if name not in {"type", "text"} else 0)
               for name, item in part.items() if name != "type")  # fmt: skip


def _image(inner: object, part: Mapping[str, object]) -> int:
    detail = cast("dict[str, object]", inner).get("detail") if isinstance(inner, dict) else part.get("detail")
    return TOKENS_PER_SMALL_IMAGE if detail == "low" else TOKENS_PER_IMAGE
