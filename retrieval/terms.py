"""Text to search terms, Chinese and English alike: stemmed words, Han pairs and single Han characters.

Traditional and simplified Chinese meet in one form (`folding.py`), so one pool of documents serves both scripts.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from retrieval.folding import fold
from retrieval.segment import CJK

_RUNS = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+(?:['’][^\W_]+)?", re.UNICODE)
_POSSESSIVE = re.compile(r"['’].*$")
_VOWEL = re.compile(r"[aeiouy]")
_MIN_STEM = 3

HAN_MARK = "·"
"""Leads a term that is a single Han character, to tell it from a one-letter word."""

_STOP_TEXT = """
a an and any are as at be been but by can could did do does for from had has have how i if in into is it its
may me my of on or our shall should so than that the their them then there these they this to was we were what
when where which who whom whose why will with would you your about after also during between 's
explain describe tell please
"""
_STOP_WORDS = frozenset(_STOP_TEXT.split())
_PARTICLES = frozenset("的了是在和与及或呢吧啊几何为之其这那个有被把对从以于而也都就还不我你他她它们请些里时样少多怎如")
_ASKING = frozenset("什么谁哪吗呢甚")


def normalize(text: str) -> str:
    """Return `text` with width, case and Chinese script folded; for comparing only, offsets are lost."""
    return fold(unicodedata.normalize("NFKC", text).casefold())


def terms(text: str) -> list[str]:
    """Return the index terms of `text` in order: word stems, Han pairs, single Han characters (marked)."""
    found: list[str] = []
    for run in _RUNS.findall(normalize(text)):
        if _is_han(run):
            found.extend(run[i : i + 2] for i in range(len(run) - 1))
            found.extend(HAN_MARK + char for char in run)
        else:
            found.append(stem(run))
    return found


def told(text: str) -> list[str]:
    """Return the distinct terms of a question that say what it is about: no function words, no question words."""
    return [term for term in dict.fromkeys(terms(text)) if not _is_stop(term)]


def has_particle(pair: str) -> bool:
    """Return whether a Han pair holds a particle, so that it most likely lies across a word's end (塔是, 造的)."""
    return not _PARTICLES.isdisjoint(pair)


def _is_stop(term: str) -> bool:
    """Return whether the term says nothing about what is asked."""
    chars = term.removeprefix(HAN_MARK)
    if not _is_han(chars):
        return term in _STOP_WORDS
    return not _ASKING.isdisjoint(chars) or _PARTICLES.issuperset(chars)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return `word` without the commonest English endings; other scripts and numbers pass untouched."""
    word = _POSSESSIVE.sub("", word) or word
    if not word.isascii() or len(word) <= _MIN_STEM or not word.isalpha():
        return word
    for ending, replacement in _ENDINGS:
        if word.endswith(ending):
            kept = word[: len(word) - len(ending)]
            if len(kept) >= _MIN_STEM and _VOWEL.search(kept):
                return _tidy(kept + replacement)
    return _tidy(word)


_ENDINGS = (
    ("ations", "at"), ("ation", "at"), ("ings", ""), ("ing", ""), ("edly", ""), ("ies", "y"), ("ied", "y"),
    ("sses", "ss"), ("ed", ""), ("es", ""), ("ly", ""), ("ment", ""), ("ments", ""), ("ss", "ss"), ("us", "us"),
    ("s", ""),
)  # fmt: skip


def _tidy(kept: str) -> str:
    """Return the stem with a doubled last consonant halved and a silent e dropped, so `stopped` meets `stop`."""
    if len(kept) > _MIN_STEM and kept[-1] == kept[-2] and kept[-1] not in "aeiouls":
        return kept[:-1]
    if len(kept) > _MIN_STEM and kept[-1] == "e":
        return kept[:-1]
    return kept[:-1] + "i" if len(kept) > _MIN_STEM and kept[-1] == "y" else kept


def _is_han(run: str) -> bool:
    """Return whether a run from `_RUNS` is Chinese: its classes do not mix within one run."""
    return not run[0].isascii() and re.match(f"[{CJK}]", run[0]) is not None
