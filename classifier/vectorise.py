"""Turns a text into the sparse input of a micro-model: the numbers of the terms it knows and their TF-IDF weights.

Training and serving run this same code. The grams of a word are looked up once and kept, for words come again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from classifier.text import clip, edge_terms, han_grams, is_edge, pair_term, tokens, word_grams, word_term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_WORDS_KEPT = 8192
LONGEST_WORD_KEPT = 40
"""Characters; longer words are rare and would let a hostile text fill the memory."""


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
        clipped = clip(text)
        found, n_unknown = self._lookup(clipped)
        if self._knows_edges:
            found += [self._index[term] for term in edge_terms(clipped) if term in self._index]
        numbers, counts = np.unique(np.array(found, np.int64), return_counts=True)
        weights = (1.0 + np.log(counts)) * self._idf[numbers]
        length = math.sqrt(float(weights @ weights) + self._unknown_mass * n_unknown)
        return numbers, (weights / (length or 1.0)).astype(np.float32)

    def _lookup(self, clipped: str) -> tuple[list[int], int]:
        index = self._index
        found: list[int] = []
        n_unknown = 0
        before = ""
        for han, word, symbol in tokens(clipped):
            if word:
                known, n_strange = self._words.get(word) or self._of_word(word)
                found += known
                n_unknown += n_strange
                singles = [pair_term(before, word)] if before else []
                before = word
            elif han:
                singles, before = han_grams(han), ""
            else:
                singles = [word_term(symbol)]
            n_unknown += len(singles)
            for term in singles:
                at = index.get(term)
                if at is not None:
                    found.append(at)
                    n_unknown -= 1
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
