"""The brainstem: says by fixed rules whether a turn orders something that is hard to take back. No model is asked.

A text is cut, its quotes, titles and code are hidden, and each sentence goes to the rules of its language
(`reflex_en.py`, `reflex_zh.py`). Only orders fire: no questions, refusals, reports, and nothing about a text's wording.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from classifier import reflex_en, reflex_zh
from classifier.reflex_action import ACTIONS, Action
from classifier.reflex_commands import holds_command, uncovered
from classifier.reflex_en_verbs import TRIGGERS
from classifier.reflex_zh_verbs import TRIGGERS as TRIGGERS_ZH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Language

__all__ = ["ACTIONS", "Action", "OwnRule", "Reflex", "ReflexHit"]

MAX_EDGE_CHARS: Final = 1_000
"""What the built-in rules read of a long text: so much of its beginning and of its end; the rest is material."""
MAX_OWN_EDGE_CHARS: Final = 32_000
"""What own texts are sought in: a whole turn of 64,000 characters, and so much of both ends of a longer one."""
MAX_SPAN_CHARS: Final = 120

_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile("[a-z]{2}")
"""Stands in every English word of risk and in every name of a tool."""
_INVISIBLE = re.compile(
    "[\0\xad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)
_BETWEEN_HAN = re.compile(r" (?<=[\u3400-\u9fff] )(?=[\u3400-\u9fff])")
_PIECES = re.compile(r".{1,256}(?=[\x00-\x7f\u3400-\u9fff]|\Z)|.{1,256}", re.DOTALL)
"""What is normalised at once: a row of accents takes time by its square. No character joins with one of those ahead."""
_WIDE = re.compile("[\u2026\u3000\uff01-\uff5e]")
_NARROW = {"\u2026": "...", "\u3000": " ", **{chr(at): chr(at - 0xFEE0) for at in range(0xFF01, 0xFF5F)}}
_CODE = (re.compile(r"```.*?(?:```|\Z)", re.DOTALL), re.compile(r"`[^`\n]*`"))
_OPENS = re.compile('[《「『“‘"]')
_QUOTED = re.compile('《[^》]*》|「[^」]*」|『[^』]*』|“[^”]*”|‘[^’]*’|"[^"\n]*"')
_SINGLY_QUOTED = re.compile(r"(?<![\w'])'[^'\n]+'(?![\w'])")
_SENTENCE_ENDS = re.compile(r"[.!?。;…\n](?:(?<!\.)|(?!\S))[.!?。;…\n]*")
"""Of a point only where a space or nothing follows: there is none within `v2.1`."""
_WORD_ENDS = re.compile(r"""[.,;:!?()\[\]{}<>/\\"'`*_\-–—=+|#@&~]""")


@dataclass(frozen=True, slots=True)
class ReflexHit:
    """What fired: the action, the language of the rule, the words it stood in, and the rule's name."""

    action: Action
    language: Language
    span: str
    """The words as they were read: folded to lower case, quotes hidden, at most `MAX_SPAN_CHARS`."""
    rule: str


@dataclass(frozen=True, slots=True)
class OwnRule:
    """A configured text that always stands for an action, wherever it occurs.

    Case, width, invisible characters and the length of a run of spaces or line breaks make no difference.
    """

    text: str
    action: Action


class Reflex:
    """The rules, and the operator's own exact texts beside them."""

    def __init__(self, own: tuple[OwnRule, ...] = ()) -> None:
        self._own = tuple((words, each) for each in own if (words := _spaced(each.text)))

    def look(self, text: str) -> ReflexHit | None:
        """Return the first order of high risk, or `None`. Never raises.

        The built-in rules read the edges of a long text, own texts are sought in the wider edges of it, and both in
        bounded time.
        """
        if self._own and (hit := self._own_in(_edges(text, MAX_OWN_EDGE_CHARS))) is not None:
            return hit
        text = _edges(text, MAX_EDGE_CHARS)
        if not text.isascii():
            text = text.encode(errors="replace").decode()  # nobody can show a lone surrogate
        folded = _folded(text)
        has_han = not folded.isascii() and _HAN.search(folded) is not None
        has_latin = not has_han or _LATIN.search(folded) is not None
        commands = has_latin and holds_command(folded)
        if not commands and not (
            (has_latin and not TRIGGERS.isdisjoint(_WORD_ENDS.sub(" ", folded).split()))
            or (has_han and TRIGGERS_ZH.search(folded) is not None)
        ):
            return None  # which is all that ordinary turns cost
        for sentence in _sentences(folded):
            in_chinese = has_han and _HAN.search(sentence) is not None
            rules = reflex_zh if in_chinese else reflex_en
            if rules.introduces_material(sentence):
                return None
            found = rules.order_in(sentence, folded, commands=commands)
            if found is not None:
                if rules.works_on(folded):
                    return None
                action, span, rule = found
                return ReflexHit(action, "zh" if in_chinese else "en", span[:MAX_SPAN_CHARS], rule)
        return None

    def _own_in(self, text: str) -> ReflexHit | None:
        spaced = _spaced(text)
        own = next((own for words, own in self._own if words in spaced), None)
        if own is None:
            return None
        return ReflexHit(own.action, "zh" if _HAN.search(text) else "en", own.text[:MAX_SPAN_CHARS], "own")


def _edges(text: str, n_chars: int) -> str:
    """Return the text, or both its ends where it is longer, with something between that joins no words."""
    if len(text) <= 2 * n_chars:
        return text
    return f"{text[:n_chars]}\n...\n{text[-n_chars:]}"


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower().replace("\0", "")
    text = _INVISIBLE.sub("", text)
    for wide in set(_WIDE.findall(text)):  # the marks of every Chinese text, without which most are normal already
        text = text.replace(wide, _NARROW[wide])
    return "".join(unicodedata.normalize("NFKC", piece) for piece in _PIECES.findall(text)).lower().replace("’", "'")


def _spaced(text: str) -> str:
    """Return the folded text with one space for each run of them, and none between Chinese characters."""
    spaced = " ".join(_folded(text).casefold().split())
    return spaced if spaced.isascii() else _BETWEEN_HAN.sub("", spaced)


def _sentences(folded: str) -> Iterator[str]:
    shown = _shown(uncovered(folded))
    start = 0
    for found in _SENTENCE_ENDS.finditer(shown):
        if sentence := shown[start : found.end()].strip():
            yield sentence
        start = found.end()
    if sentence := shown[start:].strip():
        yield sentence


def _shown(text: str) -> str:
    """Return the text without what it only quotes."""
    if "`" in text:
        for code in _CODE:
            text = code.sub("▢", text)
    if _OPENS.search(text) is not None:
        text = _QUOTED.sub("▢", text)
    return _SINGLY_QUOTED.sub("▢", text) if "'" in text else text
