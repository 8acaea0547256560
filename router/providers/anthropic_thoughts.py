"""Thinking blocks of an answer, gathered for replay: Anthropic wants them back verbatim with the calls they led to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from config.types import Json

_MAX_CHARS: Final = 1024 * 1024
"""Longer thinking is relayed but not kept: a part of it would be refused."""


@dataclass(slots=True)
class _Block:
    pieces: list[str] = field(default_factory=list[str])
    signatures: list[str] = field(default_factory=list[str])
    redacted: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def to_json(self) -> Json:
        if self.redacted is not None:
            return {"type": "redacted_thinking", "data": self.redacted}
        return {"type": "thinking", "thinking": self.text, "signature": "".join(self.signatures)}


class Thoughts:
    """The blocks since the last tool call."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._n_chars = 0

    def open(self) -> None:
        """Begin a block."""
        self._blocks.append(_Block())

    def add_text(self, text: str) -> None:
        """Extend the open block's text."""
        self._n_chars += len(text)
        if self._blocks and self._n_chars <= _MAX_CHARS:
            self._blocks[-1].pieces.append(text)

    def add_signature(self, signature: str) -> None:
        """Extend the open block's signature."""
        self._n_chars += len(signature)
        if self._blocks and self._n_chars <= _MAX_CHARS:
            self._blocks[-1].signatures.append(signature)

    def add_redacted(self, data: str) -> None:
        """Add an encrypted block."""
        self._n_chars += len(data)
        if self._n_chars <= _MAX_CHARS:
            self._blocks.append(_Block(redacted=data))

    def take(self) -> Json | None:
        """Return what the reasoning store keeps with the next call, and forget it; `None` for nothing."""
        blocks, whole = self._blocks, self._n_chars <= _MAX_CHARS
        self._blocks, self._n_chars = [], 0
        if not blocks or not whole:
            return None
        return {
            "reasoning_content": "".join(block.text for block in blocks),
            "thinking_blocks": [block.to_json() for block in blocks],
        }
