"""How well each sentence of the found passages answers the question: numbers per sentence, from counting alone.

The features know no document and no topic; what each is worth is fitted (`fit.py`) and applied in `ranker.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from retrieval.question import KINDS, SINGLE_WEIGHT, read_question
from retrieval.search import rank
from retrieval.terms import HAN_MARK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from config.types import Passage
    from retrieval.index import Entry, LexicalIndex, Sentence
    from retrieval.question import Question

N_PASSAGES = 8
"""Passages whose sentences are weighed."""
MAX_PASSAGE_SENTENCES = 60
"""A passage of more (a long code fence) is weighed up to here, so that one file cannot hold up an answer."""
PREFIX_CHARS = 4
"""Longer words that begin alike (economy, economic) half meet."""

FEATURES = (
    "share", "near_share", "share_before", "share_after", "share_around", "share_passage",
    "passage_score", "passage_rank", "longest_run", "share_title", "share_with_title",
    "first_of_passage", "opens_document", "log_length", "density", "share_squared",
    "new_terms", "fuzzy_share", "share_by_score", "share_two_away", "behind_best_of_passage",
    "near_before", "near_after", "best_of_passage", "share_to_best", "near_to_best",
    "local_share", "local_around", "local_passage", "beyond_title", "beyond_title_around", "pairs", "local_to_best",
    *(f"{kind.name}_{what}" for kind in KINDS for what in ("held", "share")),
)  # fmt: skip
_OPENING_CHARS = 200
_NOTHING: frozenset[str] = frozenset()
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence that may be said, the passage it stands in, and its place there."""

    entry: int
    """Position of the passage in the index."""
    at: int
    passage: Passage
    heading: tuple[str, ...]
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sentences of the best passages, passage by passage in document order, with one row of features each."""

    question: Question
    units: tuple[Unit, ...]
    features: NDArray[np.float64]
    """Shape (units, FEATURES)."""
    found: tuple[tuple[int, float], ...]
    """`(position in the index, score)` of the passages, best first."""


def gather(index: LexicalIndex, text: str) -> Evidence:
    """Return the evidence of an index for a question."""
    import numpy as np  # noqa: PLC0415  # heavy: paid by the first question, not by the import

    question = read_question(text, idf=index.idf, knows=index.knows)
    found = rank(index, text, top_k=N_PASSAGES)
    units: list[Unit] = []
    rows: list[list[float]] = []
    local = _local_weights(question, [index.entries[at] for at, _ in found])
    for order, (at, score) in enumerate(found):
        entry = index.entries[at]
        shown = entry.sentences[:MAX_PASSAGE_SENTENCES]
        units.extend(Unit(at, place, entry.passage, entry.heading, sentence) for place, sentence in enumerate(shown))
        rows.extend(_passage_rows(question, entry, local, score / found[0][1], 1 / (1 + order)))
    features = np.array(rows, dtype=np.float64).reshape(len(rows), len(FEATURES))
    for source, name in (("share", "share_to_best"), ("near_share", "near_to_best"), ("local_share", "local_to_best")):
        column = features[:, FEATURES.index(source)]
        top = float(column.max(initial=0.0))
        features[:, FEATURES.index(name)] = column / top if top else 0.0
    return Evidence(question, tuple(units), features, tuple(found))


def _local_weights(question: Question, entries: Sequence[Entry]) -> dict[str, float]:
    """Return term -> share of what the question tells *among these sentences*: what all of them say tells nothing."""
    counts = dict.fromkeys(question.weights, 0)
    n_sentences = 0
    for entry in entries:
        for sentence in entry.sentences[:MAX_PASSAGE_SENTENCES]:
            n_sentences += 1
            for term in counts.keys() & sentence.bag:
                counts[term] += 1
    raw = {
        term: math.log(1 + (n_sentences - n_with + 0.5) / (n_with + 0.5))
        * (SINGLE_WEIGHT if term.startswith(HAN_MARK) else 1.0)
        for term, n_with in counts.items()
        if n_with
    }
    total = sum(raw.values())
    return {term: weight / total for term, weight in raw.items()}


def _passage_rows(
    question: Question, entry: Entry, local: dict[str, float], score: float, rank_share: float
) -> list[list[float]]:
    """Return the features of the sentences of one passage, in the order of `FEATURES`."""
    shown = entry.sentences[:MAX_PASSAGE_SENTENCES]
    title = frozenset(entry.title_terms)
    bags = [sentence.bag for sentence in shown]
    shares = [_share(question.weights, bag) for bag in bags]
    nears = [_share(question.near, bag) for bag in bags]
    best = max(shares, default=0.0)
    passage = [_share(question.weights, title.union(*bags)), score, rank_share]
    title_share = _share(question.weights, title)
    beyond = {term: weight for term, weight in local.items() if term not in title}
    local_passage = _share(local, title.union(*bags))
    asked_pairs = _pairs(question.words)
    rows: list[list[float]] = []
    for at, (sentence, bag) in enumerate(zip(shown, bags, strict=True)):
        share, size = shares[at], max(1, len(bag))
        around = bag.union(_at(bags, at - 1, _NOTHING), _at(bags, at + 1, _NOTHING))
        rows.append([
            share, nears[at], _at(shares, at - 1, 0.0), _at(shares, at + 1, 0.0), _share(question.weights, around),
            *passage,
            _longest_run(question.plain, sentence.plain) / max(1, len(question.plain)),
            title_share, _share(question.weights, title | bag),
            float(at == 0), float(at == 0 and entry.passage.start < _OPENING_CHARS),
            math.log(len(sentence.plain) + 1) / 5, share / math.sqrt(size) * 5, share * share,
            sum(term not in question.weights for term in bag) / size, _fuzzy_share(question.weights, bag),
            share * score, _at(shares, at - 2, 0.0) + _at(shares, at + 2, 0.0), best - share,
            _at(nears, at - 1, 0.0), _at(nears, at + 1, 0.0), float(at == shares.index(best)),
            0.0, 0.0,
            _share(local, bag), _share(local, around), local_passage, _share(beyond, bag), _share(beyond, around),
            len(asked_pairs & _pairs(sentence.terms)) / max(1, len(asked_pairs)), 0.0,
            *_kind_features(question, sentence.plain, share),
        ])  # fmt: skip
    return rows


def _at(values: list[_T], place: int, otherwise: _T) -> _T:
    """Return the value at a place, or `otherwise` before the first and after the last."""
    return values[place] if 0 <= place < len(values) else otherwise


def _pairs(words: Sequence[str]) -> set[tuple[str, str]]:
    """Return the neighbours among the terms, single Han characters left out."""
    kept = [word for word in words if not word.startswith(HAN_MARK)]
    return set(pairwise(kept))


def _kind_features(question: Question, plain: str, share: float) -> list[float]:
    """Return, for each kind that is asked for, whether the sentence seems to hold one, and its share."""
    features: list[float] = []
    for kind, asked in zip(KINDS, question.kinds, strict=True):
        features += [float(kind.held.search(plain) is not None), share] if asked else [0.0, 0.0]
    return features


def _share(weights: Mapping[str, float], bag: frozenset[str]) -> float:
    """Return how much of the question the terms meet, 0 to 1."""
    return sum([weight for term, weight in weights.items() if term in bag])


def _fuzzy_share(weights: Mapping[str, float], bag: frozenset[str]) -> float:
    """Return the share where longer words that begin alike meet too."""
    prefixes = {term[:PREFIX_CHARS] for term in bag if len(term) >= PREFIX_CHARS and term.isascii()}
    return sum(
        [
            weight
            for term, weight in weights.items()
            if term in bag or (len(term) >= PREFIX_CHARS and term[:PREFIX_CHARS] in prefixes)
        ]
    )


def _longest_run(plain: str, text: str) -> int:
    """Return the length of the longest stretch of the question that the sentence repeats, in letters."""
    longest = 0
    for start in range(len(plain)):
        while start + longest < len(plain) and plain[start : start + longest + 1] in text:
            longest += 1
    return longest
