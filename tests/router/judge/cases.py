"""Cases and voices for tests of the judge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from config.errors import UpstreamError
from config.types import Json
from router.choosing.choose import choose
from router.choosing.values import Choice, Expected, Offer, Question
from router.judge.ollama import Said
from router.judge.templates import shipped_templates
from router.judge.values import Case
from router.judge.voices import Presence

PLAIN = next(each for each in shipped_templates() if each.name == "plain")

MODELS = ("a", "b", "c")


class Guess:
    """An experience that knows each model's quality by heart."""

    version = "1"

    def __init__(self, *quality: float, deviation: float = 0.1, cost: float | None = None) -> None:
        self._expected = tuple(
            Expected(name, each, deviation, cost_usd=cost and cost * (n + 1))
            for n, (name, each) in enumerate(zip(MODELS, quality, strict=False))
        )

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:  # noqa: ARG002  # the protocol's
        return self._expected


def chosen(*quality: float, seed: int = 1, explores: bool = True, **known: float) -> Choice:
    """Return a choice among models of these qualities, the first named `a`."""
    offers = [Offer(name) for name in MODELS[: len(quality)]]
    return choose(Question("hi"), offers, Guess(*quality, **known), seed=seed, explores=explores)


def named(model: str, confidence: int = 80) -> str:
    """Return an answer by the schema."""
    return f'{{"reasoning": "it fits", "selectedModel": "{model}", "confidence": {confidence}}}'


def case(text: str = "hello", *models: str, language: str = "en") -> Case:
    """Return a question with candidates, `small` and `large` where none are named."""
    names = models or ("small", "large")
    expected = {name: Expected(name, 0.5 + n / 10, 0.1, n=10.0 * n) for n, name in enumerate(names)}
    return Case(Question(text, language=language), tuple(Offer(name) for name in names), expected)


@dataclass
class Clock:
    """Seconds that pass when told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Speaker:
    """A voice that says what it was given: a text, an error, or what a function makes of the messages."""

    answers: list[str | UpstreamError | Callable[[Sequence[Json]], str]]
    presence: Presence = "ready"
    name: str = "llama3"
    looks: list[Presence] = field(default_factory=list)
    asked: list[Sequence[Json]] = field(default_factory=list)
    held: asyncio.Event | None = None
    n_loads: int = 0

    def told(self) -> Json:
        return {}

    async def look(self) -> Presence:
        self.presence = self.looks.pop(0) if self.looks else self.presence
        return self.presence

    async def load(self) -> None:
        self.n_loads += 1
        self.presence = "ready"

    async def say(self, messages: Sequence[Json], *, schema: Json, timeout_s: float) -> Said:  # noqa: ARG002  # the protocol's
        self.asked.append(messages)
        if self.held is not None:
            await self.held.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, UpstreamError):
            raise answer
        return Said(answer if isinstance(answer, str) else answer(messages), 100, 20)


def late() -> UpstreamError:
    """Return the error of an answer that did not come in time."""
    return UpstreamError("no answer within 3 s", failure_class="transient", timed_out=True)
