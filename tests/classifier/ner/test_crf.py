"""The likelihood that training makes large, against brute force."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="of the extra ml")

from classifier.ner.crf import ChainTensors, log_likelihood, log_partition, path_score  # noqa: E402  # after the skip

pytestmark = pytest.mark.ml


def drawn(seed: int, rows: int, n_tokens: int, n_tags: int):
    """Emissions, gold tags, lengths and a chain of random weights."""
    made = torch.Generator().manual_seed(seed)
    emissions = torch.randn(rows, n_tokens, n_tags, generator=made)
    gold = torch.randint(0, n_tags, (rows, n_tokens), generator=made)
    lengths = torch.randint(1, n_tokens + 1, (rows,), generator=made)
    chain = ChainTensors(
        torch.randn(n_tags, generator=made),
        torch.randn(n_tags, n_tags, generator=made),
        torch.randn(n_tags, generator=made),
    )
    return emissions, gold, lengths, chain


def weight(path, emissions, chain) -> float:
    """The sum of weights along one path."""
    total = chain.start[path[0]] + chain.stop[path[-1]] + sum(emissions[at, tag] for at, tag in enumerate(path))
    return float(total + sum(chain.moves[a, b] for a, b in pairwise(path)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
def test_partition_and_score_are_those_of_all_paths(seed: int, rows: int, n_tokens: int, n_tags: int) -> None:
    """Rows of different lengths in one batch each sum over their own paths alone."""
    emissions, gold, lengths, chain = drawn(seed, rows, n_tokens, n_tags)
    whole = log_partition(emissions, lengths, chain)
    scores = path_score(emissions, gold, lengths, chain)
    for at in range(rows):
        n = int(lengths[at])
        every = [weight(path, emissions[at], chain) for path in product(range(n_tags), repeat=n)]

        assert np.logaddexp.reduce(every) == pytest.approx(float(whole[at]), abs=1e-3)
        assert weight(gold[at, :n].tolist(), emissions[at], chain) == pytest.approx(float(scores[at]), abs=1e-4)


def test_the_likelihoods_of_all_paths_sum_to_one() -> None:
    """It is a distribution over paths."""
    emissions, _, _, chain = drawn(3, 1, 3, 3)
    every = torch.tensor(list(product(range(3), repeat=3)))
    found = log_likelihood(emissions.expand(len(every), -1, -1), every, torch.full((len(every),), 3), chain)

    assert pytest.approx(1.0, abs=1e-4) == float(found.exp().sum())


def test_forbidden_steps_leave_finite_gradients() -> None:
    """A tag that nothing reaches takes no part, and breaks nothing."""
    emissions, gold, lengths, chain = drawn(5, 2, 4, 3)
    emissions.requires_grad_()
    bound = ChainTensors(chain.start + torch.tensor([0.0, 0.0, -1e4]), chain.moves, chain.stop)
    log_likelihood(emissions, gold * 0, lengths, bound).sum().backward()

    assert emissions.grad is not None
    assert bool(torch.isfinite(emissions.grad).all())
