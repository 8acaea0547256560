"""What a text file says of itself in its first lines, between two lines of `---`: title, intents, language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_LINES: Final = 60
"""A `---` that is not closed within so many lines is a rule, not the begin of a front matter."""
_FENCE: Final = re.compile(r"(---|\+\+\+)[ \t]*$")
_FIELD: Final = re.compile(r"([A-Za-z_][\w-]*)[ \t]*[:=][ \t]*(.*?)[ \t]*$")
_ITEM: Final = re.compile(r"[ \t]*-[ \t]+(.*?)[ \t]*$")
_COMMENT: Final = re.compile(r"(?:^|[ \t]+)#[^\"']*$")
_KNOWN: Final = {
    "title": "title",
    "intent": "intents",
    "intents": "intents",
    "language": "language",
    "lang": "language",
}


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What was said; empty where nothing was."""

    title: str = ""
    intents: tuple[str, ...] | None = None
    """`None` where nothing was said, empty where it says that the document serves every intent."""
    language: str = ""


def read_front_matter(text: str) -> tuple[FrontMatter, str]:
    """Return what the front matter says, and the text with its lines emptied, so that lines keep their numbers.

    YAML and TOML are read as far as these three fields need: `key: value`, `[a, b]`, and items below a key.
    """
    lines = text.split("\n", MAX_LINES + 1)
    fence = _FENCE.match(lines[0])
    end = next((at for at, line in enumerate(lines[1:], 1) if fence and line.rstrip() == fence[1]), None)
    if end is None or end > MAX_LINES:
        return FrontMatter(), text
    fields = _fields(lines[1:end])
    if fields is None:
        return FrontMatter(), text
    said = FrontMatter(
        title=" ".join(fields.get("title", ())),
        intents=tuple(dict.fromkeys(fields["intents"])) if "intents" in fields else None,
        language=next(iter(fields.get("language", ())), "").lower(),
    )
    return said, "\n".join([*([""] * (end + 1)), *lines[end + 1 :]])


def _fields(lines: list[str]) -> dict[str, list[str]] | None:
    """Return the values of the known fields, or `None` where the lines are prose."""
    found: dict[str, list[str]] = {}
    values: list[str] = []
    n_fields = 0
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if item := _ITEM.match(line):
            values += _values(item[1])
        elif (field := _FIELD.match(line)) and not line[0].isspace():
            n_fields += 1
            name = _KNOWN.get(field[1].lower(), "")
            values = found.setdefault(name, []) if name else []
            values += [_plain(field[2])] if name == "title" and _plain(field[2]) else _values(field[2])
        elif not line[0].isspace() and line.strip() not in "[]{}":
            return None
    return found if n_fields else None


def _values(written: str) -> list[str]:
    """Return the values of `a`, `a, b` or `[a, b]`."""
    inner = _COMMENT.sub("", written).strip().removeprefix("[").removesuffix("]")
    return [plain for part in inner.split(",") if (plain := _plain(part))]


def _plain(written: str) -> str:
    text = written.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else _COMMENT.sub("", text).strip()
