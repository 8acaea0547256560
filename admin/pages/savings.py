"""Where did tokens and money go? Sums against named baselines, and the randomised comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admin.asked import chosen_days
from admin.desk.jobs import JobBusyError, newest
from admin.page import Action, Done, Page, Refused
from admin.queries.savings import savings_by_day, savings_by_model

if TYPE_CHECKING:
    from litestar.datastructures import FormMultiDict

    from admin.page import Data, Visit
    from config.types import Json

COMPARE: Final = "savings"
"""The kind of job that compares the arms of the holdout."""
ADDED: Final = (
    "n_requests", "n_passages", "sent_tokens", "charged_tokens", "all_documents_tokens", "saved_tokens", "n_priced",
    "cost_usd", "dearest_usd", "saved_usd",
)  # fmt: skip


async def read(visit: Visit) -> Data:
    """Return sums in all, by day and by model, and the newest comparison with what was held out."""
    days = chosen_days(visit)
    by_day = await savings_by_day(visit.desk.database, now=visit.now, days=days)
    return {
        "days": days,
        "total": _total(by_day),
        "by_day": by_day,
        "by_model": await savings_by_model(visit.desk.database, now=visit.now, days=days),
        "comparison": _comparison(visit),
        "can_compare": visit.desk.jobs is not None,
    }


async def compare(visit: Visit, form: FormMultiDict) -> Done:
    """Compare the arms of the holdout beside the gateway: it reads every decision of the experiment."""
    days = str(form.get("days") or "30")
    if not days.isascii() or not days.isdigit() or not 1 <= int(days) <= 365:  # noqa: PLR2004  # a year
        raise Refused("asked.bad_days", value=days[:40])
    if visit.desk.jobs is None:
        raise Refused("failing.no_such_page", status=404)
    try:
        await visit.desk.jobs.start(COMPARE, days, ("savings", "--days", days, "--json"), by=visit.actor)
    except JobBusyError as error:
        raise Refused("savings.busy", status=409) from error
    return Done(to=f"/savings?days={days}" if days in {"1", "7", "30", "90"} else "/savings", message="savings.asked")


def _total(by_day: list[Json]) -> Json:
    return {name: sum(float(str(each[name])) for each in by_day) for name in ADDED}


def _comparison(visit: Visit) -> Json | None:
    job = newest(visit.desk.jobs, COMPARE)
    if job is None:
        return None
    result = job.result or {}
    return {
        "status": job.status,
        "days": job.subject,
        "ended": job.ended.isoformat() if job.ended is not None else None,
        "reason": job.reason,
        "experiment": result.get("experiment"),
    }


PAGE = Page(name="savings", path="/savings", read=read, group="understand")
ACTIONS = (Action(path="/savings/compare", act=compare, role="viewer"),)
