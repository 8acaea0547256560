"""Who changed what, and when? Every change, newest first, with what was before and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from admin.keyset import asked_for, cursor_of, onward
from admin.page import Page
from admin.queries.events import find_changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from admin.page import Data, Visit

ASKED: Final = ("actor", "action", "subject")


async def read(visit: Visit) -> Data:
    """Return the newest changes that fit, and where the next page is."""
    asked, after = asked_for(visit, ASKED), cursor_of(visit)
    found = await find_changes(
        visit.desk.database,
        actor=asked.get("actor"),
        action=asked.get("action"),
        subject=asked.get("subject"),
        after=after,
    )
    return {
        "changes": [_told(each) for each in found.rows],
        "asked": asked,
        "is_first": after is None,
        **onward("/dashboard/audit", asked, found),
    }


def _told(row: Mapping[str, Any]) -> Data:
    return {**row, "ts": row["ts"].isoformat()}


PAGE = Page(name="audit", path="/audit", read=read, group="operate")
