"""The stage `judge`: where the policy is unsure, a model is asked which model should answer, before the draw.

What it is asked and how its word counts is decided in `router/judge`. Nothing here may fail a request; who is not
there costs it nothing, and few requests wait for who is: the others are asked about once they are answered.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy import choosing
from proxy.allowed import catalog_of
from router.choosing.scoring import Taste
from router.judge.gate import Gate, stakes_of, why_not
from router.judge.mixing import followed, weight_of
from router.judge.values import MAX_CANDIDATES, Case

if TYPE_CHECKING:
    from config.judge_settings import JudgeSettings
    from config.trace import span
    from config.types import Json
    from proxy.choosing import Considered
    from proxy.exchange import Exchange
    from proxy.house import House
    from proxy.similar import Found
    from router.choosing.values import Choice, Question
    from router.judge.asking import Asked
    from router.judge.gate import Haste, Stakes


async def judge(house: House, exchange: Exchange, note: span) -> None:
    """Ask which model should answer where that is worth it, and draw again by the answer; else leave the choice."""
    judging, choice, considered = house.judging, exchange.choice, exchange.considered
    if choice is None or considered is None or not judging.wanted:
        note(abstained=True, skipped=True)
        return
    settings = judging.settings
    judging.patience.came()
    stakes = _stakes(house, choice, considered)
    reason = why_not(choice, gate_of(settings), stakes, stays=_stays(exchange, choice, considered))
    if reason is not None:
        house.metrics.not_judged(reason)
        note(abstained=True, skipped=True, reason=reason)
        return
    question = considered.question
    exchange.similar = house.similar.find(question.text, caller=question.caller).among(
        catalog_of(house, exchange).models
    )
    case = await _case_of(house, choice, question, exchange.similar)
    if settings.shadow:
        exchange.shadow_judge = asyncio.create_task(judging.ask(case))
        note(abstained=True, shadow=True)
        return
    waits = judging.would_wait(case)
    haste = _haste(house, stakes) if waits else None
    if haste is not None:
        house.metrics.not_judged(haste)
        exchange.unjudged, exchange.judged = case, _not_yet(haste)
        note(abstained=True, shadow=True, reason=haste)
        return
    asked = await judging.ask(case)
    house.metrics.judged(asked, "waited" if waits else "at_once")
    exchange.judged = told(house, asked)
    if asked.verdict is not None:
        exchange.choice, chances = followed(
            choice,
            asked.verdict,
            trust=settings.trust,
            chances=considered.drawn,
            floor=house.settings.routing.floor,
            own=considered.own,
        )
        exchange.considered = replace(considered, drawn=chances)
        exchange.judged |= {"followed": settings.trust > 0, "weight": weight_of(asked.verdict, trust=settings.trust)}
    note(abstained=asked.verdict is None, **exchange.judged)


def take(house: House, exchange: Exchange) -> None:
    """Now that the request is over, put into the decision what a judge in shadow said, and ask what is left to ask.

    Nobody waits for either.
    """
    later(house, exchange)
    task, exchange.shadow_judge = exchange.shadow_judge, None
    if task is None:
        return
    if task.done() and not task.cancelled() and task.exception() is None:
        asked = task.result()
        house.metrics.judged(asked, "beside")
        exchange.judged = told(house, asked)
    else:
        task.cancel()
        house.metrics.not_judged("left")
        exchange.judged = {"outcome": "late", "followed": False}
    exchange.judged |= {"shadow": True}
    _book(exchange)


def later(house: House, exchange: Exchange) -> None:
    """Ask the judge about a request that did not wait for it, once there is time; its word is kept and booked."""
    case, exchange.unjudged = exchange.unjudged, None
    if case is None:
        return
    found, judging = exchange.judged, house.judging

    async def ask() -> None:
        asked = await judging.ask(case)
        house.metrics.judged(asked, "afterwards")
        exchange.judged = {**found, **told(house, asked)}
        _book(exchange)  # for who books it later, as an application does
        if not house.draining:
            house.judged.record(exchange.id, exchange.judged)

    if not judging.afterwards.offer(ask):
        house.metrics.not_judged("line_full")
        exchange.judged = {**found, "outcome": "dropped"}
        _book(exchange)


def told(house: House, asked: Asked) -> Json:
    """Return what came of asking as the books keep it; the judge's own words only where previews are kept."""
    found: Json = {
        "template": asked.template,
        "model": asked.model,
        "outcome": asked.outcome,
        "ms": round(asked.ms, 1),
        "cached": asked.cached,
        "followed": False,
    }
    verdict = asked.verdict
    if verdict is not None:
        answer: Json = {"selected_model": verdict.model, "confidence": verdict.confidence}
        if house.settings.storage.store_preview and verdict.reasoning:
            answer["reasoning"] = verdict.reasoning
        found["answer"] = answer
    if asked.fault is not None:
        found["fault"] = asked.fault
    if asked.said is not None:
        found["tokens"] = {"input": asked.said.input_tokens, "output": asked.said.output_tokens}
        found["cost_usd"] = asked.said.usd
    return found


def gate_of(settings: JudgeSettings) -> Gate:
    """Return when the judge is asked by the settings."""
    return Gate(settings.mode, settings.unsure_below, settings.min_gain)


def _stakes(house: House, choice: Choice, considered: Considered) -> Stakes | None:
    settings, routing = house.judging.settings, house.settings.routing
    if settings.mode != "unsure":
        return None
    taste = Taste(considered.dial, routing.latency_weight, routing.switching_weight)
    toll = house.judging.judge.toll
    return stakes_of(choice, trust=settings.trust, gate=gate_of(settings), taste=taste, toll=toll)


def _haste(house: House, stakes: Stakes | None) -> Haste | None:
    """Return why the request does not wait, `None` where it does: always, where the judge is to be asked always."""
    judging = house.judging
    return None if stakes is None else judging.patience.why_not(stakes, min_gain=judging.settings.min_gain)


def _not_yet(haste: Haste) -> Json:
    return {"outcome": "later", "reason": haste, "shadow": True, "followed": False}


def _book(exchange: Exchange) -> None:
    if exchange.decision is not None:
        exchange.decision = replace(exchange.decision, judge=exchange.judged)


def _stays(exchange: Exchange, choice: Choice, considered: Considered) -> bool:
    """Return whether nothing is drawn: the model that served before goes on, or the caller wants the highest score.

    An analysis draws nothing either, but tells what a request would get.
    """
    return considered.question.task_state == choosing.TOOL_LOOP or (
        choice.seed is None and not exchange.door.only_chooses
    )


async def _case_of(house: House, choice: Choice, question: Question, similar: Found) -> Case:
    ranked = sorted(choice.ranked, key=lambda each: -each.score)[:MAX_CANDIDATES]
    models = [house.catalog.models[each.model] for each in ranked]
    offers = await choosing.offers(house, models, dict.fromkeys((each.model for each in ranked), 0.0))
    expected = {each.model: each.expected for each in ranked if each.expected is not None}
    return Case(question, offers, expected, {each.model: each for each in similar.records})
