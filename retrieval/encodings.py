"""Bytes to text: UTF-8 and UTF-16, the Chinese encodings GB18030 (GBK, GB2312) and Big5, and Windows-1252.

Nothing is guessed silently: the name of the encoding is returned, and bytes that speak for none are refused.
"""

from __future__ import annotations

import codecs
import re
from typing import Final, NamedTuple

from config.errors import DocumentError

BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16's, so it is asked first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MAX_CONTROL_SHARE: Final = 0.002
"""Text holds fewer control characters than this; a picture or an archive holds many."""
MIN_COMMON_SHARE: Final = 0.75
"""Share of the pairs of bytes that are everyday characters where an encoding is the right one; a wrong one has half."""
MAX_DAMAGED_SHARE: Final = 0.02
"""A UTF-8 text may hold this many damaged characters beside its sound ones beyond ASCII."""
SAMPLE_BYTES: Final = 1 << 20
_MIN_UTF16_NULS: Final = 0.3
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_PAIR: Final = re.compile(rb"[\x81-\xfe][\x30-\xfe]", re.DOTALL)
_GB_COMMON: Final = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]")
"""Punctuation and level 1 of GB 2312: its 3,755 most frequent characters."""
_BIG5_COMMON: Final = re.compile(rb"[\xa1-\xc6][\x40-\x7e\xa1-\xfe]")
"""Punctuation and level 1 of Big5: its 5,401 most frequent characters."""
_BIG5_ALONE: Final = re.compile(rb"[\xa1-\xc6][\x40-\x7e]")
"""What the encodings of the EUC family (GB 2312, Japanese, Korean) never hold; some 40 of 100 pairs of Big5 do."""
_MIN_BIG5_ALONE: Final = 0.1


class Decoded(NamedTuple):
    """A text and how it was read."""

    text: str
    encoding: str
    n_damaged: int = 0
    """Characters that could not be read and are U+FFFD now."""


def decode(data: bytes) -> Decoded:
    r"""Return the text with line ends as `\n` and without a byte order mark.

    Raises `DocumentError` (without the file's name) for what is binary, or in an encoding that is not read here.
    """
    found = _decoded(data)
    controls = len(_CONTROLS.findall(found.text, 0, SAMPLE_BYTES))
    if controls > MAX_CONTROL_SHARE * min(len(found.text), SAMPLE_BYTES):
        raise DocumentError("is no text: it holds binary data")
    return found._replace(text=found.text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", ""))


def _decoded(data: bytes) -> Decoded:
    for bom, encoding in BOMS:
        if data.startswith(bom):
            text = data[len(bom) :].decode(encoding, errors="replace")
            return Decoded(text, encoding, text.count("\ufffd"))
    if b"\0" in data[:SAMPLE_BYTES]:
        return _without_mark(data)
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        return _in_another(data)


def _without_mark(data: bytes) -> Decoded:
    """Read UTF-16 that has no byte order mark: every second byte of its ASCII is zero."""
    sample = data[:SAMPLE_BYTES]
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = sample[start::2]
        if half and half.count(0) > _MIN_UTF16_NULS * len(half) and sample[1 - start :: 2].count(0) == 0:
            try:
                return Decoded(data.decode(encoding), encoding)
            except UnicodeDecodeError:
                break
    raise DocumentError("is no text: it holds binary data")


def _in_another(data: bytes) -> Decoded:
    damaged = data.decode("utf-8", errors="replace")
    n_damaged = damaged.count("\ufffd")
    n_sound = sum(char > "\x7f" for char in damaged) - n_damaged
    if n_damaged <= MAX_DAMAGED_SHARE * n_sound:
        return Decoded(damaged, "utf-8", n_damaged)
    pairs = _PAIR.findall(data[:SAMPLE_BYTES])
    big5 = _share(_BIG5_COMMON, pairs) if _share(_BIG5_ALONE, pairs) >= _MIN_BIG5_ALONE else 0.0
    for share, encoding in sorted(((_share(_GB_COMMON, pairs), "gb18030"), (big5, "big5")), reverse=True):
        if share >= MIN_COMMON_SHARE and (text := _strictly(data, encoding)) is not None:
            return Decoded(text, encoding)
    western = _strictly(data, "cp1252")
    if western is not None and _is_western(western):
        return Decoded(western, "cp1252")
    raise DocumentError("is in an encoding that is not read here; save it as UTF-8")


def _share(common: re.Pattern[bytes], pairs: list[bytes]) -> float:
    return sum(1 for pair in pairs if common.fullmatch(pair)) / len(pairs) if pairs else 0.0


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _is_western(text: str) -> bool:
    """Return whether most of the text is ASCII, and what is not looks like letters and quotes among words."""
    beyond = [char for char in text[:SAMPLE_BYTES] if char > "\x7f"]
    letters = sum(char.isalpha() or char in "‘’“”–—…€£§°«»\xa0·•©®™½" for char in beyond)
    return len(beyond) <= 0.3 * len(text) and letters >= 0.9 * len(beyond)
