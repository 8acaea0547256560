"""A `TextGenerator` over the catalogue, for callers inside: the foundry today, whoever needs a model's words later.

It is the dispatcher's smallest door: messages in, the text of one answer out, and what it cost added up.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.errors import UpstreamError
from config.ids import new_id
from config.prices import cost_of
from config.tokens import estimate_messages, estimate_tokens
from config.types import Cost, Usage
from router.attempt import AttemptLog, Candidate
from router.dispatch import CandidatesExhaustedError
from router.events import TextDelta
from router.providers.base import ChatRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from config.types import Json
    from router.answer import Answer
    from router.attempt import Attempt
    from router.dispatch import Dispatcher
    from router.events import Event
    from router.snapshot import Deployment

OK: Final = 200


@dataclass(slots=True)
class Spent:
    """What answers have cost so far."""

    n_answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    n_estimated: int = 0
    """Answers whose tokens were counted here, since the upstream did not say."""
    n_unpriced: int = 0
    """Answers whose price is unknown; they are not in `usd`."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One answer, and what it took."""

    text: str
    usage: Usage
    cost: Cost


class Words:
    """A `TextGenerator`: asks the first of a model's candidates that answers. One request is one attempt a candidate.

    `find` gives the candidates of a name, and raises `ClientFacingError` for one that nobody has.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        find: Callable[[str], Sequence[Candidate]],
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._dispatcher = dispatcher
        self._find = find
        self._clock = clock
        self.spent = Spent()

    def apart(self) -> Words:
        """Return the same, with a count of its own of what is spent."""
        return Words(self._dispatcher, self._find, clock=self._clock)

    async def generate(self, messages: Sequence[Mapping[str, object]], *, model: str, timeout_s: float) -> str:
        """Return the text of one answer. Raises `UpstreamError` as the last candidate failed, `ClientFacingError`."""
        return (await self.say(messages, model=model, timeout_s=timeout_s)).text

    async def say(self, messages: Sequence[Mapping[str, object]], *, model: str, timeout_s: float) -> Spoken:
        """Return one answer with its tokens and its cost; raises as `generate`."""
        answer = await self._ask(messages, model, timeout_s, stream=False)
        completion = answer.completion
        usage, cost = self._ended(answer.attempt, messages)
        return Spoken(_text(completion.events) if completion is not None else "", usage, cost)

    async def stream(
        self, messages: Sequence[Mapping[str, object]], *, model: str, timeout_s: float
    ) -> AsyncIterator[str]:
        """Yield the text of one answer as it arrives; raises as `generate`. `timeout_s` is for the first of it."""
        answer = await self._ask(messages, model, timeout_s, stream=True)
        try:
            async for frame in answer.frames():
                if piece := _text(frame.events):
                    yield piece
            self._ended(answer.attempt, messages)
        except UpstreamError as error:
            answer.attempt.fail(error)
            raise
        finally:
            await answer.aclose()
            if answer.attempt.status != OK:
                answer.attempt.abandon("the caller left")  # changes nothing where it failed
                self._dispatcher.ended(answer.attempt)

    async def _ask(
        self, messages: Sequence[Mapping[str, object]], model: str, timeout_s: float, *, stream: bool
    ) -> Answer:
        candidates = self._find(model)
        body: Json = {"model": model, "messages": [dict(each) for each in messages], "stream": stream}
        try:
            answer = await self._dispatcher.run(
                ChatRequest(body, stream=stream, include_usage=stream, id=new_id()),
                candidates,
                log=AttemptLog(self._clock),
                deadline=asyncio.get_running_loop().time() + timeout_s,
                max_attempts=max(1, len(candidates)),
            )
        except CandidatesExhaustedError as error:
            raise error.__cause__ or UpstreamError("Nobody answered.", failure_class="transient") from error
        answer.attempt.committed = True
        return answer

    def _ended(self, attempt: Attempt, messages: Sequence[Mapping[str, object]]) -> tuple[Usage, Cost]:
        attempt.succeed()
        usage = attempt.usage = attempt.usage or Usage(
            input_tokens=estimate_messages([dict(each) for each in messages]),
            output_tokens=estimate_tokens("".join(attempt.texts)),
            source="estimated",
        )
        target = attempt.candidate.target
        cost = attempt.cost = cost_of(
            usage,
            provider=target.provider,
            upstream_model=target.upstream_model,
            overrides=attempt.candidate.pricing,
        )
        self._dispatcher.ended(attempt)  # priced by now, so that who counts money counts this too
        spent = self.spent
        spent.n_answers += 1
        spent.input_tokens += usage.input_tokens
        spent.output_tokens += usage.output_tokens
        spent.n_estimated += usage.source == "estimated"
        spent.usd += cost.usd or 0.0
        spent.n_unpriced += cost.usd is None
        return usage, cost


def candidate_of(model: str, deployment: Deployment) -> Candidate:
    """Return one deployment as a candidate."""
    return Candidate(model, deployment.target, deployment.dialect, deployment.timeouts, deployment.pricing)


def _text(events: Iterable[Event]) -> str:
    return "".join(each.text for each in events if isinstance(each, TextDelta) and each.choice == 0)
