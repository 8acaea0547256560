"""Trains a tagger: shuffled batches of like lengths, early stopping on validation rows, the best epoch is kept."""

from __future__ import annotations

import copy
import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from classifier.ner.measures import f1_of
from classifier.ner.network import Shape, Tagger
from classifier.ner.spans import Span, SpanRow, bio, spans_of, tags_of
from classifier.ner.swapping import Forms, Swapper
from classifier.ner.tokens import SLOTS, Lexicon, number_terms, terms, tokens
from classifier.ner.viterbi import Chain, best_path
from classifier.qwen.libraries import torch

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from numpy.typing import NDArray

    from classifier.ner.tokens import Token

_GRADIENT_NORM = 5.0
_AT_ONCE = 64


class Progress(Protocol):
    """Is told how far a long step is."""

    def begin(self, what: str, total: int) -> None:
        """Begin a step of `total` parts."""
        ...

    def advance(self) -> None:
        """Say that a part is done."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a tagger is trained; the blueprint's table `[training]`."""

    max_terms: int = 3500
    """Terms that are kept, the most frequent ones."""
    min_rows: int = 2
    """Times that a term must occur."""
    width: int = 64
    hidden: int = 64
    dropout: float = 0.4
    lost_terms: float = 0.15
    swapped: float = 0.5
    """Share of the rows, each epoch, whose entities give way to others of the same type."""
    rounds: int = 1
    """Times that all rows are swapped to count the terms of."""
    max_rows: int = 4000
    """Rows that are trained on at most."""
    epochs: int = 24
    patience: int = 8
    """Epochs without a better validation after which training ends."""
    batch: int = 32
    rate: float = 6e-3
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Encoded:
    """A row as numbers."""

    tokens: tuple[Token, ...]
    terms: NDArray[np.int64]
    """(tokens, slots); 0 where there is none."""
    tags: NDArray[np.int64]


class _Reading:
    """Makes rows into numbers by a vocabulary, tags and a lexicon."""

    def __init__(self, vocabulary: tuple[str, ...], tags: tuple[str, ...], lexicon: Lexicon) -> None:
        self.vocabulary, self.tags = vocabulary, tags
        self._lexicon = lexicon
        self._numbers = {term: at for at, term in enumerate(vocabulary, start=1)}
        self._columns = {tag: at for at, tag in enumerate(tags)}

    def encoded(self, rows: Sequence[SpanRow]) -> list[Encoded]:
        return [encode(row, self._numbers, self._columns, self._lexicon) for row in rows]


