"""Makes a text that somebody else wrote fit to stand between delimiters: it cannot close them, nor speak as a role.

What is inside stays readable. Whether a model obeys what it reads there is another matter: see `docs/judge.md`.
"""

from __future__ import annotations

import re
import unicodedata

from config.tokens import estimate_tokens

_ENTITIES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        # what a reader may take for them
        "\uff1c": "&lt;",
        "\uff1e": "&gt;",
        "\ufe64": "&lt;",
        "\ufe65": "&gt;",
        "\uff06": "&amp;",
    }
)
_ROLE_MARKS = re.compile(r"\[(?=/?[A-Z][A-Z_]{1,30}\])")
"""`[INST]` and its kind: tokens of their own for some models; `<|…|>` and `<s>` are none once `<` is an entity."""
_CUT = "\n[… {n} …]\n"
_KEPT = "\n\t"
_CHARS_PER_TOKEN = 6
"""Longest that is looked at for each token of room; ordinary text has fewer characters a token."""
_HEAD_SHARE = 0.6


def quoted(text: str) -> str:
    """Return the text without anything that could close a delimiter, hide, or be a token of a chat format.

    No `<` or `>` is left, be it full width; invisible characters, marks of direction and halves of surrogate pairs are
    dropped. At most six times as long as before.
    """
    visible = text if _is_plain(text) else "".join(each for each in text if _is_kept(each))
    return _ROLE_MARKS.sub("&#91;", visible.translate(_ENTITIES))


def shortened(text: str, *, max_tokens: int) -> str:
    """Return the head and the tail of a text that is too long, and between them how many characters are left out.

    Tokens are estimated. Takes a time in proportion to `max_tokens`, however long the text is.
    """
    room = max_tokens * _CHARS_PER_TOKEN
    shown = _ends(text, room)
    while room > 1 and estimate_tokens(shown) > max_tokens:
        room = min(room, len(text)) * 3 // 4
        shown = _ends(text, room)
    return shown


def _ends(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    n_head = int(room * _HEAD_SHARE)
    n_tail = room - n_head
    return text[:n_head] + _CUT.format(n=len(text) - room) + (text[-n_tail:] if n_tail else "")


def _is_plain(text: str) -> bool:
    return text.isascii() and text.replace("\n", "").replace("\t", "").isprintable()


def _is_kept(char: str) -> bool:
    # Cc control, Cf invisible marks, Cs halves of pairs, Co and Cn nothing that a person wrote
    return char in _KEPT or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
