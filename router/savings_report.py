"""Adds up what requests saved by sending passages, and compares those that got some with those that were held out."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from router.anytime import Drawn, effect_so_far
from router.tables import decision

if TYPE_CHECKING:
    from datetime import datetime

    from config.database import Database
    from config.types import Json
    from router.anytime import Effect

MIN_REQUESTS: Final = 100
"""Requests below which no sum is shown as a share."""
MIN_CONVERSATIONS: Final = 100
"""Conversations in each arm below which no difference is shown: the interval holds for large numbers."""
TOO_FEW: Final = "not enough data yet"


@dataclass(slots=True)
class _Sums:
    n: int = 0
    sent: int = 0
    charged: int = 0
    all_documents: int = 0
    n_intent: int = 0
    intent_documents: int = 0
    spent_with_intent: int = 0

    def add(self, savings: dict[str, Any]) -> None:
        charged, against = savings["charged"], savings["against"]
        cost = charged["classifier_tokens"] + charged["missed_answer_tokens"]
        self.n += 1
        self.sent += savings["sent_tokens"]
        self.charged += cost
        self.all_documents += against["all_documents"]["tokens"]
        if against["intent_documents"] is not None:
            self.n_intent += 1
            self.intent_documents += against["intent_documents"]["tokens"]
            self.spent_with_intent += savings["sent_tokens"] + cost


@dataclass(slots=True)
class _Unit:
    treated: bool
    p_holdout: float
    tokens: list[int] = field(default_factory=list[int])


async def savings_report(database: Database, *, since: datetime) -> Json:
    """Return sums over completed requests since a moment, and the experiment's difference. Raises `StorageError`."""
    sums = _Sums()
    units: OrderedDict[str, _Unit] = OrderedDict()
    query = (
        select(decision.c.savings, decision.c.input_tokens, decision.c.output_tokens)
        .where(decision.c.ts >= since, decision.c.savings.is_not(None), decision.c.status == "completed")
        .order_by(decision.c.ts, decision.c.id)
    )
    async with database.reading() as connection:
        for savings, n_input, n_output in await connection.execute(query):
            if savings["placed"]:
                sums.add(savings)
            if savings.get("unit"):
                unit = units.setdefault(savings["unit"], _Unit(savings["arm"] != "holdout", savings["p_holdout"]))
                unit.tokens.append(n_input + n_output)
    return {"since": since.isoformat(), "estimated": True, "requests": _told(sums), "experiment": _compared(units)}


def _told(sums: _Sums) -> Json:
    spent = sums.sent + sums.charged
    return {
        "n": sums.n,
        "sent_tokens": sums.sent,
        "charged_tokens": sums.charged,
        "against_all_documents": _share(sums.n, sums.all_documents, spent),
        "against_intent_documents": _share(sums.n_intent, sums.intent_documents, sums.spent_with_intent),
    }


def _share(n: int, tokens: int, spent: int) -> Json:
    saved = tokens - spent
    percent = round(100 * saved / tokens, 1) if tokens and n >= MIN_REQUESTS else None
    told: Json = {"n": n, "tokens": tokens, "saved": saved, "percent": percent}
    return told if percent is not None else told | {"note": f"{TOO_FEW}: {n} of {MIN_REQUESTS} requests"}


def _compared(units: OrderedDict[str, _Unit]) -> Json:
    """Return the difference in tokens a request, conversations being the units."""
    drawn = [
        Drawn(sum(unit.tokens) / len(unit.tokens), unit.treated, 1 - unit.p_holdout)
        for unit in units.values()
        if 0 < unit.p_holdout < 1
    ]
    n_held_out = sum(not each.treated for each in drawn)
    n_passages = len(drawn) - n_held_out
    told: Json = {"conversations_with_passages": n_passages, "conversations_held_out": n_held_out}
    if min(n_passages, n_held_out) < MIN_CONVERSATIONS:
        return told | {"note": f"{TOO_FEW}: {MIN_CONVERSATIONS} conversations are needed in each arm"}
    effect: Effect | None = effect_so_far(drawn)
    assert effect is not None, "there are units in both arms"  # noqa: S101
    return told | {
        "tokens_per_request": {
            "difference": round(effect.value, 1), "low": round(effect.low, 1), "high": round(effect.high, 1)
        }
    }  # fmt: skip