class _Epochs:
    """Trains a tagger by an epoch at a time; each row is as it was written, or with its entities swapped."""

    def __init__(
        self,
        tagger: Tagger,
        rows: Sequence[SpanRow],
        recipe: Recipe,
        reading: _Reading,
        chance: tuple[Swapper, random.Random],
    ) -> None:
        optim = torch().optim
        n_steps = recipe.epochs * -(-len(rows) // recipe.batch)
        self._tagger, self._rows, self._recipe, self._reading = tagger, rows, recipe, reading
        self._swapper, self._dice = chance
        self._rule = optim.AdamW(tagger.parameters(), lr=recipe.rate, weight_decay=1e-3)
        self._pace = optim.lr_scheduler.OneCycleLR(self._rule, recipe.rate, total_steps=n_steps + 1, pct_start=0.15)
        self._plain = reading.encoded(rows)

    def run(self) -> None:
        now = [
            self._reading.encoded([self._swapper.swapped(row)])[0]
            if self._dice.random() < self._recipe.swapped
            else each
            for row, each in zip(self._rows, self._plain, strict=True)
        ]
        with one_thread():
            for batch in _batches(now, self._recipe.batch, self._dice):
                _step(self._tagger, self._rule, batch)
                self._pace.step()


@dataclass(frozen=True, slots=True)
class Trained:
    """The best tagger of a training."""

    tagger: Tagger
    vocabulary: tuple[str, ...]
    lexicon: Lexicon
    validation_f1: float
    epochs: int

    def golden(self, texts: Sequence[str]) -> list[tuple[list[str], list[float]]]:
        """Return, for each text, the tags and the largest emission of each token, as torch computes them."""
        found: list[tuple[list[str], list[float]]] = []
        for row in _encoded(self, [SpanRow(text, (), "") for text in texts]):
            if not row.tokens:
                found.append(([], []))
                continue
            emitted, chain = _emitted(self.tagger, [row])
            path = best_path(emitted[0], chain)
            found.append(([self.tagger.tags[tag] for tag in path], emitted[0].max(axis=1).tolist()))
        return found


def vocabulary_of(rows: Sequence[SpanRow], recipe: Recipe, lexicon: Lexicon) -> tuple[str, ...]:
    """Return the terms that occur often enough, the most frequent first, at most `max_terms`."""
    counts = Counter(term for row in rows for mine in terms(tokens(row.text), lexicon) for term in mine)
    often = [(term, n) for term, n in counts.items() if n >= recipe.min_rows]
    return tuple(term for term, _ in sorted(often, key=lambda pair: (-pair[1], pair[0]))[: recipe.max_terms])


def train(
    rows: Sequence[SpanRow],
    validation: Sequence[SpanRow],
    types: Sequence[str],
    recipe: Recipe,
    progress: Progress,
    *,
    forms: Forms | None = None,
) -> Trained:
    """Return the tagger of the epoch that was best on the validation rows."""
    torch().manual_seed(recipe.seed)
    dice = random.Random(recipe.seed)  # noqa: S311  # shuffles rows, guards nothing
    rows = [row for row in rows if tokens(row.text)]
    if len(rows) > recipe.max_rows:
        rows = dice.sample(list(rows), recipe.max_rows)
    swapper = Swapper(rows, forms or {}, dice)
    lexicon = Lexicon((name, form) for (_, name), listed in (forms or {}).items() for form in listed)
    swapped = [swapper.swapped(row) for _ in range(recipe.rounds) for row in rows]
    reading = _Reading(vocabulary_of([*rows, *swapped], recipe, lexicon), tags_of(types), lexicon)
    shape = Shape(
        len(reading.vocabulary), len(reading.tags), recipe.width, recipe.hidden, recipe.dropout, recipe.lost_terms
    )
    tagger = Tagger(shape, reading.tags)
    epochs = _Epochs(tagger, rows, recipe, reading, (swapper, dice))
    held = reading.encoded(validation)
    best, best_f1, best_epoch, done = None, -1.0, 0, 0
    progress.begin(f"training, seed {recipe.seed}", recipe.epochs)
    for epoch in range(recipe.epochs):
        epochs.run()
        done = epoch + 1
        figure = f1_of(validation, predicted(tagger, held))
        progress.advance()
        if figure > best_f1:
            best, best_f1, best_epoch = _state(tagger), figure, epoch
        elif epoch - best_epoch >= recipe.patience:
            break
    for module, kept in zip((tagger.layers, tagger.chain_weights), best or _state(tagger), strict=True):
        module.load_state_dict(kept)
    return Trained(tagger, reading.vocabulary, lexicon, best_f1, done)


@contextmanager
def one_thread() -> Generator[None]:
    """Keep torch to one thread inside: steps this small only wait for each other on more."""
    before = torch().get_num_threads()
    torch().set_num_threads(1)
    try:
        yield
    finally:
        torch().set_num_threads(before)


def encode(row: SpanRow, numbers: Mapping[str, int], columns: Mapping[str, int], lexicon: Lexicon) -> Encoded:
    """Return a row as numbers."""
    read = tokens(row.text)
    tags = np.array([columns[tag] for tag in bio(row, read)], np.int64)
    return Encoded(read, number_terms(read, numbers, lexicon), tags)


def found_by(trained: Trained, rows: Sequence[SpanRow]) -> list[tuple[Span, ...]]:
    """Return the entities that a trained tagger finds in rows."""
    return predicted(trained.tagger, _encoded(trained, rows))


def predicted(tagger: Tagger, rows: Sequence[Encoded]) -> list[tuple[Span, ...]]:
    """Return the entities that a tagger finds in rows, dropout off."""
    found: list[tuple[Span, ...]] = []
    for at in range(0, len(rows), _AT_ONCE):
        part = rows[at : at + _AT_ONCE]
        emitted, chain = _emitted(tagger, [each for each in part if each.tokens])
        turn = iter(emitted)
        for each in part:
            path = best_path(next(turn)[: len(each.tokens)], chain) if each.tokens else ()
            found.append(spans_of([tagger.tags[int(tag)] for tag in path], each.tokens))
    return found


def _encoded(trained: Trained, rows: Sequence[SpanRow]) -> list[Encoded]:
    return _Reading(trained.vocabulary, tuple(trained.tagger.tags), trained.lexicon).encoded(rows)


def _emitted(tagger: Tagger, rows: Sequence[Encoded]) -> tuple[NDArray[np.float32], Chain]:
    """Return (rows, tokens, tags), dropout off, for rows with tokens, and the chain."""
    with torch().no_grad():
        own = tagger.chain()
        chain = Chain(own.start.numpy(), own.moves.numpy(), own.stop.numpy())
        if not rows:
            return np.zeros((0, 0, len(tagger.tags)), np.float32), chain
        inputs, _, lengths = _tensors(rows)
        return np.asarray(tagger.emissions(inputs, lengths, learning=False).numpy()), chain


def _step(tagger: Tagger, rule: Any, batch: Sequence[Encoded]) -> None:
    inputs, gold, lengths = _tensors(batch)
    rule.zero_grad()
    tagger.loss(inputs, gold, lengths).backward()
    torch().nn.utils.clip_grad_norm_(tagger.parameters(), _GRADIENT_NORM)
    rule.step()


def _tensors(rows: Sequence[Encoded]) -> tuple[Any, Any, Any]:
    t = torch()
    longest = max(len(each.tokens) for each in rows)
    inputs = np.zeros((len(rows), longest, SLOTS), np.int64)
    gold = np.zeros((len(rows), longest), np.int64)
    for at, each in enumerate(rows):
        inputs[at, : len(each.tokens)] = each.terms
        gold[at, : len(each.tokens)] = each.tags
    lengths = t.tensor([len(each.tokens) for each in rows])
    return t.from_numpy(inputs), t.from_numpy(gold), lengths


def _batches(rows: Sequence[Encoded], size: int, dice: random.Random) -> list[list[Encoded]]:
    """Return all rows in batches of about like lengths, in a new order each time."""
    order = sorted(rows, key=lambda each: len(each.tokens) + dice.random() * 8)
    batches = [order[at : at + size] for at in range(0, len(order), size)]
    dice.shuffle(batches)
    return batches


def _state(tagger: Tagger) -> tuple[Any, Any]:
    return copy.deepcopy(tagger.layers.state_dict()), copy.deepcopy(tagger.chain_weights.state_dict())
