"""New labels without training: the kept list gives what the whole prompt gives, however often it is used."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.qwen.base import find_base, load_language_model
from classifier.qwen.decision import decide
from classifier.qwen.encoding import load_encoder
from classifier.qwen.prefix import PrefixScorer, load_prefix_head, load_scorer
from tests.classifier.qwen.conftest import NO_TORCH, ROWS

pytest.importorskip("torch", reason=NO_TORCH)
pytestmark = pytest.mark.ml

DESCRIPTIONS = {"payment": "money, 付款和退款", "order": "parcels, 订单", "none": "anything else, 其他"}


@pytest.fixture(scope="module")
def scorer(tiny_base):
    """A scorer of three labels."""
    return load_scorer(str(tiny_base), DESCRIPTIONS, device="cpu", threads=1)


@pytest.mark.parametrize("text", [text for text, _ in ROWS[:4]] + ["", "x" * 100_000])
def test_kept_list_scores_as_the_whole_prompt(scorer, text):
    """The cache is cut back to the list after each text, whatever came before."""
    kept, whole = scorer.score(text), scorer.score_whole(text)

    assert np.allclose(kept.shares, whole.shares, atol=1e-4)
    assert whole.n_tokens == kept.n_tokens + scorer.n_kept_tokens


def test_same_text_scores_the_same_again(scorer):
    """Nothing of an earlier text is left."""
    first = scorer.score("我要退款")
    scorer.score("something else, and longer")

    assert np.allclose(first.shares, scorer.score("我要退款").shares, atol=1e-6)


def test_shares_sum_to_one_in_the_order_of_the_labels(scorer):
    """They are shares of the labels, and the best one is always chosen."""
    found = scorer.score("我要退款")

    assert tuple(DESCRIPTIONS) == found.labels
    assert 1.0 == pytest.approx(found.shares.sum())
    assert (found.labels[int(found.shares.argmax())],) == found.chosen(at_least=1.1)
    assert 3 == len(found.chosen(at_least=0.0))


def test_pass_that_fails_leaves_no_half_text(tiny_base):
    """The list is read anew after a failure, and scores are as before."""

    class Model:
        def __init__(self, model):
            self.model, self.config, self.fails = model, model.config, False

        def __call__(self, **inputs):
            found = self.model(**inputs)
            if self.fails:
                raise RuntimeError("out of memory")
            return found

    model = Model(load_language_model(find_base(str(tiny_base))))
    scorer = PrefixScorer(model, load_encoder(tiny_base / "tokenizer.json", max_tokens=64), DESCRIPTIONS)
    before = scorer.score("我要退款")
    model.fails = True
    with pytest.raises(RuntimeError):
        scorer.score("half")
    model.fails = False

    assert np.allclose(before.shares, scorer.score("我要退款").shares, atol=1e-6)


@pytest.mark.parametrize("n", [0, 27])
def test_more_labels_than_letters_are_told(tiny_base, n):
    """Each label needs a letter of its own."""
    with pytest.raises(ValueError, match="between 1 and 26"):
        load_scorer(str(tiny_base), {str(each): "" for each in range(n)}, device="cpu")


def test_tokenizer_without_letters_is_told(tiny_base):
    """Labels whose letters are one token cannot be told apart."""

    class Encoder:
        def plain(self, text):
            return [5] * len(text)

    with pytest.raises(ValueError, match="tell the letters"):
        PrefixScorer(load_language_model(find_base(str(tiny_base))), Encoder(), DESCRIPTIONS)


def test_served_head_decides_by_the_shares(tiny_base, scorer):
    """Log-odds and back: the probabilities of a verdict are the shares."""
    head = load_prefix_head(str(tiny_base), DESCRIPTIONS, at_least=0.0, abstain_below=0.0, device="cpu")
    verdict = decide(head.logits(["我要退款"])[0], head.rule)

    assert np.allclose(scorer.score("我要退款").shares, verdict.probabilities, atol=1e-4)
    assert scorer.score("我要退款").n_tokens == head.n_tokens("我要退款")
