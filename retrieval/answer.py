"""Answers a question with sentences of the documents, cited by file and line, or says that they hold no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.tokens import estimate_tokens
from config.types import ExtractedAnswer
from retrieval.compose import compose
from retrieval.evidence import gather

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.types import Language
    from retrieval.evidence import Evidence
    from retrieval.index import LexicalIndex
    from retrieval.model import Model

MAX_TOKENS = 120
REFUSALS: dict[Language, str] = {
    "zh": "文档里没有这个问题的答案。",
    "en": "The documents hold no answer to this question.",
}


class ExtractiveAnswerer:
    """Says what the documents of `index()` say, word for word.

    `index` gives the current snapshot, such as `LibrarySearch.index`. `model` is the fitted one; by default what is
    shipped. `threshold` replaces the model's: 0 never refuses what shares a word, 1 always refuses.
    """

    def __init__(
        self,
        index: Callable[[], LexicalIndex],
        *,
        model: Model | None = None,
        threshold: float | None = None,
        count_tokens: Callable[[str], int] = estimate_tokens,
    ) -> None:
        self._index = index
        self._model = model
        self._threshold = threshold
        self._count_tokens = count_tokens

    def answer(self, question: str, *, max_tokens: int = MAX_TOKENS) -> ExtractedAnswer:
        """Return sentences and citations of at most `max_tokens` tokens together, or a refusal (about 10 tokens).

        Refuses where the documents seem to hold no answer, and where not even one sentence fits. Takes milliseconds
        of one core: call it in a thread. Raises what loading the documents raises.
        """
        evidence, p, confidence = self._weigh(question)
        language = evidence.question.language
        composed = None
        if confidence >= self._bar() and evidence.units:
            composed = compose(evidence.units, p, max_tokens=max_tokens, count_tokens=self._count_tokens)
        if composed is None:
            return ExtractedAnswer(REFUSALS[language], (), refused=True, language=language, confidence=confidence)
        return ExtractedAnswer(
            composed.text, composed.citations, refused=False, language=language, confidence=confidence
        )

    def confidence(self, question: str) -> float:
        """Return the probability, 0 to 1, that the documents hold what the question asks."""
        return self._weigh(question)[2]

    def holds(self, question: str) -> bool:
        """Return whether the documents seem to hold an answer: the confidence reaches the threshold."""
        return self.confidence(question) >= self._bar()

    def _weigh(self, question: str) -> tuple[Evidence, list[float], float]:
        """Return what was found, how likely each sentence holds the answer, and whether any does."""
        from retrieval.model import answerability, p_units  # noqa: PLC0415  # numpy: by the first question

        model = self._fitted()
        evidence = gather(self._index(), question)
        p = p_units(model, evidence)
        return evidence, p.tolist(), answerability(model, evidence, p)

    def _bar(self) -> float:
        return self._fitted().threshold if self._threshold is None else self._threshold

    def _fitted(self) -> Model:
        from retrieval.model import shipped_model  # noqa: PLC0415  # numpy: by the first question

        return self._model or shipped_model()
