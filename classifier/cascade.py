"""Asks who is cheapest first what is asked: the catalogue's own sentences, the micro-model, then Qwen3; else abstains.

Orders that are hard to take back are the reflex's; it runs before this and its finding stands beside the intent.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from classifier.text import MAX_CHARS, normalise
from config.types import Intent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from classifier.micromodel import ServedModel
    from config.intents import IntentCatalogue

RULE: Final = "rule"
MICRO: Final = "micro"
NOBODY: Final = "none"
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


class ExampleRules:
    """Knows the catalogue's own examples, word for word: what stands there is certain."""

    def __init__(self, catalogue: IntentCatalogue) -> None:
        known: dict[str, tuple[str, ...]] = {}
        for intent in catalogue.intents:
            for example in (*intent.examples_zh, *intent.examples_en):
                plain = _plain(example)
                known[plain] = (*known.get(plain, ()), intent.name)
        self._known = known

    def look(self, text: str) -> Intent | None:
        """Return every intent that lists the example, `None` for every other text."""
        names = self._known.get(_plain(text)) if len(text) <= MAX_CHARS else None
        return None if names is None else Intent(names, 1.0, RULE, probabilities=dict.fromkeys(names, 1.0))


class MicroTier:
    """Asks a micro-model."""

    def __init__(self, served: ServedModel) -> None:
        self._served = served

    def look(self, text: str) -> Intent | None:
        """Return its answer, or its guess marked as an abstention."""
        found = self._served.current.predict(text)
        return Intent(found.labels, found.confidence, MICRO, found.abstained, found.probabilities)


class Cascade:
    """An `IntentClassifier`: the first tier that answers is believed; where none does, the last guess is a hint."""

    def __init__(
        self,
        fast: Sequence[FastTier] = (),
        slow: SlowTier | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._fast = tuple(fast)
        self._slow = slow
        self._clock = clock

    async def classify(self, text: str, *, deadline_s: float) -> Intent:
        """Return what is asked within `deadline_s` seconds; the slow tier gets only what is left of them."""
        began = self._clock()
        found = self.look(text)
        left = deadline_s - (self._clock() - began)
        if found.abstained and self._slow is not None and left > 0 and text.strip():
            answer = await self._slow.classify(text, deadline_s=left)
            if not answer.abstained or not found.labels:
                found = answer
        return replace(found, ms=(self._clock() - began) * 1000)

    def look(self, text: str) -> Intent:
        """Return what the fast tiers say: the first answer, else the last guess as an abstention. Never waits."""
        began = self._clock()
        hint = Intent((), 0.0, NOBODY, abstained=True)
        if text.strip():
            for tier in self._fast:
                found = tier.look(text)
                if found is not None:
                    hint = found
                    if not found.abstained:
                        break
        return replace(hint, ms=(self._clock() - began) * 1000)


def _plain(text: str) -> str:
    return normalise(text).strip(_END_MARKS)
