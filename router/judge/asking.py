"""Asks the judge, or does not: the breaker, the places at once and the answers that are kept stand before it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from config.breaker_settings import BreakerSettings
from config.errors import UpstreamError
from router.breaker import Breaker
from router.judge.gate import Toll
from router.judge.ollama import Said
from router.judge.reading import read_answer
from router.judge.templates import messages_of, schema_of
from router.judge.values import Unread, Verdict
from router.providers.json_values import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from config.types import Json
    from router.judge.templates import Template
    from router.judge.values import Case
    from router.judge.voices import Presence, Voice

Outcome = Literal["answered", "unread", "late", "failed", "busy", "resting", "loading", "missing", "away"]
"""What came of it: `resting` is an open breaker; the last three are known before anybody is asked."""
RULES: Final = BreakerSettings(window_s=60.0, min_requests=2, open_s=15.0, open_max_s=300.0, trial_s=30.0, ramp_s=0.0)
FAILURE_RATE: Final = 0.5
PACE: Final = 0.2
"""What the newest answer says of what the judge takes; about the last ten count."""
_AWAY: Final[dict[Presence, Outcome]] = {
    "away": "away",
    "missing": "missing",
    "pulling": "missing",
    "loading": "loading",
    "cold": "loading",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the judge may take; the fields are those of `[judge]`."""

    deadline_s: float = 3.0
    max_query_tokens: int = 1500
    max_at_once: int = 2
    cache_entries: int = 1000
    cache_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking."""

    outcome: Outcome
    template: str
    """Its version."""
    model: str
    """Who judges."""
    verdict: Verdict | None = None
    fault: str | None = None
    """Why an answer could not be read, or was not there; no word of the user stands in it."""
    ms: float = 0.0
    cached: bool = False
    said: Said | None = None


@dataclass(slots=True)
class Counts:
    """How often each came about since the start."""

    by_outcome: dict[str, int] = field(default_factory=dict[str, int])
    cached: int = 0

    def add(self, asked: Asked) -> None:
        """Count one."""
        self.by_outcome[asked.outcome] = self.by_outcome.get(asked.outcome, 0) + 1
        self.cached += asked.cached


class Judge:
    """One voice with what guards it. `clock` gives monotonic seconds. Close it to end what loads beside requests."""

    def __init__(self, voice: Voice, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.voice = voice
        self.limits = limits
        self.counts = Counts()
        self.breaker = Breaker(RULES, FAILURE_RATE)
        self.toll = Toll(wait_ms=limits.deadline_s * 1000)
        """What an answer takes lately; before the first one the whole deadline."""
        self._n_timed = 0
        self._clock = clock
        self._n_asking = 0
        self._kept: OrderedDict[bytes, tuple[float, Verdict | Unread]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, template: Template, case: Case) -> Asked:
        """Return what it says within the deadline, or why it says nothing; never raises, never waits for a place."""
        asked = await self._ask(template, case)
        self.counts.add(asked)
        return asked

    def would_wait(self, template: Template, case: Case) -> bool:
        """Return whether asking would ask the model now, and not be answered at once from what is kept or known."""
        now = self._clock()
        kept = self._kept_answer(_key_of(self.voice.name, template, case), now)
        return kept is None and self._obstacle(now) is None

    async def look(self) -> Presence:
        """Find out whether it is there; one that came back is asked again at once."""
        before, began = self.voice.presence, self._clock()
        found = await self.voice.look()
        now = self._clock()
        if found == "away":
            self.breaker.failed(now, holder=found, began=began)
        elif before in {"away", "missing"} and found in {"ready", "cold"}:
            self.breaker.half_open(now)
        return found

    def beside(self, work: Coroutine[None, None, None]) -> None:
        """Do something for the voice beside the requests; `aclose` ends it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def state(self) -> Json:
        """Return how it is, for `/health`."""
        now = self._clock()
        breaker = self.breaker.state(now)
        presence = self.voice.presence
        told: Json = {"status": presence if presence != "ready" else "ok", "model": self.voice.name, "breaker": breaker}
        if breaker == "open" and presence in {"ready", "unknown"}:
            told |= {"status": "resting", "retry_in_s": round(self.breaker.wait_s(now), 1)}
        return told | self.voice.told() | {"answers": dict(self.counts.by_outcome), "cached": self.counts.cached}

    def give_up(self) -> tuple[asyncio.Task[None], ...]:
        """Tell what runs beside the requests to end, and return it."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        return tasks

    async def aclose(self) -> None:
        """End what runs beside the requests."""
        await asyncio.gather(*self.give_up(), return_exceptions=True)

    async def _ask(self, template: Template, case: Case) -> Asked:
        began = self._clock()
        key = _key_of(self.voice.name, template, case)
        kept = self._kept_answer(key, began)
        if kept is not None:
            return self._told(kept, template, began, cached=True)
        refused = self._refused(began)
        if refused is not None:
            return Asked(refused, template.version, self.voice.name)
        messages = messages_of(template, case, max_query_tokens=self.limits.max_query_tokens)
        holder = object()
        self.breaker.acquire(began)
        self.breaker.bind(holder, began)
        self._n_asking += 1
        try:
            said = await self.voice.say(messages, schema=schema_of(case), timeout_s=self.limits.deadline_s)
        except UpstreamError as error:
            if error.timed_out:
                self._took(self.limits.deadline_s * 1000)
            return self._failed(error, template, began, holder)
        else:
            self.breaker.succeeded(self._clock(), holder=holder, began=began)
        finally:
            self._n_asking -= 1
            self.breaker.release(holder)  # changes nothing where there is a verdict; a client may have left
        self._took((self._clock() - began) * 1000, said.usd or 0.0)
        found = read_answer(said.text, case.models)
        self._keep(key, found)
        return self._told(found, template, began, said=said)

    def _refused(self, now: float) -> Outcome | None:
        """Return why nobody is asked now; a model that is not in memory is brought there meanwhile."""
        if self.voice.presence == "cold":
            self.beside(self.voice.load())
        return self._obstacle(now)

    def _obstacle(self, now: float) -> Outcome | None:
        presence = self.voice.presence
        if presence in _AWAY:
            return _AWAY[presence]
        if not self.breaker.admits(now):
            return "resting"
        return "busy" if self._n_asking >= self.limits.max_at_once else None

    def _took(self, ms: float, usd: float | None = None) -> None:
        """Learn what asking takes; of one that was late only how long it took is known."""
        before, pace = self.toll, PACE if self._n_timed else 1.0
        self._n_timed += 1
        fee = before.usd if usd is None else before.usd + pace * (usd - before.usd)
        self.toll = Toll(before.wait_ms + pace * (ms - before.wait_ms), fee)

    def _failed(self, error: UpstreamError, template: Template, began: float, holder: object) -> Asked:
        now = self._clock()
        wish_s = error.retry_after_s or 0.0
        self.breaker.failed(now, holder=holder, began=began, wish_s=wish_s)
        if error.timed_out and self.voice.presence == "ready":
            self.beside(self._look_again())
        outcome: Outcome = "late" if error.timed_out else "failed"
        fault = error.code or error.failure_class
        return Asked(outcome, template.version, self.voice.name, fault=fault, ms=(now - began) * 1000)

    async def _look_again(self) -> None:
        """Find out whether it was late since it was not in memory; if so, the next one finds it there."""
        if await self.voice.look() == "cold":
            await self.voice.load()
            self.breaker.half_open(self._clock())

    def _told(
        self,
        found: Verdict | Unread,
        template: Template,
        began: float,
        *,
        cached: bool = False,
        said: Said | None = None,
    ) -> Asked:
        read = isinstance(found, Verdict)
        return Asked(
            "answered" if read else "unread",
            template.version,
            self.voice.name,
            verdict=found if read else None,
            fault=None if read else found.fault,
            ms=(self._clock() - began) * 1000,
            cached=cached,
            said=said,
        )

    def _kept_answer(self, key: bytes, now: float) -> Verdict | Unread | None:
        found = self._kept.get(key)
        if found is None:
            return None
        if now - found[0] >= self.limits.cache_s:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return found[1]

    def _keep(self, key: bytes, found: Verdict | Unread) -> None:
        self._kept[key] = (self._clock(), found)
        while len(self._kept) > self.limits.cache_entries:
            self._kept.popitem(last=False)


def _key_of(judge: str, template: Template, case: Case) -> bytes:
    """Return what tells questions apart whose answers are kept.

    Records count roughly: with every digit of them an answer would be of no use after the next rating.
    """
    question = case.question
    records = [
        (each.model, *((round(known.quality, 1), f"{known.n:.1g}") if (known := case.expected.get(each.model)) else ()))
        for each in case.offers
    ]
    similar = sorted((each.model, round(each.mean_reward, 1), f"{each.n:.1g}") for each in case.similar.values())
    known = (question.language, question.domain, question.intents, question.complexity, question.n_tokens)
    needs = (question.has_code, question.has_tools, question.has_images, question.wants_json)
    whole = encode([judge, template.version, question.text, known, needs, sorted(records), similar])
    return hashlib.blake2b(whole, digest_size=16).digest()
