"""What happens now? Requests as they end, answers under way, and how the last five minutes went."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlencode

from admin.page import Page, Refused, Stream, Streamed
from admin.pages.decisions import STATES, filters_of, shown
from admin.queries.decisions import find_decisions
from admin.queries.names import known_models
from admin.queries.traffic import figures
from admin.words import count, duration, money, percent
from config.columns import json_text
from config.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from admin.desk.traffic import TrafficDesk
    from admin.page import Data, Visit
    from admin.queries.decisions import Filters
    from config.database import Database
    from config.types import DecisionRecord, Json

SHOWN: Final = ("model", "status", "key")
"""Filters of the list of decisions that a live view has too."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a live view hears, and how long at most before it has to come anew, seconds."""

    figures_s: float = 5.0
    look_s: float = 1.0
    life_s: float = 600.0
    """Then the browser connects again, and whether it may look is checked again."""


async def read(visit: Visit) -> Data:
    """Return the last fifty decisions, who is busy, and the figures of the last five minutes."""
    filters = _filters(visit)
    found = await find_decisions(visit.desk.database, filters)
    asked = {name: visit.query[name] for name in SHOWN if visit.query.get(name)}
    return {
        "decisions": [shown(each) for each in found.rows],
        "figures": await figures(visit.desk.database, now=visit.now),
        "in_flight": dict(_desk(visit).in_flight()),
        "asked": asked,
        "states": dict(STATES),
        "models": await known_models(visit.desk.database),
        "events": f"/dashboard/traffic/events?{urlencode(asked)}",
    }


async def watch(visit: Visit) -> Streamed:
    """Return events for as long as somebody looks: `decision` for each that ends, `figures` every few seconds."""
    filters = _filters(visit)
    return Streamed(
        chunks=events_of(_desk(visit), visit.desk.database, lambda record: fits(record, filters)),
        media_type="text/event-stream",
    )


async def events_of(
    desk: TrafficDesk,
    database: Database,
    wanted: Callable[[DecisionRecord], bool],
    *,
    pace: Pace | None = None,
) -> AsyncIterator[bytes]:
    """Yield server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) until it is over."""
    pace, clock = pace or Pace(), asyncio.get_running_loop().time
    ends = clock() + pace.life_s
    figures_at = clock()
    with desk.feed.viewing(wanted) as viewer:
        yield b"retry: 2000\n\n"
        while clock() < ends and not desk.is_ending():
            if clock() >= figures_at:
                figures_at = clock() + pace.figures_s
                yield _event("figures", await _figures(desk, database, n_dropped=viewer.n_dropped))
            for record in await viewer.take(min(pace.look_s, max(0.0, figures_at - clock()))):
                yield _event("decision", cells_of(record))


def fits(record: DecisionRecord, filters: Filters) -> bool:
    """Return whether a live view shows a request."""
    chosen = record.decision.chosen if record.decision is not None and record.decision.ranked else None
    return (
        filters.model in {None, chosen}
        and filters.status in {None, record.status}
        and filters.key in {None, record.key_prefix}
    )


def cells_of(record: DecisionRecord) -> Json:
    """Return a row of the table, each cell as it is written."""
    known = [each.cost.usd for each in record.attempts if each.cost is not None and each.cost.usd is not None]
    tokens = [each.usage.input_tokens + each.usage.output_tokens for each in record.attempts if each.usage is not None]
    chosen = record.decision.chosen if record.decision is not None and record.decision.ranked else None
    ends_ms = max((each.start_ms + each.duration_ms for each in record.spans), default=0.0)
    intent = record.intent
    has_intent = intent is not None and intent.labels and not intent.abstained
    return {
        "id": record.id,
        "ts": record.ts.isoformat(),
        "status": record.status,
        "model": record.served_model or chosen or "–",
        "intent": f"{intent.labels[0]} {percent(intent.confidence, 0)}" if intent is not None and has_intent else "–",
        "question": record.preview or record.error_code or "",
        "took": duration(max(ends_ms, sum(each.duration_ms for each in record.attempts))),
        "tokens": count(sum(tokens)),
        "cost": money(sum(known)) if known else "–",
        "attempts": f"×{len(record.attempts)}" if len(record.attempts) > 1 else "",
    }


async def _figures(desk: TrafficDesk, database: Database, *, n_dropped: int) -> Json:
    told: Json = {"in_flight": dict(desk.in_flight()), "n_dropped": n_dropped}
    try:
        found = await figures(database, now=datetime.now(UTC))
    except StorageError:  # the rest is shown all the same
        return told
    took, waited = (cast("Mapping[str, float | None]", found[name]) for name in ("duration_ms", "ttft_ms"))
    return told | {
        "n": count(float(str(found["n"]))),
        "per_minute": count(float(str(found["per_minute"]))),
        "n_failed": count(float(str(found["n_failed"]))),
        **{name: duration(took[name]) for name in ("p50", "p95", "p99")},
        **{f"ttft_{name}": duration(waited[name]) for name in ("p50", "p95", "p99")},
    }


def _event(name: str, data: Json) -> bytes:
    return f"event: {name}\ndata: {json_text(data)}\n\n".encode()


def _filters(visit: Visit) -> Filters:
    unknown = [name for name in visit.query if name not in SHOWN and visit.query[name]]
    if unknown:
        raise Refused("traffic.no_such_filter", field=unknown[0][:40], known=", ".join(SHOWN))
    return filters_of(visit)


def _desk(visit: Visit) -> TrafficDesk:
    desk = visit.desk.traffic
    if desk is None:  # pragma: no cover  # the page is not shown then
        raise Refused("failing.no_such_page", status=404)
    return desk


PAGE = Page(name="traffic", path="/traffic", read=read, group="watch", is_shown=lambda desk: desk.traffic is not None)
EVENTS = Stream(path="/traffic/events", open=watch, is_shown=lambda desk: desk.traffic is not None)
