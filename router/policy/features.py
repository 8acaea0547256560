"""The hashed features of a prompt: words and pairs of words, a few marks of its shape, its language.

This room's own featuriser, stated in words in docs/policy.md; a change of it is a new `FEATURES_VERSION`.
"""

from __future__ import annotations

import re
import unicodedata
from math import log2, sqrt
from zlib import crc32

FEATURES_VERSION = "words-pairs-1"
N_FEATURES = 1 << 16
HEAD_CHARS = 1100
"""Read from the beginning of a longer prompt."""
TAIL_CHARS = 500
"""Read from its end."""
SHAPE_WEIGHT = 1.0
"""What a mark of shape counts beside a word."""
_MASK = N_FEATURES - 1
_HAN = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_HAN}]|\d+|[^\W\d_{_HAN}]+|[^\w\s]")
_IS_HAN = re.compile(rf"[{_HAN}]")
_CODE = re.compile(r"```|\bdef |\breturn\b|[{};]\s*$|=>|#include|</", re.MULTILINE)
_CHOICE = re.compile(r"^\s*\(?[A-F][.):]\s", re.MULTILINE)
_LONG_NUMBER = 4


def clipped(prompt: str) -> str:
    """Return what is read of a prompt: all of it, or its first 1,100 and last 500 characters."""
    if len(prompt) <= HEAD_CHARS + TAIL_CHARS:
        return prompt
    return f"{prompt[:HEAD_CHARS]} {prompt[-TAIL_CHARS:]}"


def words(prompt: str) -> list[str]:
    """Return the words of a prompt in normal form (NFKC, lower case); Han, kana and hangul one by one."""
    found: list[str] = _TOKEN.findall(unicodedata.normalize("NFKC", clipped(prompt)).lower())
    return [f"#{len(word)}" if word.isdigit() and len(word) >= _LONG_NUMBER else word for word in found]


def features(prompt: str) -> dict[int, float]:
    """Return slot -> weight of a prompt, of Euclidean length 1; never empty: a constant is among them.

    A word or pair that stands n times counts 1 + log2(n).
    """
    counts: dict[int, int] = {}
    before = "\x02"
    for word in words(prompt):
        code = crc32(word.encode())
        for slot in (code & _MASK, crc32(before.encode(), code) & _MASK):
            counts[slot] = counts.get(slot, 0) + 1
        before = word
    weights = {slot: 1.0 + log2(count) for slot, count in counts.items()}
    for mark in shape(prompt):
        slot = crc32(mark.encode()) & _MASK
        weights[slot] = weights.get(slot, 0.0) + SHAPE_WEIGHT
    norm = sqrt(sum(weight * weight for weight in weights.values()))
    return {slot: weight / norm for slot, weight in weights.items()}


def shape(prompt: str) -> list[str]:
    """Return the marks of a prompt's shape: length, figures, code, offered choices, language."""
    read = clipped(prompt)
    n = max(1, len(read))
    digits = sum(char.isdigit() for char in read) / n
    return [
        "\x01always",
        f"\x01length {len(prompt).bit_length()}",
        f"\x01digits {min(6, round(digits * 40))}",
        f"\x01code {bool(_CODE.search(read))}",
        f"\x01choices {len(_CHOICE.findall(read))}",
        f"\x01language {language_of(read)}",
    ]


def language_of(text: str) -> str:
    """Return `zh` where at least a fifth of the letters are Han, kana or hangul, else `other`."""
    letters = sum(char.isalpha() for char in text)
    return "zh" if letters and len(_IS_HAN.findall(text)) * 5 >= letters else "other"
