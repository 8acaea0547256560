"""Is it well, and is it worth it? Requests, failures, latency, tokens, money and who is out of play."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from admin.asked import chosen_hours
from admin.page import Page
from admin.queries.overview import Sums, sums_by_hour, sums_by_model
from admin.queries.savings import savings_by_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from admin.desk.models import ModelsDesk
    from admin.page import Data, Visit
    from config.types import Json

STEPS: Final = {1: 1, 24: 1, 168: 6, 720: 24}
"""Hours of a point in the charts, by the hours of the period."""
SAVED: Final = ("saved_tokens", "all_documents_tokens", "n_passages", "saved_usd", "dearest_usd", "n_priced")


async def read(visit: Visit) -> Data:
    """Return the period's sums, in all, by time and by model; what was saved; and the state of every deployment."""
    hours, database = chosen_hours(visit), visit.desk.database
    by_step = await sums_by_hour(database, now=visit.now, hours=hours, step=STEPS[hours])
    days = max(1, hours // 24)
    saved = await savings_by_day(database, now=visit.now, days=days)
    by_model = await sums_by_model(database, now=visit.now, hours=hours)
    return {
        "hours": hours,
        "step_hours": STEPS[hours],
        "total": _added(each for _at, each in by_step).told(),
        "by_time": [{"at": at.isoformat(), **_point(each)} for at, each in by_step],
        "by_model": [{"model": model, **each.told()} for model, each in by_model],
        "savings": {"days": days, **_saved(saved)},
        "deployments": None if visit.desk.models is None else _deployments(visit.desk.models),
    }


def _added(parts: Iterable[Sums]) -> Sums:
    whole = Sums()
    for part in parts:
        for status, n in part.by_status.items():
            whole.by_status[status] += n
        for name, value in part.added.items():
            whole.added[name] += value
        whole.buckets = [mine + its for mine, its in zip(whole.buckets, part.buckets, strict=True)]
    return whole


def _point(sums: Sums) -> Json:
    told = sums.told()
    return {name: told[name] for name in ("n_requests", "n_asked", "n_failed", "p50", "p95", "cost_usd")}


def _saved(days: Sequence[Json]) -> Json:
    return {name: sum(float(str(each[name])) for each in days) for name in SAVED}


def _deployments(desk: ModelsDesk) -> list[Json]:
    """Return every deployment that requests may go to, those out of play first. One never asked is closed."""
    health = desk.health()
    found: list[Json] = []
    for entry in cast("list[Json]", desk.weights()["weights"]):
        if entry["kind"] == "deployment" and entry["live"]:
            state = cast("Json", health.get(str(entry["name"])) or {})
            told = {name: state.get(name) for name in ("reason", "until_s")}
            drained = entry["effective"] == 0
            found.append({"name": entry["name"], "state": state.get("state", "closed"), "drained": drained, **told})
    return sorted(found, key=lambda each: (each["state"] == "closed" and not each["drained"], str(each["name"])))


PAGE = Page(name="overview", path="/overview", read=read, group="watch")
