"""The judge that settings name, with the template in charge: made, watched, replaced and closed.

When a request asks it, and what its word does, stands in `proxy/judgement.py`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from config.environment import split_keys
from router.judge.afterwards import Afterwards
from router.judge.asking import Judge, Limits
from router.judge.gate import Patience
from router.judge.ollama import Ask, OllamaServer
from router.judge.shelf import Shelf
from router.judge.voices import CatalogueVoice, OllamaVoice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from config.judge_settings import JudgeSettings
    from config.settings import Settings
    from config.types import Json
    from router.judge.asking import Asked
    from router.judge.shelf import InCharge
    from router.judge.values import Case
    from router.judge.voices import Asker, Voice
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
        words: Asker,
        ollama: str | None,
        home: Path,
        key: str | None = None,
    ) -> None:
        self._key = key
        self._transport = transport
        self._words = words
        self.shelf = Shelf(home)
        self._settings: JudgeSettings = settings
        self._ollama = ollama
        self._stamp: tuple[int, ...] | None = None
        self._in_charge: InCharge | None = None
        self._changed = asyncio.Event()
        self.judge = self._made()
        self.patience = Patience(settings.share_max)
        """How many requests may wait for it."""
        self.afterwards = Afterwards()
        """What is asked once its request is answered."""

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
        if settings.share_max != self._settings.share_max:
            self.patience = Patience(settings.share_max)
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

    def would_wait(self, case: Case) -> bool:
        """Return whether asking takes more than a look at what is kept, and at whether the judge is there."""
        return self.judge.would_wait(self.in_charge.template, case)

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
        """End what runs beside the requests and after them."""
        await self.afterwards.aclose()
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
