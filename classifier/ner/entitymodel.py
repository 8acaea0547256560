"""Finds named entities with a shipped artefact: ONNX Runtime for the emissions, Viterbi in NumPy, no torch.

`classifier/artefact.py` opens the folder; it is refused, with the file and the mend named, where graph, chain or golden
vectors do not agree either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from classifier.artefact import GOLDEN, MODEL, golden_cases, open_folder
from classifier.ner.preproc import decode
from classifier.ner.spans import OUTSIDE
from classifier.ner.tokens import Lexicon, number_terms, tokens
from classifier.ner.viterbi import Chain, best_path, legal, segment_p
from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from classifier.ner.preproc import EntityPreproc
    from classifier.ner.tokens import Token
    from classifier.runtime import Session
    from config.types import Json

TERMS_INPUT, EMISSIONS, CHAIN = "t", "emissions", "chain"
GOLDEN_TOLERANCE = 5e-3
_LEAST_P = 1e-6
_MOST_LOG_ODDS = 14.0


@dataclass(frozen=True, slots=True)
class Entity:
    """One named entity; `start` and `end` count characters of the text as it came, the end is exclusive."""

    start: int
    end: int
    type: str
    text: str
    confidence: float
    """Calibrated probability, 0 to 1, that both ends and the type are right."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A text read by the model."""

    tokens: tuple[Token, ...]
    path: NDArray[np.int64]
    """Number of the tag of each token."""
    emissions: NDArray[np.float32]
    """(tokens, tags)."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a text names."""

    entities: tuple[Entity, ...]
    confidence: float
    """Probability, 0 to 1, that these are all there are and each is right; 0 where there was nothing to read."""


class EntityModel:
    """One loaded artefact; `load` makes it. `read` may be called from several threads."""

    def __init__(self, session: Session, preproc: EntityPreproc, card: Json, version: str) -> None:
        self._session = session
        self._numbers = {term: at for at, term in enumerate(preproc.terms, start=1)}
        self._lexicon = Lexicon(preproc.lexicon)
        self.tags = preproc.columns
        self._chain = Chain(*(np.zeros(0, np.float32) for _ in range(3)))
        self.preproc = preproc
        self.card = card
        self.version = version

    @property
    def name(self) -> str:
        """Name of the blueprint that it was forged from."""
        return self.preproc.name

    @property
    def types(self) -> tuple[str, ...]:
        """Every type of entity that it knows."""
        return self.preproc.types

    @classmethod
    def load(cls, folder: Path) -> EntityModel:
        """Return the model of a folder after every check. Raises `ArtefactError`."""
        opened = open_folder(folder, decode)
        _check_graph(opened.session, opened.preproc, str(folder / MODEL))
        model = cls(opened.session, opened.preproc, opened.card, opened.version)
        model.read_chain(str(folder / MODEL))
        _prove(model, folder / GOLDEN)
        return model

    def read_chain(self, file: str) -> None:
        """Take the weights of the chain from the graph, where they stand behind the hash. Raises `ArtefactError`."""
        n = len(self.tags)
        none = np.zeros((1, self.preproc.slots), np.int64)
        rows = np.asarray(self._session.run([CHAIN], {TERMS_INPUT: none})[0], np.float32)
        if rows.shape != (n + 2, n) or not np.isfinite(rows).all():
            raise ArtefactError(f"does not hold a chain of {n} tags", file=file)
        allowed = legal(self.tags)
        self._chain = Chain(rows[0] + allowed.start, rows[2:] + allowed.moves, rows[1])

    def tagged(self, text: str) -> Tagged:
        """Return the tokens of a text with the best path of tags; legal in BIO always."""
        read = tokens(text)
        if not read:
            return Tagged((), np.zeros(0, np.int64), np.zeros((0, len(self.tags)), np.float32))
        numbers = number_terms(read, self._numbers, self._lexicon)
        emissions = np.asarray(self._session.run([EMISSIONS], {TERMS_INPUT: numbers})[0], np.float32)
        return Tagged(read, best_path(emissions, self._chain), emissions)

    def entities(self, text: str) -> tuple[Entity, ...]:
        """Return the entities of the first 4,096 characters of a text, in order; any text will do."""
        return self.read(text).entities

    def read(self, text: str) -> Found:
        """Return the entities, as `entities` does, and how sure it is that they are all and right."""
        read = self.tagged(text)
        if not read.tokens:
            return Found((), 0.0)
        segments = _segments([self.tags[int(tag)] for tag in read.path])
        whole, *sure = segment_p(read.emissions, self._chain, read.path, [(0, len(read.tokens)), *segments])
        found: list[Entity] = []
        for (first, end), p in zip(segments, sure, strict=True):
            start, stop = read.tokens[first].start, read.tokens[end - 1].end
            name = self.tags[int(read.path[first])][2:]
            found.append(Entity(start, stop, name, text[start:stop], tempered(p, self.preproc.temperature)))
        return Found(tuple(found), tempered(whole, self.preproc.temperature))


def tempered(p: float, temperature: float) -> float:
    """Return a probability whose log-odds were divided by the temperature; never quite 0 or 1."""
    p = min(max(p, _LEAST_P), 1 - _LEAST_P)
    odds = min(math.log(p / (1 - p)) / temperature, _MOST_LOG_ODDS)
    return 1 / (1 + math.exp(-max(odds, -_MOST_LOG_ODDS)))


def _segments(tags: Sequence[str]) -> list[tuple[int, int]]:
    """Return first token and end, exclusive, of each entity of a legal path."""
    found: list[tuple[int, int]] = []
    for at, tag in enumerate(tags):
        if tag.startswith("B-"):
            found.append((at, at + 1))
        elif tag != OUTSIDE:
            found[-1] = (found[-1][0], at + 1)
    return found


def _check_graph(session: Session, preproc: EntityPreproc, file: str) -> None:
    if {each.name: each.type for each in session.get_inputs()} != {TERMS_INPUT: "tensor(int64)"}:
        raise ArtefactError(f"does not take the input {TERMS_INPUT}", file=file)
    n_tags = len(preproc.columns)
    outputs = {each.name: each.shape[-1] for each in session.get_outputs()}
    if outputs != {EMISSIONS: n_tags, CHAIN: n_tags}:
        raise ArtefactError(f"does not give one emission for each of {n_tags} tags, and a chain", file=file)


def _prove(model: EntityModel, golden: Path) -> None:
    """Run the golden vectors: they catch a library that reads or computes otherwise than the one that trained."""
    for case in golden_cases(golden):
        try:
            text, sums = str(case["text"]), np.asarray(case["sums"], np.float64)
            tags = [str(each) for each in cast("list[object]", case["tags"])]
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError("holds a golden vector without text, tags or sums", file=str(golden)) from error
        read = model.tagged(text)
        found = read.emissions.max(axis=1, initial=-np.inf)
        near = found.shape == sums.shape and bool((np.abs(found - sums) <= GOLDEN_TOLERANCE).all())
        if not near or [model.tags[tag] for tag in read.path] != tags:
            raise ArtefactError(f"the model does not give the golden tags of {text[:40]!r}", file=str(golden))
