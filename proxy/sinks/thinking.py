"""Signed thinking, piece by piece, as the whole blocks that a client must send back verbatim."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.types import Json
    from router.events import ReasoningDelta


class ThinkingBlocks:
    """Gathers one choice's reasoning; unsigned thinking makes no block, since nobody needs it back."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._signatures: list[str] = []

    def feed(self, event: ReasoningDelta) -> list[Json]:
        """Return the blocks that this event shows to be whole."""
        whole: list[Json] = []
        if event.redacted or (event.text and self._signatures):
            whole += self.close()
        if event.redacted:
            whole.append({"type": "redacted_thinking", "data": event.redacted})
        if event.text:
            self._texts.append(event.text)
        if event.signature:
            self._signatures.append(event.signature)
        return whole

    def close(self) -> list[Json]:
        """Return the block under way if it is signed, and forget it; call it when something else begins."""
        if not self._texts and not self._signatures:
            return []
        text, signature = "".join(self._texts), "".join(self._signatures)
        self._texts, self._signatures = [], []
        return [{"type": "thinking", "thinking": text, "signature": signature}] if signature else []
