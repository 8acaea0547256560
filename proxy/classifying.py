"""The stage that says what is asked, and the reading of the other models beside the request, which it never waits for.

Their answers are taken when the request is over, or by the choice where they are there in time: into the decision's
features, and as the span `beside` of its trace.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from classifier import conversation
from classifier.features import features_of
from classifier.readings import features_from
from config.confidence import shown
from config.intents import NONE
from config.types import Span
from proxy.beside import HEARD_FIRST
from router.providers.json_values import as_list, as_object, as_objects

if TYPE_CHECKING:
    from classifier.cascade import Asked
    from config.trace import span
    from config.types import Intent, Json
    from proxy.exchange import Exchange
    from proxy.house import House

EXPLAINED_S: Final = 0.25
"""Seconds that a request with `x-thalamus-router: explain` waits for the other models; no other one does."""
_IMAGES: Final = frozenset({"image_url", "input_image", "image"})


async def classify(house: House, exchange: Exchange, note: span) -> None:
    """Say what is asked within the settings' deadlines; where nobody is sure in time, this stage abstains."""
    settings = house.settings.classifier
    if not exchange.studies or not settings.enabled or settings.deadline_ms <= 0:
        note(abstained=True, skipped=True)
        return
    body = exchange.known().request.body
    state = state_of(exchange)
    exchange.features = features_of(state, has_tools=bool(body.get("tools")), has_images=_has_images(body))
    if house.understanding.shadows.busy:
        exchange.meant = state.meant
    asked = await _ask(house, state.readings)
    exchange.intent, exchange.tiers = asked.intent, asked.tiers
    note(**told(asked.intent), tiers=[told(each) for each in asked.tiers])
    exchange.beside = house.understanding.read_beside(
        state.whole, only=HEARD_FIRST if exchange.door.only_chooses else ()
    )
    if exchange.explain and exchange.beside is not None:  # who asks for reasons waits for all of them
        await exchange.beside.finish(within_s=EXPLAINED_S)
        take(exchange, with_texts=house.settings.storage.store_preview)


def state_of(exchange: Exchange) -> conversation.State:
    """Return what the conversation asks for now; it is read once a request. Who changes the messages forgets it."""
    if exchange.state is None:
        exchange.state = conversation.read(as_list(exchange.known().request.body.get("messages")))
    return exchange.state


async def _ask(house: House, readings: tuple[str, ...]) -> Asked:
    """Return the first answer that is sure of an intent, else the first that is sure of none, else the first guess."""
    answers: list[Asked] = []
    for text in readings:
        answer = await house.understanding.ask(text)
        if not answer.intent.abstained and answer.intent.labels != (NONE,):
            return answer
        answers.append(answer)
    return next((each for each in answers if not each.intent.abstained), answers[0])


def told(found: Intent) -> Json:
    """Return a tier's word as the trace shows it."""
    return {
        "intents": list(found.labels),
        "confidence": shown(found.confidence),
        "source": found.source,
        "abstained": found.abstained,
        "ms": round(found.ms, 3),
    }


def take(exchange: Exchange, *, with_texts: bool) -> None:
    """Put what the other models said into trace and features; what is not there yet is given up.

    Without texts no word of the user stands in the trace.
    """
    reading, exchange.beside = exchange.beside, None
    readings = reading.take() if reading is not None else {}
    if not readings:
        return
    notes = {name: each.as_json(with_texts=with_texts) for name, each in readings.items()}
    took_ms = sum(each.ms for each in readings.values())
    exchange.trace.spans.append(Span("beside", exchange.trace.elapsed_ms() - took_ms, took_ms, notes))
    if exchange.features is not None:
        exchange.learned = features_from(readings, exchange.features)
    if exchange.decision is not None:
        exchange.decision = replace(exchange.decision, features={**exchange.decision.features, **exchange.learned})


def shadow(house: House, exchange: Exchange) -> None:
    """Have the models in shadow read the request too, now that it is over; nobody waits for them."""
    house.understanding.shadows.offer(exchange.id, exchange.meant)


def _has_images(body: Json) -> bool:
    """Return whether the last message carries an image."""
    last = as_object((as_list(body.get("messages")) or [None])[-1]) or {}
    return any(part.get("type") in _IMAGES for part in as_objects(last.get("content")))
