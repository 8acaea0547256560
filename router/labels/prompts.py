"""The prompts that are to be answered: JSON Lines or plain lines of a file, each prompt once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from config.types import Json

MAX_CHARS: Final = 60_000
"""Of one prompt."""
_MAX_BYTES: Final = 64 * 1024 * 1024
_INTENTS: Final = ("intent", "task", "suite")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One prompt that all models are to answer."""

    text: str
    intent: str | None = None
    """What kind of prompt it is, where the file says so."""

    @property
    def id(self) -> str:
        """A name made of the text, the same in every run."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_wanted(path: Path, *, limit: int) -> list[Wanted]:
    """Return the first distinct prompts of a file. Raises `CorpusError` with file and line, and `OSError`.

    A file whose first line is a JSON object is JSON Lines (`{"prompt": …}`, with `intent`, `task` or `suite` where
    known); in any other each line is a prompt.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise CorpusError(f"is larger than {_MAX_BYTES >> 20} MiB; cut it to the prompts you want", file=str(path))
    lines = [(number, line) for number, line in enumerate(path.read_bytes().split(b"\n"), 1) if line.strip()]
    texts = [(number, text) for number, line in lines if (text := _text(line, file=str(path), line=number))]
    if not texts:
        raise CorpusError("holds no prompt", file=str(path))
    is_json = _object(texts[0][1]) is not None
    return distinct(
        (_row(text, file=str(path), line=number) if is_json else _plain(text, file=str(path), line=number))
        for number, text in texts
    )[:limit]


def distinct(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Return each prompt once, the first of its kind."""
    found: dict[str, Wanted] = {}
    for each in wanted:
        found.setdefault(each.id, each)
    return list(found.values())


def _text(raw: bytes, *, file: str, line: int) -> str:
    try:
        return raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise CorpusError("is not UTF-8", file=file, line=line) from error


def _object(text: str) -> Json | None:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("Json", found) if isinstance(found, dict) else None


def _row(text: str, *, file: str, line: int) -> Wanted:
    row = _object(text)
    if row is None:
        raise CorpusError("is no JSON object, as the lines before it are", file=file, line=line)
    prompt = row.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise CorpusError('needs "prompt": a text', file=file, line=line)
    intent = next((each for name in _INTENTS if isinstance(each := row.get(name), str) and each), None)
    return Wanted(_bounded(prompt, file=file, line=line), intent)


def _plain(text: str, *, file: str, line: int) -> Wanted:
    return Wanted(_bounded(text, file=file, line=line))


def _bounded(text: str, *, file: str, line: int) -> str:
    if len(text) > MAX_CHARS:
        raise CorpusError(f"has {len(text)} characters; a prompt may have {MAX_CHARS}", file=file, line=line)
    if "\0" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise CorpusError("holds a NUL or half of a surrogate pair", file=file, line=line)
    return text
