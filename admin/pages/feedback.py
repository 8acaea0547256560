"""Do people agree? Opinions by intent and model, what they wrote, and what nobody has judged yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from admin.asked import chosen_days
from admin.page import Action, Page
from admin.pages import decision
from admin.queries.opinions import newest_comments, opinions, unjudged

if TYPE_CHECKING:
    from litestar.datastructures import FormMultiDict

    from admin.page import Data, Done, Visit


async def read(visit: Visit) -> Data:
    """Return opinions of the period, the newest comments, and the queue."""
    days, database = chosen_days(visit), visit.desk.database
    return {
        "days": days,
        "opinions": await opinions(database, now=visit.now, days=days),
        "comments": await newest_comments(database),
        "queue": await unjudged(database),
        "intents": list(visit.desk.decisions.intents()) if visit.desk.decisions is not None else [],
    }


async def say(visit: Visit, form: FormMultiDict) -> Done:
    """Take an opinion as the explorer does, and stay in the queue."""
    return replace(await decision.say(visit, form), to="/feedback#queue")


PAGE = Page(name="feedback", path="/feedback", read=read, group="improve")
ACTIONS = (Action(path="/feedback/{id:str}/say", act=say),)
