"""Turns a text into the sparse input of a micro-model: the numbers of the terms it knows and their TF-IDF weights.

Training and serving run this same code. The grams of a word are looked up once and kept, for words come again; what a
text is made of is kept for a moment, for several models read the same turn.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from classifier.text import clip, edge_terms_of, han_grams, is_edge, pair_term, tokens, word_grams, word_term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_WORDS_KEPT = 8192
LONGEST_WORD_KEPT = 40
"""Characters; longer words are rare and would let a hostile text fill the memory."""


KEPT_TEXTS, LONGEST_TEXT_KEPT = 8, 600


@dataclass(frozen=True, slots=True)
class Parts:
    """What a text is made of, the same for every model."""

    words: tuple[str, ...]
    """Their terms and grams are those of each word alone."""
    singles: tuple[str, ...]
    """The terms of pairs of words, of Han runs and of symbols."""
    edges: tuple[str, ...]


def parts_of(text: str) -> Parts:
    """Return what a text is made of, as far as it is read."""
    return _kept_parts(text) if len(text) <= LONGEST_TEXT_KEPT else _parts_of(text)


class Vectoriser:
    """Knows the terms of one model. Safe to use from several threads: what it keeps is only a shortcut."""

    def __init__(self, terms: Sequence[str], idf: Sequence[float], *, unknown_idf: float = 0.0) -> None:
        self._index = {term: at for at, term in enumerate(terms)}
        self._idf = np.asarray(idf, np.float64)
        self._unknown_mass = unknown_idf * unknown_idf
        self._knows_edges = any(is_edge(term) for term in terms)
        self._words: dict[str, tuple[tuple[int, ...], int]] = {}

    def features(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the numbers of the known terms, rising, and their weights.

        A weight is (1 + ln count) * idf, divided by the length of the whole vector; each occurrence of an unknown term
        adds `unknown_idf` squared to the square of that length, so that a strange text has small weights. Terms of the
        edges add nothing where they are unknown.
        """
        parts = parts_of(text)
        found, n_unknown = self._lookup(parts)
        if self._knows_edges:
            found += [self._index[term] for term in parts.edges if term in self._index]
        times = Counter(found)  # quicker than numpy.unique by far for the few hundred terms of a turn
        rising = sorted(times)
        numbers = np.array(rising, np.int64)
        counts = np.array([times[each] for each in rising], np.int64)
        weights = (1.0 + np.log(counts)) * self._idf[numbers]
        length = math.sqrt(float(weights @ weights) + self._unknown_mass * n_unknown)
        return numbers, (weights / (length or 1.0)).astype(np.float32)

    def _lookup(self, parts: Parts) -> tuple[list[int], int]:
        found = [at for at in map(self._index.get, parts.singles) if at is not None]
        n_unknown = len(parts.singles) - len(found)
        for word in parts.words:
            known, n_strange = self._words.get(word) or self._of_word(word)
            found += known
            n_unknown += n_strange
        return found, n_unknown

    def _of_word(self, word: str) -> tuple[tuple[int, ...], int]:
        every = [word_term(word), *word_grams(word)]
        known = tuple(self._index[term] for term in every if term in self._index)
        entry = known, len(every) - len(known)
        if len(word) <= LONGEST_WORD_KEPT:
            if len(self._words) >= MOST_WORDS_KEPT:
                self._words.clear()
            self._words[word] = entry
        return entry


def _parts_of(text: str) -> Parts:
    every = tuple(tokens(clip(text)))
    words: list[str] = []
    singles: list[str] = []
    before = ""
    for han, word, symbol in every:
        if word:
            words.append(word)
            if before:
                singles.append(pair_term(before, word))
            before = word
        elif han:
            singles += han_grams(han)
            before = ""
        else:
            singles.append(word_term(symbol))
    return Parts(tuple(words), tuple(singles), tuple(edge_terms_of(every)))


_kept_parts = lru_cache(KEPT_TEXTS)(_parts_of)
