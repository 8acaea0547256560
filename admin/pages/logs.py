"""What happened, and what went wrong? The process's own events, searched along the clock; the level is set here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from admin.auditing import audited
from admin.desk.logs import Level
from admin.keyset import asked_for, cursor_of, onward
from admin.page import Action, Done, Page, Refused
from admin.pages.decisions import span_of
from admin.queries.events import find_log_events
from config.ids import is_id
from config.tables import log_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar.datastructures import FormMultiDict

    from admin.desk.logs import LogsDesk
    from admin.page import Data, Visit

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
FROM: Final[Mapping[str, tuple[str, ...] | None]] = {
    "DEBUG": None,
    "INFO": ("INFO", "WARNING", "ERROR", "CRITICAL"),
    "WARNING": ("WARNING", "ERROR", "CRITICAL"),
    "ERROR": ("ERROR", "CRITICAL"),
}
"""Levels that are at least so severe; `None` is all."""
STATES: Final[Mapping[str, str]] = {"DEBUG": "off", "INFO": "info", "WARNING": "warn"}
ASKED: Final = ("level", "event", "decision", "text", "since", "until")


async def read(visit: Visit) -> Data:
    """Return the newest events that fit, and how the process logs."""
    asked, after = asked_for(visit, ASKED), cursor_of(visit)
    level = asked.get("level", "DEBUG")
    if level not in FROM:
        raise Refused("logs.no_such_level", value=level[:40], known=", ".join(LEVELS))
    decision = asked.get("decision")
    if decision is not None and not is_id(decision):
        raise Refused("logs.no_decision_id", value=decision[:40])
    found = await find_log_events(
        visit.desk.database,
        levels=FROM[level],
        event=asked.get("event"),
        decision_id=decision,
        text=asked.get("text"),
        span=_span(visit),
        after=after,
    )
    state = _desk(visit).state()
    return {
        "events": [_told(each) for each in found.rows],
        "asked": asked,
        "is_first": after is None,
        "levels": list(LEVELS),
        "level": state.level,
        "configured": state.configured,
        "is_kept": state.is_kept,
        "n_lost": state.n_lost,
        "retention_days": state.retention_days,
        **onward("/dashboard/logs", asked, found),
    }


async def set_level(visit: Visit, form: FormMultiDict) -> Done:
    """Log from another level on, until a restart; written down first."""
    level = str(form.get("level") or "")
    if level not in LEVELS:
        raise Refused("logs.no_such_level", value=level[:40], known=", ".join(LEVELS))
    desk = _desk(visit)
    before = desk.state().level
    if before != level:
        await audited(visit, "set_log_level", "logging.level", before=before, after=level)
        desk.set_level(level)
    return Done(to="/logs", message="logs.level_set", values={"level": level})


def _span(visit: Visit) -> list[Any]:
    since, until = span_of(visit)
    found = [] if since is None else [log_event.c.ts >= since]
    return found if until is None else [*found, log_event.c.ts < until]


def _told(row: Mapping[str, Any]) -> Data:
    return {**row, "ts": row["ts"].isoformat(), "state": STATES.get(row["level"], "bad")}


def _desk(visit: Visit) -> LogsDesk:
    if visit.desk.logs is None:
        raise Refused("failing.no_such_page", status=404)
    return visit.desk.logs


PAGE = Page(name="logs", path="/logs", read=read, group="operate", is_shown=lambda desk: desk.logs is not None)
ACTIONS = (Action(path="/logs/level", act=set_level),)
