r"""Scores labels that nobody trained: the list of labels is read once and kept, each prompt costs one short prefill.

The model sees a lettered list and the prompt, and the scores of the letters as its next token are compared. What it
would say without any prompt is taken off first, for models like some letters better than others (Zhao et al. 2021).
The scores are the model's own liking, not calibrated on anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.calibration import softmax
from classifier.qwen.artefact import TOKENIZER
from classifier.qwen.base import find_base, load_language_model, pick_device
from classifier.qwen.decision import Rule
from classifier.qwen.encoding import MAX_CHARS, load_encoder
from classifier.qwen.libraries import torch, transformers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from classifier.qwen.decision import Floats
    from classifier.qwen.encoding import Encoder

MOST_LABELS = len(ascii_uppercase)
_HEAD = "判断用户的话属于哪一类，只回答字母。 Which of these is the user asking for? Answer with the letter only.\n"
_ASK, _END = "\n用户: ", "\n答案 Answer:"
_NOTHING = "N/A"
_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class LabelShares:
    """What one text scored: shares of the labels, in their order, summing to 1."""

    labels: tuple[str, ...]
    shares: Floats
    n_tokens: int
    """Tokens that were read for this text beyond the kept list."""

    def chosen(self, *, at_least: float) -> tuple[str, ...]:
        """Return the labels with at least this share, likeliest first; the best one where none has it."""
        order = [int(at) for at in np.argsort(-self.shares, kind="stable")]
        kept = [at for at in order if self.shares[at] >= at_least] or order[:1]
        return tuple(self.labels[at] for at in kept)


class PrefixScorer:
    """A language model with a list of labels in its cache; blocks, and is not safe for two threads at once."""

    def __init__(
        self,
        model: Any,
        encoder: Encoder,
        descriptions: Mapping[str, str],
        *,
        max_tokens: int = 256,
        device: str = "cpu",
    ) -> None:
        if not 0 < len(descriptions) <= MOST_LABELS:
            raise ValueError(f"between 1 and {MOST_LABELS} labels can be told apart by letter, not {len(descriptions)}")
        self.labels = tuple(descriptions)
        self._model, self._encoder, self._device = model, encoder, device
        self._max_tokens = max_tokens
        letters = ascii_uppercase[: len(self.labels)]
        lines = [f"{letter}. {name}: {descriptions[name]}" for letter, name in zip(letters, self.labels, strict=True)]
        self._prefix = encoder.plain(_HEAD + "\n".join(lines) + _ASK)
        self._end = encoder.plain(_END)
        self._letters = [encoder.plain(f" {letter}")[-1] for letter in letters]
        if len(set(self._letters)) != len(self._letters):
            raise ValueError("the tokenizer does not tell the letters of the labels apart")
        self._cache: Any = None
        self._bias: Floats = np.zeros(len(self.labels))
        self._bias = self._scores(encoder.plain(_NOTHING))

    @property
    def n_kept_tokens(self) -> int:
        """Tokens of the list, read once."""
        return len(self._prefix)

    def n_tokens(self, text: str) -> int:
        """Return how many tokens are read for a text."""
        return len(self._ids(text)) + len(self._end)

    def score(self, text: str) -> LabelShares:
        """Return the labels' shares for one text, by one prefill over the kept list."""
        ids = self._ids(text)
        return LabelShares(self.labels, softmax(self._scores(ids) - self._bias), len(ids) + len(self._end))

    def score_whole(self, text: str) -> LabelShares:
        """Return the same without the cache: list and text in one prefill; for tests and comparison."""
        ids = [*self._prefix, *self._ids(text), *self._end]
        with torch().inference_mode():
            found = self._model(input_ids=torch().tensor([ids], device=self._device), logits_to_keep=1)
        return LabelShares(self.labels, softmax(self._picked(found) - self._bias), len(ids))

    def _ids(self, text: str) -> list[int]:
        return self._encoder.plain(text[:MAX_CHARS])[: self._max_tokens]

    def _scores(self, ids: list[int]) -> Floats:
        """Return the letters' log-probabilities; the cache holds the list, before and after."""
        suffix = [*ids, *self._end]
        with torch().inference_mode():
            if self._cache is None:
                self._cache = transformers().DynamicCache(config=self._model.config)
                self._model(
                    input_ids=torch().tensor([self._prefix], device=self._device),
                    past_key_values=self._cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
            cache, self._cache = self._cache, None  # a pass that fails leaves no half of its text behind
            found = self._model(
                input_ids=torch().tensor([suffix], device=self._device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            cache.crop(-len(suffix))
            self._cache = cache
        return self._picked(found)

    def _picked(self, found: Any) -> Floats:
        scores = found.logits[0, -1].float().log_softmax(-1)[self._letters]
        return np.asarray(scores.cpu().numpy(), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class PrefixHead:
    """A scorer served like a trained head: its scores are the log-odds of the shares, one prefill a text."""

    scorer: PrefixScorer
    rule: Rule
    version: str = "untrained"

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return log-odds, (texts, labels)."""
        shares = np.array([self.scorer.score(text).shares for text in texts]).clip(_EDGE, 1 - _EDGE)
        return np.log(shares) - np.log1p(-shares)

    def n_tokens(self, text: str) -> int:
        """Return how many tokens are read for a text, beyond the kept list."""
        return self.scorer.n_tokens(text)


def load_prefix_head(
    base: str,
    descriptions: Mapping[str, str],
    *,
    at_least: float = 0.3,
    abstain_below: float = 0.5,
    device: str = "auto",
    threads: int = 1,
) -> PrefixHead:
    """Return a head of labels that nobody trained, chosen from a share of `at_least`. Raises as `load_scorer` does.

    Both thresholds are on the model's own liking: they are the operator's guess until rows say better.
    """
    scorer = load_scorer(base, descriptions, device=device, threads=threads)
    return PrefixHead(scorer, Rule(scorer.labels, 1.0, (at_least,) * len(scorer.labels), abstain_below))


def load_scorer(
    base: str, descriptions: Mapping[str, str], *, device: str = "auto", threads: int = 1, max_tokens: int = 256
) -> PrefixScorer:
    """Return a scorer of a pretrained model. Raises `ArtefactError`, `MissingLibraryError` and `ValueError`."""
    files = find_base(base)
    torch().set_num_threads(threads)
    encoder = load_encoder(files.folder / TOKENIZER, max_tokens=max_tokens)
    place = pick_device(device)
    return PrefixScorer(
        load_language_model(files).to(place), encoder, descriptions, max_tokens=max_tokens, device=place
    )
