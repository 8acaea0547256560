"""Hybrid search over one library: words and vectors over the same windows, as an immutable snapshot.

`building.py` makes it, `stored.py` writes and reads it, `searcher.py` searches it for requests.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from config.errors import UpstreamError
from config.tokens import estimate_tokens
from config.types import Passage
from retrieval.choose import Candidate, Texts, choose
from retrieval.chunk import line_of
from retrieval.found import Found, FoundPassage
from retrieval.fusion import TITLE_WEIGHT, Best, by_script, convex_by
from retrieval.lsa import LsaEmbedder
from retrieval.named import lift_of
from retrieval.search import LANGUAGE_FOLDERS, MAX_QUERY_CHARS, twins
from retrieval.segment import language_of
from retrieval.vectors import common_part

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from config.types import Embedder
    from retrieval.choose import Choosing, Chosen, Limits
    from retrieval.fusion import Fuse
    from retrieval.lexical import WordLeg
    from retrieval.scoped import Naming
    from retrieval.vectors import VectorStore
    from retrieval.windows import Sentences

Leg = Literal["hybrid", "words", "dense"]
N_CANDIDATES = 120
"""Windows that each leg may bring; some overlap, so it is many for each passage that is sent."""
CANDIDATES_PER_PASSAGE = 20
MAX_SCANNED = 20_000
"""Up to so many open windows are all compared; where more are open, the store is asked and what is barred left out."""
FILTER_FACTOR = 10
WEAK_SCOPE_SHARE = 0.5
"""A scope whose best window scores less than this share of the library's best is weak; all is searched then."""
LEAN = 3.0
"""A window of a document that surely serves what is asked counts so many times more, beside its own score."""


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """A document as it is searched."""

    name: str
    title: str
    text: str
    sentences: Sentences
    line_starts: tuple[int, ...]
    intents: tuple[str, ...] = ()
    """Names of the intents it serves; empty serves all."""

    @classmethod
    def of(
        cls, name: str, text: str, sentences: Sentences, *, title: str = "", intents: tuple[str, ...] = ()
    ) -> IndexedDocument:
        """Return the document with its lines counted."""
        lines = (0, *(match.end() for match in re.finditer("\n", text)))
        return cls(name, title, text, sentences, lines, intents)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the vectors of an index were made with; another recipe needs another index."""

    window_size: int
    passage_prefix: str = ""
    """Put before every window for the embedder, such as `passage: ` for E5."""
    question_prefix: str = ""


@dataclass(frozen=True, slots=True)
class _Question:
    """A question, read once."""

    wanted: list[int]
    """Its terms that the library has."""
    vector: NDArray[np.float32] | None
    """`None` where the vectors have no say."""
    degraded: str | None = None


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Windows that came near, and what each leg says of them."""

    rows: NDArray[np.int64]
    words: NDArray[np.float32]
    dense: NDArray[np.float32]


