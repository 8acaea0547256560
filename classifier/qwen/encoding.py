r"""Text to token ids, the same in training and serving: `用户: …\n助手:` around the prompt, its end cut where too long.

The template's last token is never padding, whatever the prompt says: words that look like special tokens are read as
plain text. Only the `tokenizers` library is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifier.qwen.libraries import library
from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BEFORE, AFTER = "用户: ", "\n助手:"
MAX_CHARS = 4096
"""What stands behind this many characters is not read: a megabyte must not take a second to split into tokens."""
_PADDING_WORDS = ("<|endoftext|>", "<pad>", "[PAD]")
_MEND = "take it, undamaged, from the model it belongs to"


class Encoder:
    """Splits prompts into token ids; `tokenizer` is one of the `tokenizers` library."""

    def __init__(self, tokenizer: Any, *, max_tokens: int) -> None:
        tokenizer.encode_special_tokens = True  # text is text: nobody ends a turn from inside a prompt
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._before, self._after = self.plain(BEFORE), self.plain(AFTER)
        self._room = max_tokens - len(self._before) - len(self._after)
        if self._room < 1:
            raise ValueError(f"max_tokens must be more than the {max_tokens - self._room} tokens of the template")

    def encode(self, text: str) -> list[int]:
        """Return the ids of one prompt in its template, at most `max_tokens`."""
        return [*self._before, *self.plain(text[:MAX_CHARS])[: self._room], *self._after]

    def plain(self, text: str) -> list[int]:
        """Return the ids of a text alone."""
        whole = text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text to the library
        ids: list[int] = self._tokenizer.encode(whole, add_special_tokens=False).ids
        return ids

    def text_of(self, ids: Sequence[int]) -> str:
        """Return the text of ids, without special tokens."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text

    def id_of(self, token: str) -> int | None:
        """Return the id of a special token, `None` where there is none."""
        number: int | None = self._tokenizer.token_to_id(token)
        return number

    def padding_id(self, configured: int | None) -> int:
        """Return the id to pad with: the model's own, else a known padding token's. Raises `ValueError` without one."""
        known = (configured, *map(self.id_of, _PADDING_WORDS))
        found = next((each for each in known if each is not None), None)
        if found is None:
            raise ValueError(
                f"the model names no pad_token_id and its tokenizer has none of {', '.join(_PADDING_WORDS)}"
            )
        return found


def load_encoder(path: Path, *, max_tokens: int) -> Encoder:
    """Return the encoder of a `tokenizer.json`. Raises `ArtefactError` and `MissingLibraryError`."""
    if not path.is_file():
        raise ArtefactError("the tokenizer is missing", file=str(path), mend=_MEND)
    tokenizers = library("tokenizers")
    try:  # from its bytes: from a path the library raises a bare `Exception`
        tokenizer = tokenizers.Tokenizer.from_buffer(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ArtefactError("the tokenizer cannot be read", file=str(path), mend=_MEND) from error
    return Encoder(tokenizer, max_tokens=max_tokens)


def padded(batch: Sequence[Sequence[int]], pad_token_id: int) -> tuple[list[list[int]], list[list[int]]]:
    """Return ids of one length, padded on the right, and their masks."""
    longest = max(len(ids) for ids in batch)
    gaps = [longest - len(ids) for ids in batch]
    rows = [[*ids, *[pad_token_id] * gap] for ids, gap in zip(batch, gaps, strict=True)]
    masks = [[*[1] * len(ids), *[0] * gap] for ids, gap in zip(batch, gaps, strict=True)]
    return rows, masks
