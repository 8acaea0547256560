"""The stage that finds passages for a request, and their place in what is sent; off the loop, and degrading visibly."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from config.errors import StorageError
from config.tokens import estimate_messages
from proxy.holdout import conversation_unit, drawn_arm
from proxy.names import named, told
from proxy.savings import savings_of, tokens_of_asking
from retrieval.context import fit_passages, insert_context, joined, may_carry, not_carried
from router.providers.json_values import as_count, as_objects

if TYPE_CHECKING:
    from config.trace import span
    from config.types import Intent, Json, Passage
    from proxy.exchange import Exchange
    from proxy.house import House
    from proxy.lookup import Lookup
    from router.attempt import Candidate
    from router.providers.base import ChatRequest

ANSWER_SHARE: Final = 4
"""A window of which nobody said how much is for the answer keeps a share of one in so many for it."""


async def retrieve(house: House, exchange: Exchange, note: span) -> None:
    """Find passages that answer the question, where they may be used or the client asked to see them."""
    question = exchange.known().last_user_text
    may_place = _may_place(house, exchange)
    if not exchange.studies or not (may_place or exchange.door.shows_passages) or not question.strip():
        note(skipped=True)
        return
    try:
        exchange.lookup = await asyncio.to_thread(_look_up, house, question, exchange.intent)
    except StorageError as error:  # the answer is worth more than its context
        exchange.warnings += (f"answered without documents: {error}",)
    if exchange.lookup is not None:
        if exchange.lookup.degraded is not None:
            exchange.warnings += (f"searched without a model: {exchange.lookup.degraded}",)
        if may_place:
            exchange.passages = not_carried(exchange.known().request.body, exchange.lookup.placed)
        note(scope=exchange.lookup.scope, found=len(exchange.lookup.passages))
        if exchange.lookup.lifted:
            note(names=told(exchange.lookup.lifted, with_texts=house.settings.storage.store_preview))
    note(passages=len(exchange.passages))


def _look_up(house: House, question: str, intent: Intent | None) -> Lookup | None:
    return house.documents.look_up(question, intent, house.understanding.catalogue, named(house, question))


def place(house: House, exchange: Exchange, request: ChatRequest, candidates: tuple[Candidate, ...]) -> ChatRequest:
    """Return the request with the passages ahead of its last user turn, and note what that saved."""
    lookup = exchange.lookup
    if lookup is None:
        return request
    exchange.passages = _fitting(house, exchange.passages, request.body, candidates)
    _draw(house, exchange)
    counted = exchange.passages or (lookup.placed if exchange.door.shows_passages else ())
    if counted:
        exchange.savings = savings_of(
            request.body,
            lookup,
            passages=counted,
            placed=bool(exchange.passages) and exchange.arm != "holdout",
            p_miss=house.settings.retrieval.p_miss,
            classifier_tokens=tokens_of_asking(
                exchange.tiers, house.understanding.catalogue, exchange.known().last_user_text
            ),
            judged=exchange.judged,
            weighing=house.documents.weigher.begin(lookup.dense, counted),
        )
    if exchange.arm == "holdout":
        exchange.passages = ()
    if not exchange.passages:
        return request
    exchange.passages = joined(exchange.passages)
    put = partial(insert_context, passages=exchange.passages, place=house.settings.retrieval.place)
    original = put(request.original) if request.original is not None else None
    return replace(request, body=put(request.body), original=original)


def _draw(house: House, exchange: Exchange) -> None:
    """Draw the arm of a conversation that has something to place; who asks `/route` is shown what there is."""
    settings = house.settings.experiment
    if settings.holdout <= 0 or not exchange.passages or exchange.door.shows_passages:
        return
    exchange.unit = conversation_unit(exchange, settings.salt)
    exchange.arm, exchange.p_holdout = drawn_arm(exchange.unit, settings), settings.holdout


def _may_place(house: House, exchange: Exchange) -> bool:
    """Return whether passages may be placed: never inside a tool loop, nor for the model that searches by itself."""
    settings = house.settings.retrieval
    if settings.inject == "never" or not exchange.retrieves or not may_carry(exchange.known().request.body):
        return False
    return any(model.origin != "last_resort" for model in house.catalog.live_models())


def _fitting(
    house: House, passages: tuple[Passage, ...], body: Json, candidates: tuple[Candidate, ...]
) -> tuple[Passage, ...]:
    """Return the passages that the first candidate has room for, none where its model is to get none."""
    first = candidates[0] if candidates else None
    if not passages or first is None:
        return ()
    if first.dialect == "extractive" or not house.catalog.resolve(first.model).passages:
        return ()
    window = first.target.context_window
    if window is None:
        return passages
    asked = as_count(body.get("max_completion_tokens")) or as_count(body.get("max_tokens"))
    reserved = asked or first.target.max_output_tokens or window // ANSWER_SHARE
    room = window - reserved - estimate_messages(as_objects(body.get("messages")))
    return fit_passages(passages, min(room, house.settings.retrieval.token_budget))
