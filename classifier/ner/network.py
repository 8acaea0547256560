"""The tagger in torch: summed term vectors, a bidirectional LSTM, a linear layer, and the weights of the chain.

`classifier/ner/export.py` writes the same sums as an ONNX graph. Only training needs this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.ner.crf import ChainTensors, log_likelihood
from classifier.ner.viterbi import legal
from classifier.qwen.libraries import torch

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a tagger is."""

    n_terms: int
    n_tags: int
    width: int = 64
    """Numbers of a term's vector."""
    hidden: int = 64
    """Numbers of the LSTM's state, each way."""
    dropout: float = 0.4
    lost_terms: float = 0.15
    """Share of a token's terms that training leaves out, so that what is unknown later is no surprise."""


class Tagger:
    """Holds the layers; terms are numbered from 1, 0 stands for none."""

    def __init__(self, shape: Shape, tags: Sequence[str]) -> None:
        t = torch()
        nn = t.nn
        self.shape = shape
        self.tags = tuple(tags)
        self.layers: Any = nn.ModuleDict(
            {
                "terms": nn.Embedding(shape.n_terms + 1, shape.width, padding_idx=0),
                "lstm": nn.LSTM(shape.width, shape.hidden, batch_first=True, bidirectional=True),
                "emit": nn.Linear(2 * shape.hidden, shape.n_tags),
            }
        )
        nn.init.normal_(self.layers["terms"].weight, std=0.1)
        with t.no_grad():
            self.layers["terms"].weight[0].zero_()
        self.chain_weights: Any = nn.ParameterDict(
            {
                "start": nn.Parameter(t.zeros(shape.n_tags)),
                "moves": nn.Parameter(t.zeros(shape.n_tags, shape.n_tags)),
                "stop": nn.Parameter(t.zeros(shape.n_tags)),
            }
        )
        allowed = legal(self.tags)
        self._start, self._moves = t.from_numpy(allowed.start), t.from_numpy(allowed.moves)

    def parameters(self) -> list[Any]:
        """Return everything that is learnt."""
        return [*self.layers.parameters(), *self.chain_weights.parameters()]

    def chain(self) -> ChainTensors:
        """Return the weights of the chain with what BIO forbids."""
        own = self.chain_weights
        return ChainTensors(own["start"] + self._start, own["moves"] + self._moves, own["stop"])

    def emissions(self, terms: Any, lengths: Any, *, learning: bool) -> Any:
        """Return (rows, tokens, tags) for term numbers, (rows, tokens, slots)."""
        t = torch()
        drop = t.nn.functional.dropout
        if learning:
            terms = terms * (t.rand(terms.shape) >= self.shape.lost_terms)
        summed = self.layers["terms"](terms).sum(2)
        packed = t.nn.utils.rnn.pack_padded_sequence(
            drop(summed, self.shape.dropout, learning), lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = t.nn.utils.rnn.pad_packed_sequence(
            self.layers["lstm"](packed)[0], batch_first=True, total_length=terms.shape[1]
        )
        return self.layers["emit"](drop(states, self.shape.dropout, learning))

    def loss(self, terms: Any, gold: Any, lengths: Any) -> Any:
        """Return the mean negative log-likelihood of the gold paths, dropout on."""
        emitted = self.emissions(terms, lengths, learning=True)
        return -log_likelihood(emitted, gold, lengths, self.chain()).mean()
