"""Is it well, and is it worth it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin.page import Page

if TYPE_CHECKING:
    from admin.page import Data, Visit


async def read(visit: Visit) -> Data:
    """Return the state of the last day."""
    return {"language": visit.language}


PAGE = Page(name="overview", path="/overview", read=read, group="watch")
