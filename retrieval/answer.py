"""Answers a question with sentences of the documents, cited by file and line, or says that they hold no answer."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from config.tokens import estimate_tokens
from config.types import ExtractedAnswer
from retrieval.compose import Composed, compose
from retrieval.evidence import gather

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.types import Citation, Language
    from retrieval.evidence import Evidence
    from retrieval.index import LexicalIndex
    from retrieval.model import Model
    from retrieval.question import Question

MAX_TOKENS = 120
REFUSALS: dict[Language, str] = {
    "zh": "文档里没有这个问题的答案。",
    "en": "The documents hold no answer to this question.",
}


def _one_thing(_text: str) -> tuple[str, ...]:
    return ()


class ExtractiveAnswerer:
    """Says what the documents of `index()` say, word for word.

    `index` gives the current snapshot, such as `LibrarySearch.index`. `model` is the fitted one; by default what is
    shipped. `threshold` replaces the model's: 0 never refuses what shares a word, 1 always refuses. `parts` cuts a
    request for several things: where the whole is refused, and each part by itself would be answered, all of them are.
    """

    def __init__(
        self,
        index: Callable[[], LexicalIndex],
        *,
        model: Model | None = None,
        threshold: float | None = None,
        count_tokens: Callable[[str], int] = estimate_tokens,
        parts: Callable[[str], tuple[str, ...]] = _one_thing,
    ) -> None:
        self._index = index
        self._model = model
        self._threshold = threshold
        self._count_tokens = count_tokens
        self._parts = parts

    def answer(self, question: str, *, max_tokens: int = MAX_TOKENS) -> ExtractedAnswer:
        """Return sentences and citations of at most `max_tokens` tokens together, or a refusal (about 10 tokens).

        Refuses where the documents seem to hold no answer, and where not even one sentence fits. Takes milliseconds
        of one core: call it in a thread. Raises what loading the documents raises.
        """
        evidence, p, confidence = self._weigh(question)
        language = evidence.question.language
        if confidence >= self._bar():
            composed = self._compose(evidence, p, max_tokens)
            confidences = [confidence]
        else:
            composed, confidences = self._by_parts(evidence.question, question, max_tokens)
        if composed is None:
            return ExtractedAnswer(REFUSALS[language], (), refused=True, language=language, confidence=confidence)
        return ExtractedAnswer(
            composed.text, composed.citations, refused=False, language=language, confidence=min(confidences)
        )

    def _compose(self, evidence: Evidence, p: list[float], max_tokens: int) -> Composed | None:
        if not evidence.units:
            return None
        return compose(evidence.units, p, max_tokens=max_tokens, count_tokens=self._count_tokens)

    def _by_parts(self, asked: Question, text: str, max_tokens: int) -> tuple[Composed | None, list[float]]:
        """Return what answers each part of an order for several things, or `None` where one of them is not held.

        What asks is left whole: "who built it and when" is one question, and its parts are half of one each.
        """
        weighed = [] if asked.asks else [self._weigh(part) for part in self._parts(text)]
        confidences = [confidence for *_, confidence in weighed]
        if not weighed or min(confidences) < self._bar():
            return None, []
        lines: dict[str, tuple[Citation, ...]] = {}
        for at, (evidence, p, _) in enumerate(weighed):
            left = max_tokens - self._count_tokens("".join(f"{line}\n" for line in lines))
            said = self._compose(evidence, p, left // (len(weighed) - at))
            if said is None:
                return None, []
            lines[said.text] = said.citations
        return Composed("\n".join(lines), tuple(dict.fromkeys(chain.from_iterable(lines.values())))), confidences

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
