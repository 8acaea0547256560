"""What a request saved by sending passages, not documents: every figure an estimate, every cost charged to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from config.tokens import estimate_messages, estimate_tokens
from proxy.weighing import outcome
from retrieval.context import render
from router.providers.json_values import as_count, as_number, as_object, as_objects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.intents import IntentCatalogue
    from config.types import Intent, Json, Passage
    from proxy.lookup import Lookup
    from proxy.weighing import Weighing

COUNTED_WITH: Final = "an estimate of o200k_base, the same for every model"
_ASKS_A_MODEL: Final = frozenset({"ollama"})
"""Tiers of the classifier that spend tokens of a language model; all others run in this process and spend none."""

ANSWER_TOKENS: Final = 64
"""What the classifier's answer may take at most."""


@dataclass(frozen=True, slots=True)
class Savings:
    """Tokens of one request, estimated. What is `None` is not known, which is not the same as 0."""

    prompt_tokens: int
    """Of the client's own messages."""
    passage_tokens: int
    """Of the block of passages, with its frame."""
    all_documents_tokens: int
    """Of the client's messages and all documents."""
    intent_documents_tokens: int | None
    """Of the client's messages and the whole documents of the intent; `None` where no document is tied to it."""
    classifier_tokens: int
    """That a model spent to say what is asked."""
    p_miss: float
    """Probability that the passages lack the answer, from the settings."""
    placed: bool
    """Whether the passages were sent to a model; else they are counted as if they had been."""
    judge_tokens: int = 0
    """That a judge spent to say who should answer."""
    judge_usd: float | None = 0.0
    """What that cost, USD; `None` where its price is unknown."""
    weighing: Weighing | None = field(default=None, compare=False, repr=False)
    """What plain search by vectors would have sent, being reckoned; `None` where nobody does."""

    @property
    def sent_tokens(self) -> int:
        """Return what was sent."""
        return self.prompt_tokens + self.passage_tokens

    @property
    def missed_charge_tokens(self) -> int:
        """Return the expected cost of asking again, with all documents, where the passages lacked the answer."""
        return round(self.p_miss * self.all_documents_tokens)

    @property
    def spent_tokens(self) -> int:
        """Return what was sent and everything that is charged to it."""
        return self.sent_tokens + self.classifier_tokens + self.judge_tokens + self.missed_charge_tokens

    @property
    def saved_tokens(self) -> int:
        """Return what is saved against sending all documents; below 0 where more was spent."""
        return self.all_documents_tokens - self.spent_tokens

    @property
    def saved_percent(self) -> float:
        """Return the share of it, in percent."""
        return round(100 * self.saved_tokens / self.all_documents_tokens, 2)

    def as_json(self) -> Json:
        """Return every figure, and what it was counted with."""
        intent = self.intent_documents_tokens
        return {
            "estimated": True,
            "counted_with": COUNTED_WITH,
            "placed": self.placed,
            "prompt_tokens": self.prompt_tokens,
            "passage_tokens": self.passage_tokens,
            "sent_tokens": self.sent_tokens,
            "charged": {
                "classifier_tokens": self.classifier_tokens,
                "retrieval_tokens": 0,
                "judge_tokens": self.judge_tokens,
                "judge_usd": self.judge_usd,
                "missed_answer_tokens": self.missed_charge_tokens,
                "p_miss": self.p_miss,
            },
            "against": {
                "all_documents": {"tokens": self.all_documents_tokens, "saved": self.saved_tokens},
                "intent_documents": None if intent is None else {"tokens": intent, "saved": intent - self.spent_tokens},
                "dense_at_equal_coverage": self._against_dense(),
            },
            "left_out": self._left_out(),
        }

    def _against_dense(self) -> Json | None:
        """Return the third measure. Who covers as much misses as often, so missed answers are charged to neither."""
        dense = outcome(self.weighing)
        if dense is None:
            return None
        tokens = self.prompt_tokens + dense.n_tokens
        saved = tokens - (self.spent_tokens - self.missed_charge_tokens)
        return {
            "tokens": tokens,
            "saved": saved,
            "k": dense.k,
            "held": round(dense.held, 4),
            "reached": dense.reached,
        }

    def _left_out(self) -> list[str]:
        """Return which measures are missing, and why."""
        why: list[str] = []
        if self.weighing is None:
            why.append("dense_at_equal_coverage: no vectors were searched, or too many requests wait for it")
        elif outcome(self.weighing) is None:
            why.append("dense_at_equal_coverage: it was not reckoned by the end of the request")
        if self.intent_documents_tokens is None:
            why.append("intent_documents: no document is tied to what was asked")
        return why


def savings_of(
    body: Json,
    lookup: Lookup,
    *,
    passages: Sequence[Passage],
    placed: bool,
    p_miss: float,
    classifier_tokens: int = 0,
    judged: Json | None = None,
    weighing: Weighing | None = None,
) -> Savings:
    """Return the account of one request. `body` is the client's, without passages; `judged` is the judge's word.

    `weighing` is what `Weigher.begin` gave for these passages.
    """
    prompt = estimate_messages(as_objects(body.get("messages")))
    intent = lookup.n_intent_tokens
    return Savings(
        prompt_tokens=prompt,
        passage_tokens=estimate_tokens(render(passages)) if passages else 0,
        all_documents_tokens=prompt + lookup.n_all_tokens,
        intent_documents_tokens=None if intent is None else prompt + intent,
        classifier_tokens=classifier_tokens,
        p_miss=p_miss,
        placed=placed,
        judge_tokens=tokens_of_judging(judged or {}),
        judge_usd=usd_of_judging(judged or {}),
        weighing=weighing,
    )


def tokens_of_asking(tiers: Sequence[Intent], catalogue: IntentCatalogue, text: str) -> int:
    """Return about how many tokens a language model spent to say what is asked: descriptions, question and answer."""
    n_asked = sum(each.source in _ASKS_A_MODEL for each in tiers)
    if not n_asked:
        return 0
    described = sum(
        estimate_tokens(f"{each.name} {each.description_zh} {each.description_en}") for each in catalogue.intents
    )
    return n_asked * (described + estimate_tokens(text) + ANSWER_TOKENS)


def tokens_of_judging(judged: Json) -> int:
    """Return how many tokens a judge spent on a request, by what came of asking it; none where an answer was kept."""
    spent = as_object(judged.get("tokens")) or {}
    return as_count(spent.get("input")) + as_count(spent.get("output"))


def usd_of_judging(judged: Json) -> float | None:
    """Return what a judge cost on a request, USD; 0 where it said nothing new, `None` where its price is unknown."""
    usd = judged.get("cost_usd", 0.0)
    return as_number(usd) if usd is not None else None
