"""Reads from the books what templates are tried on: questions whose models were drawn, and what came of them.

A decision is an example where its text was kept (`storage.store_bodies`, else the preview of 160 characters), a model
was drawn among several, and somebody said something of the answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import select

from router.choosing.stored import question_from
from router.choosing.values import Expected, Offer
from router.judge.values import Case
from router.learning.rewards import CORRECTED, Word, verdict_of
from router.providers.json_values import as_list, as_number, as_object, as_objects, as_text, decode
from router.tables import body, decision, outcome, preview

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from config.database import Database
    from config.types import Json

    Row = Mapping[Any, Any]

AT_ONCE: Final = 200
"""Decisions read at once."""
LEAST_PROBABILITY: Final = 0.02
"""A model drawn with less counts as drawn with this: else one example could outweigh all others."""
CORRECTION_WEIGHT: Final = 2.0
"""Of an example whose best model somebody named: as much as one that was drawn with probability one half."""


@dataclass(frozen=True, slots=True)
class Example:
    """One decision and what turned out."""

    id: str
    conversation: str
    """Examples of one conversation are not independent."""
    case: Case
    served: str
    reward: float
    """0 to 1, of the answer of the model that served."""
    weight: float
    """One over the probability with which it was drawn."""
    best: str | None = None
    """The model that somebody said should have answered."""
    whole_text: bool = True
    """Whether the text is all of the turn, and not its preview."""

    def agreement(self, pick: str | None) -> float:
        """Return how far a pick agrees with what turned out, 0 to 1: a half for no pick.

        Weighed by `weight`, its mean over many examples grows with the mean reward of the picked models alone: it is
        an inverse propensity estimate with a half for a baseline.
        """
        if pick is None:
            return 0.5
        if self.best is not None:
            return float(pick == self.best)
        return self.reward if pick == self.served else 1.0 - self.reward

    @property
    def confirms(self) -> bool:
        """Whether it is in the half that confirms what the other half selected; by conversation, drawn for good."""
        return hashlib.sha256(self.conversation.encode("utf-8", "replace")).digest()[0] % 2 == 1


async def read_examples(
    database: Database, *, since: datetime, offers: Mapping[str, Offer], limit: int
) -> tuple[Example, ...]:
    """Return the newest examples since a moment, at most `limit`. Raises `StorageError`.

    `offers` are today's models: of the candidates of a decision, those that are gone are left out.
    """
    spoken = select(outcome.c.decision_id).distinct()
    columns = (
        decision.c.id, decision.c.ts, decision.c.conversation_id, decision.c.key_prefix, decision.c.eligible,
        decision.c.probabilities, decision.c.chosen, decision.c.served_model, decision.c.seed, decision.c.features,
    )  # fmt: skip
    query = (
        select(*columns, preview.c.text, body.c.request)
        .join(preview, preview.c.decision_id == decision.c.id, isouter=True)
        .join(body, body.c.decision_id == decision.c.id, isouter=True)
        .where(decision.c.ts >= since, decision.c.served_model.is_not(None), decision.c.id.in_(spoken))
        .order_by(decision.c.ts.desc(), decision.c.id.desc())
    )
    found: list[Example] = []
    offset = 0
    while len(found) < limit:
        async with database.reading() as connection:
            rows = (await connection.execute(query.limit(AT_ONCE).offset(offset))).mappings().all()
            ids = [row["id"] for row in rows]
            said = (await connection.execute(select(outcome).where(outcome.c.decision_id.in_(ids)))).mappings().all()
        words: dict[str, list[Word]] = {}
        for each in said:
            word = Word(each["source"], each["kind"], each["score"], each["comment"], each["ts"])
            words.setdefault(each["decision_id"], []).append(word)
        found += [made for row in rows if (made := example_of(row, words.get(row["id"], ()), offers)) is not None]
        offset += len(rows)
        if len(rows) < AT_ONCE:
            break
    return tuple(found[:limit])


def example_of(row: Row, words: Sequence[Word], offers: Mapping[str, Offer]) -> Example | None:
    """Return the example of a decision's row and its outcomes, `None` where it teaches nothing."""
    served = row["served_model"]
    verdict = verdict_of(words, served=served)
    text, whole = _text_of(row)
    case = _case_of(row, text, offers)
    if verdict is None or case is None or served not in case.models:
        return None
    best = next((each.comment for each in words if each.kind == CORRECTED and each.comment in case.models), None)
    probability = _probability(row, served)
    if best is None and probability is None:
        return None
    weight = CORRECTION_WEIGHT if best is not None or probability is None else 1.0 / probability
    conversation = row["conversation_id"] or row["id"]
    return Example(row["id"], conversation, case, served, verdict.reward, weight, best, whole)


def last_user_text(request: bytes) -> str:
    """Return the text of the last user turn of a stored request, empty where there is none that can be read."""
    try:
        whole = as_object(decode(request)) or {}
    except ValueError:
        return ""
    turns = [each for each in as_objects(whole.get("messages")) if each.get("role") == "user"]
    if not turns:
        return as_text(whole.get("prompt")) or ""
    content = turns[-1].get("content")
    if isinstance(content, str):
        return content
    return "\n".join(text for each in as_objects(as_list(content)) if (text := as_text(each.get("text"))))


def _text_of(row: Row) -> tuple[str, bool]:
    if row["request"] and (text := last_user_text(row["request"])):
        return text, True
    return row["text"] or "", False


def _case_of(row: Row, text: str, offers: Mapping[str, Offer]) -> Case | None:
    features = as_object(row["features"]) or {}
    question = replace(question_from(as_object(features.get("question")) or features), text=text)
    candidates = [each for each in as_objects(features.get("candidates")) if as_text(each.get("model")) in offers]
    if len(candidates) < 2 or not text.strip():  # noqa: PLR2004  # a choice is between two
        return None
    candidates.sort(key=lambda each: -(as_number(each.get("score")) or 0.0))
    names = [str(each["model"]) for each in candidates]
    expected = {name: known for name, each in zip(names, candidates, strict=True) if (known := _expected(name, each))}
    return Case(question, tuple(offers[name] for name in names), expected)


def _expected(model: str, candidate: Json) -> Expected | None:
    quality = as_number(candidate.get("predicted_quality"))
    if quality is None:
        return None
    return Expected(
        model,
        quality,
        as_number(candidate.get("deviation")) or 0.0,
        as_number(candidate.get("expected_cost_usd")),
        as_number(candidate.get("expected_latency_ms")),
        as_number(candidate.get("n")) or 0.0,
    )


def _probability(row: Row, served: str) -> float | None:
    """Return with which probability the served model was drawn, `None` where nothing was, or another one."""
    if row["seed"] is None or row["chosen"] != served:
        return None
    names, numbers = as_list(row["eligible"]), as_list(row["probabilities"])
    found = as_number(dict(zip(cast("list[str]", names), numbers, strict=False)).get(served))
    return max(LEAST_PROBABILITY, min(1.0, found)) if found is not None and found > 0 else None
