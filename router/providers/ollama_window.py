"""How large a context window an Ollama request gets: always said, since Ollama's default cuts prompts silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from router.providers.json_values import as_count, as_list, as_object, as_text, encode

if TYPE_CHECKING:
    from config.types import Json
    from router.providers.base import Target

_SMALLEST: Final = 8192
_LARGEST: Final = 32768
"""Bounds of a window that nobody configured; each other size loads the model anew, so it grows by doubling."""
_DEFAULT_OUTPUT_TOKENS: Final = 2048
_TOKENS_PER_MESSAGE: Final = 4
_TOKENS_PER_IMAGE: Final = 512
_ASCII_CHARS_PER_TOKEN: Final = 4
_TOKENS_PER_WIDE_CHAR: Final = 0.7
_MARGIN: Final = 1.25
"""How far the estimate may be short of the truth without the prompt being cut."""


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens the model may see (`num_ctx`), and about how many the prompt has."""

    num_ctx: int
    prompt_tokens: int

    @property
    def overflows(self) -> bool:
        """Whether the prompt alone surely does not fit."""
        return self.prompt_tokens > self.num_ctx


def choose_window(messages: list[Json], tools: list[Json], target: Target, *, max_tokens: int | None) -> Window:
    """Return the window for Ollama's `messages` and `tools`: as configured, or large enough for them."""
    prompt = _estimate(messages, tools)
    configured = as_count(target.options.get("num_ctx")) or as_count(target.context_window)
    if configured:
        return Window(configured, prompt)
    wanted = prompt * _MARGIN + (max_tokens or target.max_output_tokens or _DEFAULT_OUTPUT_TOKENS)
    num_ctx = _SMALLEST
    while num_ctx < wanted and num_ctx < _LARGEST:
        num_ctx *= 2
    return Window(num_ctx, prompt)


def _estimate(messages: list[Json], tools: list[Json]) -> int:
    tokens = float(len(messages) * _TOKENS_PER_MESSAGE)
    for message in messages:
        tokens += _count(as_text(message.get("content")) or "")
        tokens += _count(as_text(message.get("thinking")) or "")
        tokens += len(as_list(message.get("images"))) * _TOKENS_PER_IMAGE
        calls = as_list(message.get("tool_calls"))
        tokens += _count(encode(calls).decode()) if calls else 0
    declared = encode([as_object(tool) for tool in tools]).decode() if tools else ""
    return round(tokens + _count(declared))


def _count(text: str) -> float:
    wide = 0 if text.isascii() else sum(char > "\u2e7f" for char in text)
    return (len(text) - wide) / _ASCII_CHARS_PER_TOKEN + wide * _TOKENS_PER_WIDE_CHAR