class Index:
    """Windows of documents, searched by words and by vectors; never changes once built, so threads may share it.

    `windows` holds document, first and last (exclusive) sentence of each window, `(n, 3)`; `words` and `vectors` have
    one row a window; `embedder` made the vectors.
    """

    __slots__ = (
        "_common", "_max_scanned", "_open", "_places", "documents", "embedder", "recipe", "vectors", "windows", "words"
    )  # fmt: skip

    def __init__(
        self,
        documents: Sequence[IndexedDocument],
        windows: NDArray[np.int32],
        *,
        words: WordLeg,
        vectors: VectorStore,
        embedder: Embedder,
        recipe: Recipe,
        max_scanned: int = MAX_SCANNED,
    ) -> None:
        self.documents = tuple(documents)
        self.windows = windows
        self.words = words
        self.vectors = vectors
        self.embedder = embedder
        self.recipe = recipe
        self._max_scanned = max_scanned
        self._common = common_part(vectors) if len(windows) and embedder.name != LsaEmbedder.name else None
        self._places = {document.name: place for place, document in enumerate(self.documents)}
        self._open = {own: ~self._rows_of(twins(self._places, own)) for own in LANGUAGE_FOLDERS}

    def __len__(self) -> int:
        return len(self.windows)

    def search(
        self,
        question: str,
        limits: Limits,
        *,
        scope: Collection[str] | None = None,
        lean: Mapping[str, float] | None = None,
        naming: Naming | None = None,
        leg: Leg = "hybrid",
        count_tokens: Callable[[str], int] = estimate_tokens,
        vector: NDArray[np.float32] | None = None,
        fuse: Fuse = by_script,
        choosing: Choosing = choose,
    ) -> Found:
        """Return passages within `limits`, best first; scores are 0 to 1, a share of what both legs found best.

        `scope` names documents; the others are searched only where the scope is weak, or with `lean`: how likely it is
        that a document serves what is asked, 0 to 1, by its name. `naming` lifts windows that hold what the question
        names. A remote embedder's failure is told in `degraded`.
        `vector` is what `embed_questions` gave; `fuse` is another rule, `choosing` another way to take what is sent.
        """
        question = question[-MAX_QUERY_CHARS:]
        if not len(self) or not question.strip():
            return Found()
        read = self._read(question, leg, vector)
        words = self.words.scores(read.wanted) if leg != "dense" else np.zeros(len(self), dtype=np.float32)
        is_open = self._open[language_of(question)]
        n = max(N_CANDIDATES, CANDIDATES_PER_PASSAGE * limits.most)
        ranked = self._rank(read, words, n=n, is_open=is_open)
        best = Best.of(ranked.words, ranked.dense)
        rule = fuse(question, self.embedder.name) if leg == "hybrid" else convex_by(float(leg == "dense"))
        scores = rule(ranked.words, ranked.dense, best)
        rows, how = ranked.rows, "none"
        if scope is not None:
            inside = self._rank(read, words, n=n, is_open=is_open & self._rows_of(scope))
            mine = rule(inside.words, inside.dense, best)
            how = "kept" if 0 < WEAK_SCOPE_SHARE * scores.max(initial=0) <= mine.max(initial=0) else "weak"
            if lean:
                rows, at = np.unique(np.concatenate([rows, inside.rows]), return_index=True)
                scores = np.concatenate([scores, mine])[at]
            elif how == "kept":
                rows, scores = inside.rows, mine
        scores = scores if not lean else scores * self._leaning(lean, rows)
        lift = lift_of(naming, self.words, rows) if naming else None
        scores = scores * lift.factors if lift else scores
        chosen = choosing(self._candidates(rows, scores, n), self._texts(count_tokens), limits)
        found = tuple(self._passage(each) for each in chosen)
        told = lift.told([each.passage for each in found], self._place) if lift else ()
        return Found(found, how, read.degraded, told, read.vector)

    def nearest(self, question: str, vector: NDArray[np.float32], *, n: int) -> NDArray[np.int64]:
        """Return the `n` windows nearest to a question's vector, best first; none of a twin in another language."""
        return self._nearest(vector, n, self._open[language_of(question)]) if len(self) else np.zeros(0, dtype=np.int64)

    def scope_of(self, intents: Collection[str]) -> frozenset[str]:
        """Return the names of the documents that serve one of the intents, or all intents."""
        wanted = set(intents)
        return frozenset(doc.name for doc in self.documents if not doc.intents or not wanted.isdisjoint(doc.intents))

    def embed_questions(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of many questions at once, for `search`. Raises `UpstreamError`."""
        return self.embedder.embed([self.recipe.question_prefix + each[-MAX_QUERY_CHARS:] for each in questions])

    def _read(self, question: str, leg: Leg, vector: NDArray[np.float32] | None) -> _Question:
        """Return the question as the legs want it."""
        wanted = self.words.known(question)
        if leg == "words":
            return _Question(wanted, None)
        try:
            found = self.embed_questions([question])[0] if vector is None else vector
        except UpstreamError as error:
            return _Question(wanted, None, degraded=str(error))
        return _Question(wanted, found if found.any() else None)

    def _rank(self, question: _Question, words: NDArray[np.float32], *, n: int, is_open: NDArray[np.bool_]) -> _Ranked:
        """Return the windows that one of the legs puts among its `n` best, those that are not open left out."""
        by_words = np.argpartition(-np.where(is_open, words, 0), min(n, len(words)) - 1)[:n]
        by_words = by_words[words[by_words] > 0]
        rows = [by_words]
        if question.vector is not None:
            rows.append(self._nearest(question.vector, n, is_open))
        near = np.unique(np.concatenate(rows))
        near = near[is_open[near]]
        raised = (words[near] * (1 + TITLE_WEIGHT * self.words.named(question.wanted, near))).astype(np.float32)
        return _Ranked(near, raised, self._nearness(question.vector, near))

    def _nearness(self, vector: NDArray[np.float32] | None, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return by how much each of the windows is nearer to a question than windows are on average; without: 0."""
        if vector is None:
            return np.zeros(len(rows), dtype=np.float32)
        found = self.vectors.scores(vector, rows)
        return found if self._common is None else found - np.float32(np.einsum("i,i->", self._common, vector))

    def _nearest(self, vector: NDArray[np.float32], n: int, is_open: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the open windows nearest to the vector: all are compared where only some are open."""
        n_open = int(is_open.sum())
        if n_open == len(self):
            return self.vectors.search(vector, n=n)[0]
        rows = np.flatnonzero(is_open)
        if n_open > self._max_scanned:
            rows = self.vectors.search(vector, n=n * FILTER_FACTOR)[0]
            return rows[is_open[rows]][:n]
        scores = self.vectors.scores(vector, rows)
        return rows[np.argsort(-scores, kind="stable")[:n]]

    def _rows_of(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Return for each window whether it is of one of these documents; unknown names are passed over."""
        marked = np.zeros(len(self.documents), dtype=bool)
        marked[[self._places[name] for name in names if name in self._places]] = True
        return marked[self.windows[:, 0]]

    def _leaning(self, lean: Mapping[str, float], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return what each window's score is multiplied with: 1 for the documents that are likeliest to serve."""
        factors = np.ones(len(self.documents), dtype=np.float32)
        for name, share in lean.items():
            if name in self._places:
                factors[self._places[name]] += LEAN * share
        return (factors / factors.max(initial=1))[self.windows[rows, 0]]

    def _candidates(self, rows: NDArray[np.int64], scores: NDArray[np.float32], n: int) -> list[Candidate]:
        """Return the `n` best windows."""
        best = np.argsort(-scores, kind="stable")[:n]
        places, found = self.windows[rows[best]].tolist(), scores[best].tolist()
        return [
            Candidate(document, first, last, score)
            for (document, first, last), score in zip(places, found, strict=True)
        ]

    def _place(self, row: int) -> tuple[str, int, int]:
        """Return document, start and end of a window."""
        place, first, last = (int(each) for each in self.windows[row])
        document = self.documents[place]
        return document.name, document.sentences.starts[first], document.sentences.starts[last]

    def _texts(self, count_tokens: Callable[[str], int]) -> Texts:
        return Texts(
            text=lambda at: self.documents[at].text,
            starts=lambda at: self.documents[at].sentences.starts,
            count_tokens=count_tokens,
        )

    def _passage(self, chosen: Chosen) -> FoundPassage:
        """Return a chosen stretch with its lines and headings."""
        document = self.documents[chosen.document]
        text = document.text[chosen.start : chosen.end]
        passage = Passage(
            doc=document.name,
            title=document.sentences.titles[bisect_right(document.sentences.starts, chosen.start) - 1],
            text=text,
            start_line=line_of(document.line_starts, chosen.start),
            end_line=line_of(document.line_starts, chosen.start + len(text.rstrip()) - 1),
            start=chosen.start,
            end=chosen.end,
            score=chosen.score,
        )
        return FoundPassage(passage, chosen.n_tokens)
