"""Asks who is cheapest first what is asked: the catalogue's own sentences, the micro-model, then Qwen3; else abstains.

Orders that are hard to take back are the reflex's; it runs before this and its finding stands beside the intent.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from classifier.text import MAX_CHARS, normalise
from config.errors import ArtefactError
from config.intents import NONE
from config.types import Intent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Executor

    from classifier.micromodel import ServedModel
    from config.intents import IntentCatalogue

RULE: Final = "rule"
MICRO: Final = "micro"
NOBODY: Final = "none"
INLINE_CHARS: Final = 200
"""A text up to this length is read on the event loop, in under half a millisecond (p50); longer ones in a thread."""
INLINE_ASCII_CHARS: Final = 600
"""The same for plain ASCII, whose words are looked up whole."""
_END_MARKS: Final = " .!?。！？"


class FastTier(Protocol):
    """Answers in well under a millisecond, on the event loop."""

    def look(self, text: str) -> Intent | None:
        """Return an answer or an abstention; `None` where it has nothing to say at all."""
        ...


class SlowTier(Protocol):
    """Answers off the event loop, within a deadline. An `IntentClassifier`."""

    async def classify(self, text: str, *, deadline_s: float) -> Intent:
        """Return labels and confidence within `deadline_s` seconds, or an abstention."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking: the answer, and what each tier that was asked said, in order, with its own time."""

    intent: Intent
    tiers: tuple[Intent, ...] = ()


class ExampleRules:
    """Knows the catalogue's own examples, word for word: what stands there is certain."""

    def __init__(self, catalogue: IntentCatalogue) -> None:
        known: dict[str, tuple[str, ...]] = {}
        for intent in catalogue.intents:
            for example in (*intent.examples_zh, *intent.examples_en):
                plain = _plain(example)
                known[plain] = tuple(dict.fromkeys((*known.get(plain, ()), intent.name)))
        self._known = known

    def look(self, text: str) -> Intent | None:
        """Return every intent that lists the example, `None` for every other text."""
        names = self._known.get(_plain(text)) if len(text) <= MAX_CHARS else None
        return None if names is None else Intent(names, 1.0, RULE, probabilities=dict.fromkeys(names, 1.0))


class MicroTier:
    """Asks a micro-model. `catalogue` are the names a text may get: of what it never learned it cannot say `none`."""

    def __init__(self, served: ServedModel, *, catalogue: Iterable[str] = ()) -> None:
        self._served = served
        self._catalogue = frozenset(catalogue)
        self.problem: str | None = None
        """Why the last text could not be read, `None` while all goes well."""

    def look(self, text: str) -> Intent | None:
        """Return its answer, or its guess marked as an abstention; a model that fails abstains without a guess."""
        model = self._served.current
        try:
            found = model.predict(text)
        except ArtefactError as error:
            self.problem = str(error)
            return Intent((), 0.0, MICRO, abstained=True)
        self.problem = None
        blind = found.labels == (NONE,) and not self._catalogue <= frozenset(model.labels)
        return Intent(found.labels, found.confidence, MICRO, found.abstained or blind, found.probabilities)


class Cascade:
    """An `IntentClassifier`: the first tier that answers is believed; where none does, the surest guess is a hint.

    With an `executor` long texts are read by the fast tiers there; without one, all are read where they come.
    """

    def __init__(
        self,
        fast: Sequence[FastTier] = (),
        slow: SlowTier | None = None,
        *,
        executor: Executor | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._fast = tuple(fast)
        self._slow = slow
        self._executor = executor
        self._clock = clock

    async def classify(self, text: str, *, deadline_s: float) -> Intent:
        """Return what is asked within `deadline_s` seconds; the slow tier gets only what is left of them."""
        return (await self.ask(text, deadline_s=deadline_s)).intent

    async def ask(self, text: str, *, deadline_s: float) -> Asked:
        """Return the same with every tier's own word. Never later than the deadline, and never raises."""
        began = self._clock()
        tiers = await self._ask_fast(text, deadline_s)
        left = deadline_s - (self._clock() - began)
        if self._slow is not None and left > 0 and text.strip() and (not tiers or tiers[-1].abstained):
            asked = self._clock()
            answer = await self._slow.classify(text, deadline_s=left)
            tiers = (*tiers, replace(answer, ms=(self._clock() - asked) * 1000))
        return Asked(replace(_believed(tiers), ms=(self._clock() - began) * 1000), tiers)

    def look(self, text: str) -> Intent:
        """Return what the fast tiers say: the first answer, else the surest guess as an abstention. Never waits."""
        began = self._clock()
        return replace(_believed(self._look(text)), ms=(self._clock() - began) * 1000)

    async def _ask_fast(self, text: str, deadline_s: float) -> tuple[Intent, ...]:
        if self._executor is None or not is_long(text):
            return self._look(text)
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.get_running_loop().run_in_executor(self._executor, self._look, text)
        except TimeoutError:  # who still waits in the queue is taken out of it
            return ()

    def _look(self, text: str) -> tuple[Intent, ...]:
        told: list[Intent] = []
        for tier in self._fast if text.strip() else ():
            began = self._clock()
            found = tier.look(text)
            if found is not None:
                told.append(replace(found, ms=(self._clock() - began) * 1000))
                if not found.abstained:
                    break
        return tuple(told)


def is_long(text: str) -> bool:
    """Return whether reading a text would hold up the event loop."""
    return len(text) > INLINE_CHARS and (len(text) > INLINE_ASCII_CHARS or not text.isascii())


def _believed(tiers: tuple[Intent, ...]) -> Intent:
    """Return the answer, which only the last may be, else the surest guess, else an abstention without any.

    Of guesses that are equally sure the last one is taken: whoever is asked later reads more closely.
    """
    if tiers and not tiers[-1].abstained:
        return tiers[-1]
    guesses = [each for each in reversed(tiers) if each.labels]
    return max(guesses, key=lambda each: each.confidence, default=Intent((), 0.0, NOBODY, abstained=True))


def _plain(text: str) -> str:
    return normalise(text).strip(_END_MARKS)
