"""The stage `judge`: where the policy is unsure, a model is asked which model should answer, before the draw.

What it is asked and how its word counts is decided in `router/judge`. Nothing here may fail a request; who is not
there costs it nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from config.environment import split_keys
from proxy import choosing
from router.judge.asking import Judge, Limits
from router.judge.gate import Gate, stakes_of, why_not
from router.judge.mixing import followed, weight_of
from router.judge.ollama import Ask, OllamaServer
from router.judge.shelf import Shelf
from router.judge.values import MAX_CANDIDATES, Case
from router.judge.voices import CatalogueVoice, OllamaVoice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from config.judge_settings import JudgeSettings
    from config.settings import Settings
    from config.trace import span
    from config.types import Json, TextGenerator
    from proxy.choosing import Considered
    from proxy.exchange import Exchange
    from proxy.house import House
    from router.choosing.values import Choice
    from router.judge.asking import Asked
    from router.judge.shelf import InCharge
    from router.judge.voices import Voice
    from router.providers.base import Transport

FOLDER: Final = "judge"
"""Folder of the data folder where templates are kept."""
LOOK_S: Final = 15.0
"""Seconds between looks whether the judge is there, and whether another template was promoted."""

log = structlog.stdlib.get_logger("thalamus.proxy.judging")


class Judging:
    """The judge that settings name, with the template in charge. Nothing is opened before it is asked or watched.

    `words` speaks to the models of the catalogue. `ollama` is the server's address, `None` where none is to be asked,
    and `key` what it may want.
    """

    def __init__(
        self,
        settings: JudgeSettings,
        *,
        transport: Transport,
        words: TextGenerator,
        ollama: str | None,
        home: Path,
        key: str | None = None,
    ) -> None:
        self._key = key
        self._transport = transport
        self._words = words
        self.shelf = Shelf(home)
        self._settings = settings
        self._ollama = ollama
        self._stamp: tuple[int, ...] | None = None
        self._in_charge: InCharge | None = None
        self._changed = asyncio.Event()
        self.judge = self._made()

    @property
    def settings(self) -> JudgeSettings:
        """The settings in force."""
        return self._settings

    @property
    def in_charge(self) -> InCharge:
        """The template that is used; read when it is first needed."""
        if self._in_charge is None:
            self._in_charge = self.shelf.in_charge(self._settings.template)
        return self._in_charge

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be asked at all."""
        return self._settings.mode != "never" and (self._settings.served_by == "catalogue" or self._ollama is not None)

    def adopt(self, settings: JudgeSettings, *, ollama: str | None, key: str | None = None) -> None:
        """Go on with other settings; what was kept and counted stays only where the judge itself stays the same."""
        if (settings, ollama, key) == (self._settings, self._ollama, self._key):
            return
        former = self.judge
        self._settings, self._ollama, self._key, self._in_charge = settings, ollama, key, None
        self.judge = self._made()
        former.give_up()
        self._changed.set()

    async def watch(self) -> None:
        """Look every few seconds whether the judge is there, and which template is in charge, until cancelled."""
        while True:
            self._changed.clear()
            await self.look()
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def look(self) -> None:
        """Look once; a model that is missing is downloaded beside the requests where the settings say so."""
        stamp = await asyncio.to_thread(self.shelf.stamp)
        if stamp != self._stamp:
            self._stamp = stamp
            self._in_charge = await asyncio.to_thread(self.shelf.in_charge, self._settings.template)
            if self._in_charge.problem is not None:
                log.warning("judge_template_not_used", problem=self._in_charge.problem)
        if not self.wanted:
            return
        judge = self.judge
        found, voice = await judge.look(), judge.voice
        if found == "missing" and self._settings.pull and isinstance(voice, OllamaVoice):
            log.info("judge_is_pulled", model=voice.model)
            judge.beside(voice.pull())

    async def ask(self, case: Case) -> Asked:
        """Return what the judge says, or why it says nothing; never raises."""
        return await self.judge.ask(self.in_charge.template, case)

    def patient(self, deadline_s: float) -> Judge:
        """Return the same judge for somebody who waits longer, and who does not want answers that were kept."""
        return Judge(self.judge.voice, replace(limits_of(self._settings), deadline_s=deadline_s, cache_entries=0))

    def state(self) -> Json:
        """Return how it is, for `/health`; no address and no path stands in it."""
        settings = self._settings
        told: Json = {"mode": settings.mode, "shadow": settings.shadow, "served_by": settings.served_by}
        if not self.wanted:
            return {"status": "off", **told}
        told |= self.judge.state() | {"template": self.in_charge.template.version}
        return told | ({"template_problem": True} if self.in_charge.problem is not None else {})

    async def aclose(self) -> None:
        """End what runs beside the requests."""
        await self.judge.aclose()

    def _made(self) -> Judge:
        settings = self._settings
        voice: Voice
        if settings.served_by == "catalogue":
            voice = CatalogueVoice(self._words, settings.model)
        else:
            ask = Ask(settings.num_ctx, settings.keep_alive_s)
            voice = OllamaVoice(OllamaServer(self._transport, self._ollama or "", key=self._key), settings.model, ask)
        return Judge(voice, limits_of(settings))


