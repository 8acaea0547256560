"""Turns text into tokens with their places, and each token into the terms that the tagger looks up.

The same in training and in serving; `docs/ner.md` says it in words and golden vectors freeze it. Chinese and Japanese
are read by the character, everything else by the run of letters or of digits, with the beginnings and ends of words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from classifier.text import HAN, MAX_CHARS, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

READER = "han-char+word-affix+neighbours+lexicon/1"
"""Name of the rules of this file; an artefact of other rules is refused."""
SLOTS = 16
"""Most terms that a token has."""
LONGEST_AFFIX = 4
_TOKENS = re.compile(rf"(?P<han>[{HAN}])|(?P<digits>\d+)|(?P<word>[^\W\d_{HAN}]+)|(?P<sign>[^\w\s]|_)")
_LONGEST_NUMBER = 4
_LONGEST_WORD = 40
_EDGE = "\n"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text that an entity may begin or end with; places count characters of the text as it came."""

    start: int
    end: int
    kind: str
    """`han`, `digits`, `word` or `sign`."""
    form: str
    """Normal form, digits as they are."""
    shape: str
    """Upper, lower and other letters or digits of the token, runs of three and more cut to three."""
    spaced: bool
    """Whether white space, or nothing, stands before it."""


class Lexicon:
    """Forms with their types, found in texts the longest first; `entries` are pairs of a type and a form."""

    def __init__(self, entries: Iterable[tuple[str, str]]) -> None:
        self.entries = tuple(entries)
        self._types: dict[tuple[str, ...], list[str]] = {}
        self._longest: dict[str, int] = {}
        for name, form in self.entries:
            pieces = tuple(each.form for each in tokens(form))
            if not pieces:
                continue
            types = self._types.setdefault(pieces, [])
            if name not in types:
                types.append(name)
            self._longest[pieces[0]] = max(len(pieces), self._longest.get(pieces[0], 0))

    def marks(self, read: tuple[Token, ...]) -> list[list[str]]:
        """Return, for each token, a term for each type that a form which it begins or goes on with is listed under."""
        forms = [each.form for each in read]
        found: list[list[str]] = [[] for _ in read]
        at = 0
        while at < len(forms):
            for size in range(min(self._longest.get(forms[at], 0), len(forms) - at), 0, -1):
                if types := self._types.get(tuple(forms[at : at + size])):
                    for inner in range(at, at + size):
                        found[inner] = [f"@{'B' if inner == at else 'I'}-{name}" for name in types]
                    at += size
                    break
            else:
                at += 1
        return found


def tokens(text: str) -> tuple[Token, ...]:
    """Return the tokens of the first `MAX_CHARS` characters, in order; those without a normal form are left out."""
    found: list[Token] = []
    before = -1
    for match in _TOKENS.finditer(text, 0, MAX_CHARS):
        start, end = match.span()
        kind = match.lastgroup or "sign"
        form, shape = _seen(match.group()[:_LONGEST_WORD], kind)
        if form:
            found.append(Token(start, end, kind, form, shape, spaced=start != before))
            before = end
    return tuple(found)


def terms(read: tuple[Token, ...], lexicon: Lexicon) -> list[list[str]]:
    """Return the terms of each token, at most `SLOTS`, the token's own name first; linear in their number."""
    masked = [_masked(each) for each in read]
    marks = lexicon.marks(read)
    found: list[list[str]] = []
    for at, token in enumerate(read):
        left = masked[at - 1] if at else _EDGE
        right = masked[at + 1] if at + 1 < len(read) else _EDGE
        own = masked[at]
        mine = [
            f"={token.form}",
            f"<{left} {own}",
            f">{own} {right}",
            f"x{token.shape}{'_' if token.spaced else ''}",
            *marks[at],
        ]
        if token.kind == "han":
            mine.append(f"|{left} {own} {right}")
            if at + 2 < len(read):
                mine.append(f"}}{own} {right} {masked[at + 2]}")
            if at > 1:
                mine.append(f"{{{masked[at - 2]} {left} {own}")
        elif token.kind == "word":
            sizes = range(1, min(LONGEST_AFFIX, len(own)) + 1)
            mine += [f"^{own[:size]}" for size in sizes]
            mine += [f"${own[-size:]}" for size in sizes]
        elif token.kind == "digits":
            mine.append(f"#{own}")
        found.append(mine[:SLOTS])
    return found


def number_terms(read: tuple[Token, ...], numbers: Mapping[str, int], lexicon: Lexicon) -> NDArray[np.int64]:
    """Return (tokens, slots) for tokens; unknown terms are left out."""
    found = np.zeros((len(read), SLOTS), np.int64)
    for at, mine in enumerate(terms(read, lexicon)):
        known = [numbers[term] for term in mine if term in numbers]
        found[at, : len(known)] = known
    return found


def _masked(token: Token) -> str:
    """Return the form with every digit a zero: neighbours need to know of a number no more than its length."""
    return "0" * min(len(token.form), _LONGEST_NUMBER + 1) if token.kind == "digits" else token.form


@lru_cache(maxsize=16_384)
def _seen(piece: str, kind: str) -> tuple[str, str]:
    """Return normal form and shape of a piece; texts are made of the same few pieces."""
    return normalise(piece), _shape(piece, kind)


def _shape(piece: str, kind: str) -> str:
    if kind in {"han", "sign"}:
        return kind
    if kind == "digits":
        return f"d{min(len(piece), 2 * _LONGEST_NUMBER)}"
    shape = "".join("X" if letter.isupper() else "x" for letter in piece)
    return re.sub(r"(.)\1{2,}", r"\1\1\1", shape)
