"""The attempt loop, one for streamed and plain requests: try a candidate, fail over until something is committed.

Which candidates there are, and in what order, is decided before; how failures look to the client, after. Who may be
asked now is the gate's to say (`health.py`), and what a failure leaves worth trying is `failover.py`'s.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError, ThalamusError, UpstreamError
from router.answer import complete, open_stream, refuse_empty
from router.attempt import Skipped
from router.failover import AGAIN_S, rotates, worth_asking_again, worth_trying
from router.gates import OpenGate
from router.providers.base import Wire
from router.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from random import Random

    from router.answer import Answer, CheckEmpty
    from router.attempt import Attempt, AttemptLog, Candidate
    from router.events import Dialect
    from router.gates import AttemptObserver, Gate
    from router.providers.base import ChatRequest, Prepared, Provider, Transport
    from router.retry_budget import RetryBudget


PATIENCE_S: Final = 5.0
"""Longest wait for the outcome of another request's trial, where nobody else is left to ask."""
RETURNING: Final = Refusal("transient", 1.0, "host")
"""Of a candidate that came back and gets only a share of the traffic yet."""
DOUBTFUL: Final = Refusal("transient", 1.0, "model")
"""Of a candidate that was put behind others, since there was hardly a further attempt to spare for it."""


class CandidatesExhaustedError(ThalamusError):
    """No candidate answered; the attempt log tells how each failed. `__cause__` is the last failure."""


