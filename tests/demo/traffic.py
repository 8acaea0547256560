"""The clients of the bad day: the official `openai` client, streamed and plain, in two languages, all day long."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import openai

from tests.demo.truth import asked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    import httpx

    from tests.demo.truth import Asked

MODELS: Final = ("auto",) * 6 + ("claude", "gpt", "deepseek")
"""Two thirds of the requests let the gateway choose; the others name a model, whose fallbacks are all the others."""
STREAMED: Final = 0.6
How = Literal["answered", "broken", "refused"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one client saw. Times are seconds of the day."""

    began: float
    model: str
    stream: bool
    ended: float = 0.0
    how: How = "answered"
    """`broken` after content had been sent, `refused` before."""
    first_s: float | None = None
    """Wait for the first content; of a plain answer for all of it."""
    served: str | None = None
    decision_id: str | None = None
    error: str | None = None
    status: int | None = None
    """HTTP status of a refusal, and what its error told: seconds to wait, and who was asked or held back."""
    retry_after_s: float | None = None
    n_told: int = 0
    decision: Mapping[str, Any] | None = None
    """What the books say; fetched after the day."""

    @property
    def attempts(self) -> list[Mapping[str, Any]]:
        """Return the attempts in the books."""
        return list((self.decision or {}).get("attempts", []))

    @property
    def added_s(self) -> float:
        """Return how long those who failed took, seconds."""
        return sum(each["duration_ms"] for each in self.attempts if not each["committed"]) / 1000


@dataclass(frozen=True, slots=True)
class Clients:
    """Everybody who asks, and says afterwards what the answer was worth."""

    sdk: openai.AsyncOpenAI
    http: httpx.AsyncClient
    """For opinions, which the official client does not know."""
    clock: Callable[[], float]
    told: Callable[[Seen], None]
    seed: int
    share: float
    """Share of the answers from `auto`, 0 to 1, that somebody says something of."""

    async def ask(self, n: int, *, model: str = "auto", stream: bool = False) -> Seen:
        """Ask the `n`-th question, and speak about its answer. Raises `httpx.HTTPStatusError` where nobody listens."""
        question = asked(n, self.seed, share=self.share)
        seen = await _ask(self.sdk, question, Seen(began=self.clock(), model=model, stream=stream), self.clock)
        self.told(seen)
        if seen.how == "answered" and model == "auto" and seen.served is not None:
            said = question.opinion(seen.served)
            if said is not None:
                taken = await self.http.post("/v1/feedback", json={"decision_id": seen.decision_id, **said})
                taken.raise_for_status()
        return seen


async def drive(clients: Clients, *, until: float, rate: float, rng: Random, first: int = 0) -> int:
    """Ask about `rate` questions a second until `until`, whether or not earlier ones have been answered.

    Begins with question number `first` and returns the number of the next one.
    """
    n, due = first, clients.clock()
    async with asyncio.TaskGroup() as group:
        while due < until:
            await asyncio.sleep(max(0.0, due - clients.clock()))
            group.create_task(_one(clients, n, model=rng.choice(MODELS), stream=rng.random() < STREAMED))
            n += 1
            due += rng.uniform(0.5, 1.5) / rate
    return n


async def _one(clients: Clients, n: int, *, model: str, stream: bool) -> None:
    await clients.ask(n, model=model, stream=stream)


async def _ask(client: openai.AsyncOpenAI, question: Asked, seen: Seen, clock: Callable[[], float]) -> Seen:
    first_s: float | None = None
    decision_id = served = None
    try:
        raw = await client.chat.completions.with_raw_response.create(
            model=seen.model,
            messages=[{"role": "user", "content": question.text}],
            stream=seen.stream,
            metadata={"conversation_id": f"talk-{question.n}"},
        )
        decision_id, served = raw.headers["x-thalamus-decision-id"], raw.headers.get("x-thalamus-model")
        answer = raw.parse()
        if isinstance(answer, openai.AsyncStream):
            async for chunk in answer:
                if first_s is None and any(choice.delta.content for choice in chunk.choices):
                    first_s = clock() - seen.began
        else:
            assert answer.choices[0].message.content
            first_s = clock() - seen.began
    except openai.APIStatusError as error:
        seen = replace(
            _refused(seen, error.body), error=f"{error.status_code} {error.message}", status=error.status_code
        )
        told_s = error.response.headers.get("retry-after")
        seen = replace(seen, retry_after_s=float(told_s) if told_s else None)
        decision_id = error.response.headers.get("x-thalamus-decision-id")
    except openai.APIError as error:  # inside a stream, or no connection at all
        how = _refused(seen, error.body) if first_s is None else replace(seen, how="broken")
        seen = replace(how, error=error.message)
    else:
        if first_s is None:
            seen = replace(seen, how="refused", error="an empty answer")
    return replace(seen, ended=clock(), first_s=first_s, decision_id=decision_id, served=served)


def _refused(seen: Seen, body: object) -> Seen:
    """Count whom the error names: those who were asked, and those who were held back."""
    told = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    return replace(seen, how="refused", n_told=len(told.get("attempts", ())) + len(told.get("held_back", ())))
