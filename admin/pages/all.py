"""The one list of pages, in the navigation's order, and of what can be done on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admin.pages import (
    audit,
    decision,
    decisions,
    documents,
    feedback,
    foundry,
    intents,
    judge,
    keys,
    learning,
    logs,
    models,
    overview,
    playground,
    rules,
    savings,
    settings,
    system,
    traffic,
)

if TYPE_CHECKING:
    from admin.page import Action, Page, Stream

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    traffic.PAGE,
    decisions.PAGE,
    decision.PAGE,
    models.PAGE,
    savings.PAGE,
    rules.PAGE,
    judge.PAGE,
    documents.PAGE,
    playground.PAGE,
    feedback.PAGE,
    learning.PAGE,
    foundry.PAGE,
    intents.PAGE,
    logs.PAGE,
    system.PAGE,
    keys.PAGE,
    settings.PAGE,
    audit.PAGE,
)
ACTIONS: tuple[Action, ...] = (
    decision.SAY,
    decision.REPLAY,
    *models.ACTIONS,
    *rules.ACTIONS,
    *judge.ACTIONS,
    *savings.ACTIONS,
    *documents.ACTIONS,
    *feedback.ACTIONS,
    *foundry.ACTIONS,
    *learning.ACTIONS,
    *playground.ACTIONS,
    *logs.ACTIONS,
    *keys.ACTIONS,
    *settings.ACTIONS,
)
STREAMS: tuple[Stream, ...] = (decisions.EXPORT, traffic.EVENTS, playground.EVENTS)
