"""Turns text into terms, the same way in training and in serving; `docs/foundry.md` says it in words.

Terms are word 1-2-grams (written with a leading `=`), 2-5-grams of the characters of one word between two spaces, and
1-3-grams of the characters of one run of Chinese or Japanese. Golden vectors freeze all of it: a change here is a new
`SCHEMA_VERSION` of `classifier/preproc.py`, and every artefact is trained anew. The terms of a text's edges came later:
a model that was not trained on them knows none, and reads as before.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from config.types import Language

MAX_CHARS = 4096
"""What stands behind this many characters is not read: time and memory stay bounded."""
WORD_MARK = "="
"""First character of a word term; no character term begins so, for words hold letters, digits, `_` and `'` only."""
FIRST, LAST = "^", "$"
"""What stands before the first word and behind the last one in the terms of a text's edges."""
SHORTEST_GRAM, LONGEST_GRAM = 2, 5
LONGEST_HAN_GRAM = 3

HAN = "\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Scripts written without spaces: Han with its extensions, and kana; the inside of a character class."""
_TOKENS = re.compile(rf"([{HAN}]+)|([^\W{HAN}]+(?:'[^\W{HAN}]+)*)|([^\w\s])")
HALF_PAIR = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, such as JSON may escape: a symbol to every classifier, but nothing that UTF-8 can write."""
_HAN_CHAR = re.compile(rf"[{HAN}]")
_WORD = re.compile(rf"[^\W\d_{HAN}]+")

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ")
_INVISIBLE = dict.fromkeys((0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF))
_VARIANTS = dict.fromkeys(range(0xFE00, 0xFE10))
_QUOTES = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'}
_REPLACED = {**_CONTROLS, **_INVISIBLE, **_VARIANTS, **_QUOTES}
_MOST_ROUNDS = 4


def normalise(text: str) -> str:
    """Return the text as every classifier reads it: NFKC, casefolded, each run of whitespace one space, no edges.

    Control characters count as whitespace, invisible format characters (zero-width, direction, soft hyphen, variation
    selectors) vanish, curly quotes become straight ones. Applying it again changes nothing.
    """
    if text.isascii():
        text = text.lower()
        return " ".join((text if text.isprintable() else text.translate(_CONTROLS)).split())
    for _ in range(_MOST_ROUNDS):  # casefolding may undo NFKC: U+0345 and a few more need a second round
        folded = unicodedata.normalize("NFKC", text).casefold().translate(_REPLACED)
        if folded == text:
            break
        text = folded
    return " ".join(text.split())


def clip(text: str) -> str:
    """Return the normalised text, read and written no further than `MAX_CHARS`; this is what is featurised."""
    return normalise(text[:MAX_CHARS])[:MAX_CHARS]


def language_of(text: str) -> Language:
    """Return `zh` where the text holds at least as many Han or kana characters as words of letters, else `en`."""
    read = text[:MAX_CHARS]
    n_han = len(_HAN_CHAR.findall(read))
    return "zh" if n_han and n_han >= len(_WORD.findall(read)) else "en"


def tokens(clipped: str) -> Iterator[tuple[str, str, str]]:
    """Yield `(han, word, symbol)` of each token of a clipped text, in order; two of the three are empty."""
    for found in _TOKENS.finditer(clipped):
        han, word, symbol = found.groups("")
        yield han, word, symbol


def word_grams(word: str) -> list[str]:
    """Return the 2-5-grams of the characters of one word between two spaces, in order, repeats kept."""
    padded = f" {word} "
    n_chars = len(padded)
    return [
        padded[start : start + size]
        for size in range(SHORTEST_GRAM, min(LONGEST_GRAM, n_chars) + 1)
        for start in range(n_chars - size + 1)
    ]


def han_grams(run: str) -> list[str]:
    """Return the characters of one Han run, then the 2-3-grams of the run between two spaces, repeats kept."""
    padded = f" {run} "
    grams = list(run)
    for size in range(2, LONGEST_HAN_GRAM + 1):
        grams += [padded[start : start + size] for start in range(len(padded) - size + 1)]
    return grams


def word_term(word: str) -> str:
    """Return the term of one word or symbol."""
    return WORD_MARK + word


def pair_term(left: str, right: str) -> str:
    """Return the term of two neighbouring words; symbols between them are passed over, a Han run parts them."""
    return f"{WORD_MARK}{left} {right}"


def is_pair(term: str) -> bool:
    """Return whether a term is one of two neighbouring words."""
    return term.startswith(WORD_MARK) and " " in term


def edge_terms(clipped: str) -> list[str]:
    """Return the terms of the first word, the first two words and the last word of a clipped text, signs left aside.

    A Han run at an edge has none: its grams know where it begins and ends. `^` and `$` are no words, so that no other
    term looks like these.
    """
    return edge_terms_of(tuple(tokens(clipped)))


def edge_terms_of(every: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the same of a text whose `tokens` are known."""
    read = [(han, word) for han, word, _ in every if han or word]
    if not read:
        return []
    (_, first), (_, last) = read[0], read[-1]
    second = read[1][1] if len(read) > 1 else ""
    found = [pair_term(FIRST, first)] if first else []
    if first and second:
        found.append(pair_term(FIRST, f"{first} {second}"))
    if last:
        found.append(pair_term(last, LAST))
    return found


def is_edge(term: str) -> bool:
    """Return whether a term is one of a text's edges."""
    return is_pair(term) and (term.startswith(f"{WORD_MARK}{FIRST} ") or term.endswith(f" {LAST}"))


def terms(text: str) -> list[str]:
    """Return every term of a text, repeats kept; linear in its length, at most about nine a character."""
    found: list[str] = []
    before = ""
    for han, word, symbol in tokens(clip(text)):
        if word:
            found.append(word_term(word))
            found += word_grams(word)
            if before:
                found.append(pair_term(before, word))
            before = word
        elif han:
            found += han_grams(han)
            before = ""
        else:
            found.append(word_term(symbol))
    return found
