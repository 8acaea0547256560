"""Adds up what requests saved by sending passages, and compares those that got some with those that were held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from router.providers.json_values import as_count, as_number, as_object
from router.savings_experiment import TOO_FEW, Request, compared
from router.tables import decision, outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from config.database import Database
    from config.types import Json

MIN_REQUESTS: Final = 100
"""Requests below which no sum is shown as a share."""
_ratings = (
    select(outcome.c.decision_id, func.avg(outcome.c.score).label("score"))
    .where(outcome.c.kind.in_(("rating", "thumbs")), outcome.c.score.is_not(None))
    .group_by(outcome.c.decision_id)
    .subquery()
)
"""What users thought of each decision, 0 to 1."""


@dataclass(slots=True)
class _Sums:
    n: int = 0
    sent: int = 0
    charged: int = 0
    all_documents: int = 0
    n_intent: int = 0
    intent_documents: int = 0
    spent_with_intent: int = 0
    n_dense: int = 0
    n_beyond: int = 0
    dense: int = 0
    spent_with_dense: int = 0
    judge_usd: float = 0.0
    n_unpriced: int = 0

    def add(self, savings: dict[str, Any], judged: Json | None) -> None:
        charged, against = savings["charged"], savings["against"]
        judge_tokens, judge_usd = _judging(judged, charged)
        cost = charged["classifier_tokens"] + judge_tokens + charged["missed_answer_tokens"]
        self.judge_usd += judge_usd or 0.0
        self.n_unpriced += judge_usd is None
        self.n += 1
        self.sent += savings["sent_tokens"]
        self.charged += cost
        self.all_documents += against["all_documents"]["tokens"]
        if against["intent_documents"] is not None:
            self.n_intent += 1
            self.intent_documents += against["intent_documents"]["tokens"]
            self.spent_with_intent += savings["sent_tokens"] + cost
        if (dense := against.get("dense_at_equal_coverage")) is not None:
            self.n_dense += 1
            self.n_beyond += not dense["reached"]
            self.dense += dense["tokens"]
            self.spent_with_dense += savings["sent_tokens"] + charged["classifier_tokens"] + judge_tokens


async def savings_report(database: Database, *, since: datetime) -> Json:
    """Return sums over completed requests since a moment, and the experiment's difference. Raises `StorageError`."""
    sums = _Sums()
    drawn: list[Request] = []
    query = (
        select(
            decision.c.savings,
            decision.c.judge,
            decision.c.input_tokens + decision.c.output_tokens,
            decision.c.cost_usd,
            decision.c.duration_ms,
            _ratings.c.score,
        )
        .outerjoin(_ratings, _ratings.c.decision_id == decision.c.id)
        .where(decision.c.ts >= since, decision.c.savings.is_not(None), decision.c.status == "completed")
        .order_by(decision.c.ts, decision.c.id)
    )
    async with database.reading() as connection:
        for savings, judged, n_tokens, cost_usd, latency_ms, rating in await connection.execute(query):
            if savings["placed"]:
                sums.add(savings, judged)
            if savings.get("unit"):
                values = {"tokens": n_tokens, "cost_usd": cost_usd, "latency_ms": latency_ms, "rating": rating}
                drawn.append(Request(savings["unit"], savings["arm"] != "holdout", savings["p_holdout"], values))
    return {"since": since.isoformat(), "estimated": True, "requests": _told(sums), "experiment": compared(drawn)}


def _judging(judged: Json | None, charged: Mapping[str, Any]) -> tuple[int, float | None]:
    """Return tokens and USD that the judge took; what it said after the answer stands only in its own column."""
    tokens = as_object((judged or {}).get("tokens"))
    if tokens is None:
        return charged["judge_tokens"], charged.get("judge_usd", 0.0)
    usd = (judged or {}).get("cost_usd", 0.0)
    return as_count(tokens.get("input")) + as_count(tokens.get("output")), None if usd is None else as_number(usd)


def _told(sums: _Sums) -> Json:
    spent = sums.sent + sums.charged
    return {
        "n": sums.n,
        "sent_tokens": sums.sent,
        "charged_tokens": sums.charged,
        "judge_usd": round(sums.judge_usd, 8),
        "judge_unpriced": sums.n_unpriced,
        "against_all_documents": _share(sums.n, sums.all_documents, spent),
        "against_intent_documents": _share(sums.n_intent, sums.intent_documents, sums.spent_with_intent),
        "against_dense_at_equal_coverage": _share(sums.n_dense, sums.dense, sums.spent_with_dense)
        | {"n_not_reached": sums.n_beyond},
    }


def _share(n: int, tokens: int, spent: int) -> Json:
    saved = tokens - spent
    percent = round(100 * saved / tokens, 1) if tokens and n >= MIN_REQUESTS else None
    told: Json = {"n": n, "tokens": tokens, "saved": saved, "percent": percent}
    return told if percent is not None else told | {"note": f"{TOO_FEW}: {n} of {MIN_REQUESTS} requests"}
