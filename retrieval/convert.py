"""One file's bytes to text: Markdown and text as they are, HTML, PDF and docx as Markdown.

HTML, PDF and docx are read by libraries that a hostile file may crash, hang or fill with memory: whoever does not know
where a file comes from has them read in another process (`converter_process.py`).
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, cast

from config.errors import DocumentError
from retrieval.encodings import decode
from retrieval.front_matter import FrontMatter, read_front_matter
from retrieval.segment import CJK

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT_SUFFIXES: Final = frozenset({".md", ".markdown", ".txt", ".rst"})
PAGE_SUFFIXES: Final = frozenset({".html", ".htm", ".pdf", ".docx"})
SUFFIXES: Final = TEXT_SUFFIXES | PAGE_SUFFIXES
MAX_TEXT_CHARS: Final = 8_000_000
"""Longest text; a small file may hold a longer one."""
VERSION: Final = 1
"""Raised when the same bytes would give another text."""
_DROPPED: Final = ("script", "style", "noscript", "template", "svg", "iframe", "nav", "object")
_DECLARED: Final = re.compile(rb"""charset\s*=\s*["']?\s*([\w-]+)""", re.IGNORECASE)
_DECLARED_WITHIN: Final = 4096
_GB_NAMES: Final = frozenset({"gb2312", "gbk", "gb18030"})
_NO_TITLE: Final = re.compile(
    r"(?i)^(?:microsoft (?:word|powerpoint)\b.*|untitled.*|无标题.*|.*\.(?:docx?|pdf|tex|indd|pptx?))$"
)
_BLANK_LINES: Final = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")
_BROKEN_WORD: Final = re.compile(r"(?<=[a-z])-\n(?=[a-z])")
_FULL_LINE: Final = 0.8
"""A line of a PDF that is this long beside the page's longest was broken by the page, not by the writer."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A file as text, and what it says of itself."""

    text: str
    title: str = ""
    language: str = ""
    intents: tuple[str, ...] | None = None
    encoding: str = ""
    """How text was read; empty where the format says so itself."""
    n_damaged: int = 0
    """Characters that could not be read."""


def suffix_of(name: str) -> str:
    """Return the suffix that says how a file is read, in lower case."""
    return PurePosixPath(name).suffix.lower()


def convert(data: bytes, suffix: str) -> Converted:
    """Return the text of a file. `suffix` is one of `SUFFIXES`.

    Raises `DocumentError` (without the file's name) for what cannot be read; libraries raise other errors for broken
    PDF and docx files.
    """
    readers: dict[str, Callable[[bytes], Converted]] = {".pdf": _pdf, ".docx": _docx, ".html": _html, ".htm": _html}
    found = readers.get(suffix, _text)(data)
    if len(found.text) > MAX_TEXT_CHARS:
        raise DocumentError(f"holds {len(found.text):,} characters; at most {MAX_TEXT_CHARS:,} are read")
    if not found.text.strip():
        raise DocumentError("holds no text" + ("; are its pages pictures?" if suffix == ".pdf" else ""))
    return found


def _text(data: bytes) -> Converted:
    decoded = decode(data)
    said, text = read_front_matter(decoded.text)
    return Converted(text, said.title, said.language, said.intents, decoded.encoding, decoded.n_damaged)


def _html(data: bytes) -> Converted:
    declared = _DECLARED.search(data, 0, _DECLARED_WITHIN)
    name = declared[1].decode("ascii").lower() if declared else ""
    try:
        text, encoding = data.decode("gb18030" if name in _GB_NAMES else name or "utf-8"), name or "utf-8"
    except (UnicodeDecodeError, LookupError):
        text, encoding, _ = decode(data)
    found, said = _markdown(text.replace("\r\n", "\n"))
    return Converted(found, said.title, said.language, said.intents, encoding)


def _markdown(html: str) -> tuple[str, FrontMatter]:
    from bs4 import BeautifulSoup  # noqa: PLC0415  # only for who has such files
    from markdownify import markdownify  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]  # as above

    soup = BeautifulSoup(html, "html.parser")
    root = soup.find("html")
    meta = soup.find("meta", attrs={"name": "intents"})
    said = FrontMatter(
        title=" ".join(soup.title.get_text().split()) if soup.title else "",
        intents=tuple(part for part in re.split(r"[,\s]+", str(meta.get("content", ""))) if part) if meta else None,
        language=str(root.get("lang", "")).lower() if root else "",
    )
    for dropped in soup.find_all([*_DROPPED, "head"]):
        dropped.decompose()
    body = markdownify(
        str(soup.body or soup),
        heading_style="ATX",
        strip=["a", "img"],
        escape_asterisks=False,
        escape_underscores=False,
        escape_misc=False,
        bullets="-",
    )
    return _BLANK_LINES.sub("\n\n", body).strip() + "\n", said


def _docx(data: bytes) -> Converted:
    import mammoth  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]  # only for who has such files

    library = cast("Any", mammoth)
    html: str = library.convert_to_html(io.BytesIO(data), convert_image=library.images.img_element(_no_image)).value
    text, _ = _markdown(html)
    return Converted(text)


def _no_image(_image: object) -> dict[str, str]:
    return {}


def _pdf(data: bytes) -> Converted:
    from pypdf import PdfReader  # noqa: PLC0415  # only for who has such files

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise DocumentError("is locked with a password")
    pages = [_unbroken(page.extract_text()) for page in reader.pages]
    title = " ".join(str(reader.metadata.title or "").split()) if reader.metadata else ""
    return Converted("\n\n".join(page for page in pages if page) + "\n", "" if _NO_TITLE.match(title) else title)


def _unbroken(page: str) -> str:
    """Return a page's text with its Chinese lines and broken words joined: a PDF ends lines where the page does."""
    lines = [line.rstrip() for line in page.replace("\r\n", "\n").replace("\0", "").split("\n")]
    full = _FULL_LINE * max(map(len, lines))
    joined: list[str] = []
    breaks = False
    for line in lines:
        if breaks and re.match(f"[{CJK}，。、；：！？）」』”]", line):
            joined[-1] += line
        else:
            joined.append(line)
        breaks = len(line) >= full and re.search(f"[{CJK}，、]$", line) is not None
    return _BROKEN_WORD.sub("", "\n".join(joined)).strip()
