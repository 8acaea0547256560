"""The one list of pages, in the navigation's order, and of what can be done on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin.pages import decision, decisions, feedback, intents, judge, learning, models, overview, rules, savings

if TYPE_CHECKING:
    from admin.page import Action, Page, Stream

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    decisions.PAGE,
    decision.PAGE,
    models.PAGE,
    savings.PAGE,
    rules.PAGE,
    judge.PAGE,
    feedback.PAGE,
    learning.PAGE,
    intents.PAGE,
)
ACTIONS: tuple[Action, ...] = (
    decision.SAY,
    decision.REPLAY,
    *models.ACTIONS,
    *rules.ACTIONS,
    *judge.ACTIONS,
    *savings.ACTIONS,
    *feedback.ACTIONS,
    *learning.ACTIONS,
)
STREAMS: tuple[Stream, ...] = (decisions.EXPORT,)