def limits_of(settings: JudgeSettings) -> Limits:
    """Return how much the judge may take by the settings."""
    return Limits(
        deadline_s=settings.deadline_ms / 1000,
        max_query_tokens=settings.max_query_tokens,
        max_at_once=settings.max_at_once,
        cache_entries=settings.cache_entries,
        cache_s=settings.cache_s,
    )


def judge_ollama(settings: Settings, usual: Callable[[Settings], str]) -> str | None:
    """Return where the judge's Ollama is; `None` where nobody named one and none is to be looked for."""
    row = next((each for each in settings.providers if each.name == "ollama"), None)
    known = settings.health.find_ollama or (row is not None and row.discover)
    return settings.judge.ollama_url or (usual(settings) if known else None)


def judge_key(settings: Settings) -> str | None:
    """Return the key of the provider `ollama`, `None` where it has none or the judge has a server of its own."""
    row = next((each for each in settings.providers if each.name == "ollama"), None)
    if row is None or settings.judge.ollama_url is not None:
        return None
    held = (settings.secrets.get(name) for name in row.api_key_env)
    keys = [key for secret in held if secret is not None for key in split_keys(secret.reveal())]
    return keys[0] if keys else None


async def judge(house: House, exchange: Exchange, note: span) -> None:
    """Ask which model should answer where that is worth it, and draw again by the answer; else leave the choice."""
    judging, choice, considered = house.judging, exchange.choice, exchange.considered
    if choice is None or considered is None or not judging.wanted:
        note(abstained=True, skipped=True)
        return
    settings = judging.settings
    stakes = stakes_of(choice) if settings.mode == "unsure" else None
    reason = why_not(choice, gate_of(settings), stakes, stays=_stays(exchange, choice, considered))
    if reason is not None:
        note(abstained=True, skipped=True, reason=reason)
        return
    case = await _case_of(house, choice, considered)
    if settings.shadow:
        exchange.shadow_judge = asyncio.create_task(judging.ask(case))
        note(abstained=True, shadow=True)
        return
    asked = await judging.ask(case)
    exchange.judged = told(house, asked)
    if asked.verdict is not None:
        exchange.choice, chances = followed(choice, asked.verdict, trust=settings.trust, chances=considered.drawn)
        exchange.considered = replace(considered, drawn=chances)
        exchange.judged |= {"followed": settings.trust > 0, "weight": weight_of(asked.verdict, trust=settings.trust)}
    note(abstained=asked.verdict is None, **exchange.judged)


def take(house: House, exchange: Exchange) -> None:
    """Put what a judge in shadow said into the decision, now that the request is over; nobody waits for it."""
    task, exchange.shadow_judge = exchange.shadow_judge, None
    if task is None:
        return
    if task.done() and not task.cancelled() and task.exception() is None:
        exchange.judged = told(house, task.result())
    else:
        task.cancel()
        exchange.judged = {"outcome": "late", "followed": False}
    exchange.judged |= {"shadow": True}
    if exchange.decision is not None:
        exchange.decision = replace(exchange.decision, judge=exchange.judged)


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
    return found


def gate_of(settings: JudgeSettings) -> Gate:
    """Return when the judge is asked by the settings."""
    return Gate(settings.mode, settings.unsure_below, settings.min_quality_spread, settings.min_cost_spread_usd)


def _stays(exchange: Exchange, choice: Choice, considered: Considered) -> bool:
    """Return whether the request belongs to the model that served before it, whatever anybody says."""
    return considered.question.task_state == choosing.TOOL_LOOP or (choice.seed is None and exchange.explores)


async def _case_of(house: House, choice: Choice, considered: Considered) -> Case:
    ranked = sorted(choice.ranked, key=lambda each: -each.score)[:MAX_CANDIDATES]
    models = [house.catalog.models[each.model] for each in ranked]
    offers = await choosing.offers(house, models, dict.fromkeys((each.model for each in ranked), 0.0))
    expected = {each.model: each.expected for each in ranked if each.expected is not None}
    return Case(considered.question, offers, expected)
