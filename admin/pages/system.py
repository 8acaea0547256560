"""Does the process itself do well? Its CPU, memory, event loop, books and parts, as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from admin.page import Page, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from admin.page import Data, Visit

STATES: Final[Mapping[str, str]] = {
    "ok": "good",
    "ready": "good",
    "degraded": "warn",
    "loading": "info",
    "starting": "info",
    "waiting": "info",
    "unknown": "info",
    "cold": "info",
    "pulling": "info",
    "shadow": "info",
    "absent": "off",
    "resting": "warn",
    "off": "off",
    "disabled": "off",
}
"""How a part's status is marked; what is not among them is bad, and said in its own word."""
SHOWN_APART: Final = frozenset({"process", "queues", "database"})
LATE_MS: Final = 100.0
"""A loop that is this late keeps streams waiting noticeably."""
NEARLY_ALL: Final = 0.8


async def read(visit: Visit) -> Data:
    """Return the figures of the moment."""
    if visit.desk.system is None:
        raise Refused("failing.no_such_page", status=404)
    report = cast("dict[str, Any]", await visit.desk.system.report())
    components = cast("dict[str, dict[str, Any]]", report["components"])
    process, books = components["process"], components["database"]
    uptime_s = float(report["uptime_s"])
    lag_max = process["loop_lag_ms"]["max"]
    return {
        "status": report["status"],
        "state": STATES.get(report["status"], "bad"),
        "version": report["version"],
        "uptime_ms": 1000 * uptime_s,
        "draining": report["draining"],
        "reload_error": report["reload_error"],
        "process": process,
        "cores_used": process["cpu_s"] / uptime_s if uptime_s > 0 else None,
        "is_late": lag_max is not None and lag_max > LATE_MS,
        "is_short_of_files": _share(process["open_fds"], process["max_fds"]) > NEARLY_ALL,
        "books": books,
        "books_state": STATES.get(books["status"], "bad"),
        "in_flight": components["queues"]["requests_in_flight"],
        "parts": [_part(name, each) for name, each in components.items() if name not in SHOWN_APART],
    }


def _part(name: str, told: Mapping[str, Any]) -> Data:
    status = told.get("status")
    figures = {key: value for key, value in told.items() if key != "status"}
    return {
        "name": name,
        "status": status,
        "state": None if status is None else STATES.get(str(status), "bad"),
        "figures": figures,
    }


def _share(part: float | None, whole: float | None) -> float:
    return part / whole if part is not None and whole else 0.0


PAGE = Page(name="system", path="/system", read=read, group="operate", is_shown=lambda desk: desk.system is not None)
