"""The chain against brute force: every path of small cases is walked."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.ner.spans import tags_of
from classifier.ner.viterbi import FORBIDDEN, Chain, best_path, legal, segment_p

seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(1, 5)


def drawn(seed: int, n_tokens: int, n_tags: int) -> tuple[np.ndarray, Chain]:
    """Emissions and a chain of random weights."""
    rng = np.random.default_rng(seed)
    start, moves, stop = rng.normal(0, 2, n_tags), rng.normal(0, 2, (n_tags, n_tags)), rng.normal(0, 2, n_tags)
    emissions = rng.normal(0, 2, (n_tokens, n_tags)).astype(np.float32)
    return emissions, Chain(start.astype(np.float32), moves.astype(np.float32), stop.astype(np.float32))


def weight(path: tuple[int, ...], emissions: np.ndarray, chain: Chain) -> float:
    """The sum of weights along a path."""
    steps = sum(float(chain.moves[a, b]) for a, b in pairwise(path))
    here = sum(float(emissions[at, tag]) for at, tag in enumerate(path))
    return float(chain.start[path[0]]) + steps + here + float(chain.stop[path[-1]])


def paths(emissions: np.ndarray) -> list[tuple[int, ...]]:
    """Every path of tags over the tokens."""
    return list(product(range(emissions.shape[1]), repeat=len(emissions)))


@settings(max_examples=60, deadline=None)
@given(seeds, lengths, st.integers(1, 5))
def test_the_best_path_is_the_best_of_all_paths(seed: int, n_tokens: int, n_tags: int) -> None:
    """Viterbi finds what walking every path finds."""
    emissions, chain = drawn(seed, n_tokens, n_tags)
    best = max(weight(path, emissions, chain) for path in paths(emissions))

    assert best == pytest.approx(weight(tuple(best_path(emissions, chain)), emissions, chain), abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(seeds, lengths, st.integers(1, 2))
def test_the_best_path_under_bio_never_takes_a_forbidden_step(seed: int, n_tokens: int, n_types: int) -> None:
    """No inside tag stands first or behind anything but its own type."""
    tags = tags_of([f"t{at}" for at in range(n_types)])
    emissions, chain = drawn(seed, n_tokens, len(tags))
    allowed = legal(tags)
    bound = Chain(chain.start + allowed.start, chain.moves + allowed.moves, chain.stop)
    path = [tags[tag] for tag in best_path(emissions, bound)]

    for before, tag in zip(["O", *path], path, strict=False):
        assert not tag.startswith("I-") or before[2:] == tag[2:]


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 4), st.data())
def test_a_segments_probability_is_the_share_of_all_paths_that_agree(seed: int, n_tokens: int, data) -> None:
    """Paths that carry the entity on behind its end do not agree."""
    tags = tags_of(["t"])
    emissions, chain = drawn(seed, n_tokens, len(tags))
    first = data.draw(st.integers(0, n_tokens - 1))
    end = data.draw(st.integers(first + 1, n_tokens))
    path = np.array([0] * first + [1] + [2] * (n_tokens - first - 1))
    every = {each: np.exp(weight(each, emissions, chain)) for each in paths(emissions)}
    agreeing = sum(
        each_weight
        for each, each_weight in every.items()
        if each[first:end] == tuple(path[first:end]) and (end == n_tokens or each[end] != 2)
    )
    (found,) = segment_p(emissions, chain, path, [(first, end)])

    assert float(agreeing / sum(every.values())) == pytest.approx(found, rel=1e-4, abs=1e-9)


def test_nothing_has_no_path_and_no_segment() -> None:
    """A text without tokens is no error."""
    emissions, chain = np.zeros((0, 3), np.float32), legal(tags_of(["t"]))

    assert [] == best_path(emissions, chain).tolist()
    assert [] == segment_p(emissions, chain, np.zeros(0, np.int64), [])


def test_a_long_text_runs_neither_over_nor_under() -> None:
    """Scaling at each token keeps four thousand of them within floats."""
    emissions, chain = drawn(7, 4000, 3)
    path = best_path(emissions * 50, chain)
    (found,) = segment_p(emissions * 50, chain, path, [(1999, 2000)])

    assert np.isfinite(found)
    assert found >= 0
    assert legal(tags_of(["t"])).start[2] == FORBIDDEN
