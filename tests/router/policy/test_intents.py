from __future__ import annotations

import numpy as np
import pytest

from router.policy.features import features
from router.policy.intents import fit_guesser, tuned
from router.policy.sparse import sparse
from tests.router.policy.policy_rows import SUBJECTS, labelled

NAMES = tuple(sorted(SUBJECTS))


def _rows(texts):
    return sparse([features(text) for text in texts])


@pytest.fixture(scope="module")
def guesser():
    """A guesser of three subjects, tuned to prompts that it did not learn from."""
    train, held = labelled(300), labelled(300, seed=1)
    found = fit_guesser(_rows(row["prompt"] for row in train), [row["task"] for row in train], NAMES)
    scores = found.scores(_rows(row["prompt"] for row in held))
    return tuned(found, scores, [row["task"] for row in held], NAMES)


def test_prompts_are_guessed_by_their_words(guesser):
    """Words of a subject lead to it."""
    shares = guesser.shares(guesser.scores(_rows(" ".join(SUBJECTS[name]) for name in NAMES)))

    assert [0, 1, 2] == shares.argmax(1).tolist()
    assert [1.0, 1.0, 1.0] == pytest.approx(shares.sum(1))


def test_prompts_of_another_kind_are_strange(guesser):
    """Words that no intent has make a prompt strange, those of one do not."""
    scores = guesser.scores(_rows(["zebra safari lion giraffe elephant", " ".join(SUBJECTS["law"])]))

    assert [1.0, 0.0] == guesser.strangeness(scores).tolist()


def test_intent_without_rows_is_never_guessed():
    """A line of the prior table alone gives no words to guess by."""
    found = fit_guesser(_rows(["court statute", "add twelve"]), ["law", "sums"], ("fresh", "law", "sums"))

    assert pytest.approx(0.0) == found.shares(found.scores(_rows(["court"])))[0, 0]


def test_without_labels_nothing_is_tuned():
    """Labels that are none leave the guesser as it was, and nothing is strange to it."""
    found = fit_guesser(_rows(["court", "add"]), [None, "other"], ("law",))
    scores = found.scores(_rows(["court"]))

    assert tuned(found, scores, [None], ("law",)) is found
    assert [0.0] == found.strangeness(scores).tolist()


def test_weights_are_finite(guesser):
    """No slot leads to a NaN, also one that no prompt had."""
    assert np.isfinite(guesser.words).all()
