"""The likelihood of tag paths under a linear-chain CRF, batched, in torch: what training makes large.

All arguments are tensors: `emissions` (rows, tokens, tags), `gold` (rows, tokens), `lengths` (rows,), `start` and
`stop` (tags,), `moves` (from, to). Every row has at least one token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from classifier.qwen.libraries import torch

_LEAST = 1e-30
"""What a forbidden step weighs at least: its logarithm stays a number that gradients can pass."""


@dataclass(frozen=True, slots=True)
class ChainTensors:
    """The weights of a chain as tensors; what is forbidden weighs very little."""

    start: Any
    moves: Any
    stop: Any


def log_likelihood(emissions: Any, gold: Any, lengths: Any, chain: ChainTensors) -> Any:
    """Return, (rows,), the log-probability of each row's gold path."""
    return path_score(emissions, gold, lengths, chain) - log_partition(emissions, lengths, chain)


def path_score(emissions: Any, gold: Any, lengths: Any, chain: ChainTensors) -> Any:
    """Return, (rows,), the sum of weights along each row's gold path."""
    here = emissions.gather(2, gold.unsqueeze(2)).squeeze(2)
    there = torch().arange(emissions.shape[1])[None, :] < lengths[:, None]
    moved = chain.moves[gold[:, :-1], gold[:, 1:]]
    last = gold.gather(1, (lengths - 1).unsqueeze(1)).squeeze(1)
    steps = (here * there).sum(1) + (moved * there[:, 1:]).sum(1)
    return chain.start[gold[:, 0]] + steps + chain.stop[last]


def log_partition(emissions: Any, lengths: Any, chain: ChainTensors) -> Any:
    """Return, (rows,), the log-sum of weights over every path of each row.

    Each step is a product of matrices of exponentials, which with many tags is several times as fast as a log-sum.
    """
    t = torch()
    moves = chain.moves.exp()
    score = chain.start + emissions[:, 0]
    for at in range(1, emissions.shape[1]):
        top = score.detach().amax(1, keepdim=True)
        onward = ((score - top).exp() @ moves).clamp_min(_LEAST).log() + top + emissions[:, at]
        score = t.where((at < lengths).unsqueeze(1), onward, score)
    return t.logsumexp(score + chain.stop, 1)