@dataclass(slots=True)
class _Course:
    """One request on its way through the candidates. `deadline` is in the running loop's time."""

    request: ChatRequest
    log: AttemptLog
    deadline: float
    max_attempts: int
    cause: ThalamusError | None = None
    over: bool = False
    """Whether nobody else may do better."""
    put_off: list[tuple[Candidate, Prepared]] = field(default_factory=list[tuple["Candidate", "Prepared"]])
    """Candidates the gate did not let through."""
    put_behind: list[Candidate] = field(default_factory=list["Candidate"])
    """Candidates that were blamed more lately than those who were asked before them."""

    @property
    def left_s(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()


class Dispatcher:
    """Runs attempts. It knows dialects and the wire, and nothing of models, prices or clients.

    `check_empty` judges answers without content; by default only cut or filtered ones are answers. Without a `gate`
    everybody may be asked, without a `budget` there are as many attempts as a request may have. `sleep` and `rng`
    replace the pause before an overloaded upstream is asked once more.
    """

    def __init__(
        self,
        providers: Mapping[Dialect, Provider],
        transport: Transport,
        *,
        check_empty: CheckEmpty = refuse_empty,
        observers: tuple[AttemptObserver, ...] = (),
        gate: Gate | None = None,
        budget: RetryBudget | None = None,
        rng: Random | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._providers = providers
        self._transport = transport
        self._check_empty = check_empty
        self._gate = gate or OpenGate()
        self._observers = (*observers, self._gate)
        self._budget = budget
        self._rng = rng
        self._sleep = sleep

    def speaks(self, dialect: Dialect) -> bool:
        """Return whether candidates of this dialect can be tried."""
        return dialect in self._providers

    async def run(
        self,
        request: ChatRequest,
        candidates: Iterable[Candidate],
        *,
        log: AttemptLog,
        deadline: float,
        max_attempts: int,
    ) -> Answer:
        """Return the first answer that commits. `deadline` is in the running loop's time.

        Candidates that the gate holds back are passed over, and stand in the log as skipped; where nobody else
        answers, the least bad of them is tried once and stands there as an attempt. Raises
        `CandidatesExhaustedError` when none answers, `InvalidRequestError` when no dialect at hand can say the
        request. When cancelled, the attempt under way is in `log` as abandoned and its connection is closed.
        """
        if self._budget is not None:
            self._budget.request_began()
        course = _Course(request, log, deadline, max_attempts)
        try:
            answer = await self._first_to_answer(course, candidates) or await self._ask_least_bad(course)
        finally:
            log.skipped += self._skipped(course)
        if answer is not None:
            return answer
        if isinstance(course.cause, InvalidRequestError) and not course.put_off:
            raise course.cause
        raise CandidatesExhaustedError("no candidate answered") from course.cause

    def ended(self, attempt: Attempt) -> None:
        """Tell the observers; the relay calls it for attempts that end after the commit."""
        for observer in self._observers:
            observer.attempt_ended(attempt)

    def _take_next(self, course: _Course, pending: list[Candidate]) -> Candidate:
        """Take the next in order; where further attempts are scarce, the one that was blamed least lately.

        Without this, requests would fail at candidates that are just breaking while others could answer them, since a
        budget of further attempts is spent before the breakers of several candidates have opened.
        """
        at = 0
        if len(pending) > 1 and self._is_tight():
            blamed = [self._gate.blamed(each.target) for each in pending]
            at = blamed.index(min(blamed))
            course.put_behind += pending[:at]
        return pending.pop(at)

    def _is_tight(self) -> bool:
        return self._budget is not None and self._budget.is_tight(self._gate.n_at_risk())

    def _skipped(self, course: _Course) -> list[Skipped]:
        """Return who was not asked, and why."""
        held_back = [(candidate, self._gate.refusal(candidate.target) or RETURNING) for candidate, _ in course.put_off]
        named = {id(each.candidate) for each in course.log.attempts} | {id(each) for each, _ in held_back}
        behind = {id(each): (each, DOUBTFUL) for each in course.put_behind if id(each) not in named}
        return [Skipped(candidate, refusal) for candidate, refusal in (*held_back, *behind.values())]

    async def _first_to_answer(self, course: _Course, candidates: Iterable[Candidate]) -> Answer | None:
        """Try all whom the gate lets through, in order; the others are put off."""
        pending = list(candidates)
        while pending and self._may_go_on(course):
            candidate = self._take_next(course, pending)
            prepared = self._prepared(course, candidate)
            if prepared is None:
                continue
            if not self._gate.try_acquire(candidate.target) and not self._is_needed(candidate, pending):
                course.put_off.append((candidate, prepared))
                continue
            answer = await self._ask(course, candidate, prepared)
            if answer is not None:
                return answer
        return None

    def _is_needed(self, candidate: Candidate, others: list[Candidate]) -> bool:
        """Return whether one that comes back gradually is to be asked, since something speaks against all others."""
        return (
            self._gate.refusal(candidate.target) is None
            and self._is_tight()
            and all(self._gate.blamed(each.target) > -inf for each in others)
            and self._gate.force(candidate.target)
        )

    def _may_go_on(self, course: _Course) -> bool:
        n_attempts = len(course.log.attempts)
        if course.over or n_attempts >= course.max_attempts or course.left_s <= 0:
            return False
        return n_attempts == 0 or self._budget is None or self._budget.has_room()

    def _prepared(self, course: _Course, candidate: Candidate) -> Prepared | None:
        """Return what would be sent, `None` where this candidate is not worth it or cannot say the request."""
        if not worth_trying(candidate, course.log):
            return None
        try:
            return self._providers[candidate.dialect].prepare(course.request, candidate.target)
        except InvalidRequestError as error:
            course.cause = course.cause or error  # nothing was sent: another dialect may have the slot this one lacks
            return None

    async def _ask(self, course: _Course, candidate: Candidate, prepared: Prepared) -> Answer | None:
        """Try a candidate that the gate let through; one that says it is overloaded is tried once more."""
        answer = await self._attempt(course, candidate, prepared)
        error = course.cause
        if answer is not None or not isinstance(error, UpstreamError) or not worth_asking_again(error, course.log):
            return answer
        pause_s = AGAIN_S[0] + (AGAIN_S[1] - AGAIN_S[0]) * (self._rng.random() if self._rng is not None else 0.5)
        if not self._may_go_on(course) or course.left_s <= pause_s:
            return None
        await self._sleep(pause_s)
        if not self._may_go_on(course) or not self._gate.try_acquire(candidate.target):
            return None
        return await self._attempt(course, candidate, prepared)

    async def _ask_least_bad(self, course: _Course) -> Answer | None:
        """Try one of those put off, so that an outage of everybody ends as soon as somebody is back.

        Where another request is just trying the only one left, its outcome is awaited: it may well be good.
        """
        least_bad = self._least_bad(course)
        patience = asyncio.get_running_loop().time() + PATIENCE_S
        while least_bad is None and await self._heard_of_trial(course, until=min(course.deadline, patience)):
            least_bad = self._least_bad(course)
        answer = None
        if least_bad is not None:
            course.put_off.remove(least_bad)
            answer = await self._attempt(course, *least_bad)
        return answer

    def _least_bad(self, course: _Course) -> tuple[Candidate, Prepared] | None:
        """Return who is to be tried before its time, its trial slot taken."""
        if not self._may_go_on(course):
            return None
        for candidate, prepared in sorted(
            course.put_off, key=lambda each: _badness(self._gate.refusal(each[0].target))
        ):
            if worth_trying(candidate, course.log) and self._gate.force(candidate.target):
                return candidate, prepared
        return None

    async def _heard_of_trial(self, course: _Course, *, until: float) -> bool:
        """Wait for news of a trial; return false where there is none under way, or no more time."""
        waits_for = (each for each, _ in course.put_off if worth_trying(each, course.log))
        if not self._may_go_on(course) or not any(self._gate.on_trial(each.target) for each in waits_for):
            return False
        try:
            async with asyncio.timeout_at(until):
                await self._gate.news()
        except TimeoutError:
            return False
        return True

    async def _attempt(self, course: _Course, candidate: Candidate, prepared: Prepared) -> Answer | None:
        """Run one attempt; `None` where it failed, which `course` then knows."""
        if course.log.attempts and self._budget is not None:
            self._budget.spend()
        attempt = course.log.begin(candidate)
        for observer in self._observers:
            observer.attempt_began(attempt)
        try:
            answer = await self._run(attempt, prepared, course.deadline)
        except UpstreamError as error:
            attempt.fail(error)
            self.ended(attempt)
            course.cause = error
            course.over = not rotates(error, course.log)
            return None
        except asyncio.CancelledError:
            attempt.abandon("the client left before the first content")
            self.ended(attempt)
            raise
        except BaseException as error:  # nobody foresaw it; what was counted as under way must not stay so
            attempt.abandon(f"an internal error: {type(error).__name__}")
            self.ended(attempt)
            raise
        self._gate.attempt_answered(attempt)
        return answer

    async def _run(self, attempt: Attempt, prepared: Prepared, deadline: float) -> Answer:
        provider, timeouts = self._providers[attempt.candidate.dialect], attempt.candidate.timeouts
        wire = Wire(self._transport, connect_s=timeouts.connect_s, idle_s=timeouts.idle_s)
        now = asyncio.get_running_loop().time()
        own_s = timeouts.first_content_s if prepared.request.stream else timeouts.total_s
        limit = min(deadline, now + own_s)
        try:
            async with asyncio.timeout_at(limit):
                if prepared.request.stream:
                    return await open_stream(attempt, provider, prepared, wire, check_empty=self._check_empty)
                return await complete(attempt, provider, prepared, wire, check_empty=self._check_empty)
        except TimeoutError as error:
            waited_s = limit - now
            attempt.hurried = waited_s < own_s / 2
            raise UpstreamError(
                f"No content arrived within {waited_s:.1f} s.", failure_class="transient", timed_out=True
            ) from error


def _badness(refusal: Refusal | None) -> tuple[bool, float]:
    """Return a sort key: an upstream that may be back before a key or model that is refused; the sooner the better."""
    if refusal is None:
        return (False, 0.0)
    return (refusal.reason != "transient", refusal.wait_s or 0.0)
