"""The attempt loop, driven through a provider double; only the upstream is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from math import inf
from random import Random

import pytest

from config.breaker_settings import BreakerSettings
from config.errors import InvalidRequestError, UpstreamError
from config.failures import FailureClass
from config.settings import Timeouts
from config.types import Usage
from router.answer import MAX_HELD_BACK_BYTES
from router.attempt import Attempt, AttemptLog, Candidate
from router.dispatch import CandidatesExhaustedError, Dispatcher
from router.events import Completion, Dialect, Event, Finish, Frame, MessageStart, TextDelta, UsageReport
from router.gates import Gate, OpenGate
from router.health import Health
from router.providers.base import ChatRequest, Prepared, Target, UpstreamRequest, UpstreamResponse, Wire
from router.refusal import Refusal
from router.retry_budget import RetryBudget

START = MessageStart("chatcmpl-1", "m", 0)
HELLO = (START, TextDelta("hello"), UsageReport(Usage(3, 1)), Finish("stop"))
Step = Event | UpstreamError | float
"""What an upstream does next: send an event, fail, or stay silent for so many seconds."""


class NoWire:
    """The double provider never touches it."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        raise AssertionError(request.url)

    async def aclose(self) -> None:
        return None


@dataclass
class ScriptedProvider:
    """Plays a script per deployment and notes which were asked and which were closed."""

    scripts: dict[str, tuple[Step, ...]]
    refuses: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    dialect: Dialect = "openai"

    def prepare(self, request: ChatRequest, target: Target) -> Prepared:
        if target.deployment in self.refuses:
            raise InvalidRequestError("n is not supported", param="n")
        return Prepared(request, target, "", {}, b"", warnings=(f"via {target.deployment}",))

    async def stream(self, prepared: Prepared, wire: Wire) -> AsyncGenerator[Frame, None]:
        del wire
        name = prepared.target.deployment
        self.asked.append(name)
        try:
            for step in self.scripts[name]:
                if isinstance(step, UpstreamError):
                    raise step
                if isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    yield Frame((step,), b"data: {}\n\n")
        finally:
            self.closed.append(name)

    async def complete(self, prepared: Prepared, wire: Wire) -> Completion:
        frames = [frame async for frame in self.stream(prepared, wire)]
        return Completion(tuple(event for frame in frames for event in frame.events), b"{}")


def candidate(name: str, *, window: int | None = None, key: str | None = None, **timeouts: float) -> Candidate:
    """Return a deployment of the model `name`."""
    target = Target(
        deployment=name,
        provider="p",
        base_url=f"http://{name}",
        upstream_model=name,
        api_key=key or name,
        context_window=window,
    )
    return Candidate(name, target, "openai", Timeouts(**timeouts))


def failure(failure_class: FailureClass, message: str = "no") -> UpstreamError:
    """Return one upstream failure."""
    return UpstreamError(message, failure_class=failure_class, status=500)


async def play(
    provider: ScriptedProvider,
    *candidates: Candidate,
    stream: bool = True,
    max_attempts: int = 4,
    total_s: float = 30.0,
    gate: Gate | None = None,
    log: AttemptLog | None = None,
    slept: list[float] | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    budget: RetryBudget | None = None,
) -> tuple[str, AttemptLog]:
    """Run one request to its end; return the text the client would see, and the log. Pauses take no time."""

    async def note(seconds: float) -> None:
        if slept is not None:
            slept.append(seconds)

    log = log if log is not None else AttemptLog(asyncio.get_running_loop().time)
    dispatcher = Dispatcher(
        {"openai": provider}, NoWire(), gate=gate, rng=Random(3), sleep=sleep or note, budget=budget
    )
    answer = await dispatcher.run(
        ChatRequest({}, stream=stream),
        candidates,
        log=log,
        deadline=asyncio.get_running_loop().time() + total_s,
        max_attempts=max_attempts,
    )
    try:
        if answer.completion is not None:
            events = list(answer.completion.events)
        else:
            events = [event async for frame in answer.frames() for event in frame.events]
    finally:
        await answer.aclose()
    return "".join(event.text for event in events if isinstance(event, TextDelta)), log


@pytest.mark.parametrize("stream", [True, False])
async def test_the_first_candidate_answers(stream: bool) -> None:
    """With a healthy upstream there is one attempt, and its usage is booked."""
    provider = ScriptedProvider({"a": HELLO, "b": HELLO})

    text, log = await play(provider, candidate("a"), candidate("b"), stream=stream)

    assert "hello" == text
    assert ["a"] == provider.asked
    assert Usage(3, 1) == log.attempts[0].usage
    assert "stop" == log.attempts[0].finish_reason


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "failure_class", ["transient", "rate", "quota", "credential", "model_access", "model_gone", "context"]
)
async def test_failover_when_upstream_dies_before_first_content(failure_class: FailureClass, stream: bool) -> None:
    """Every failure that another candidate may not share moves on, in both modes alike, and is in the log."""
    provider = ScriptedProvider({"a": (START, failure(failure_class)), "b": HELLO})

    text, log = await play(provider, candidate("a"), candidate("b"), stream=stream)

    assert "hello" == text
    assert [failure_class, None] == [each.failure_class for each in log.records()]
    assert ["a", "b"] == provider.closed


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("failure_class", ["caller", "policy"])
async def test_the_callers_own_fault_is_never_tried_again(failure_class: FailureClass, stream: bool) -> None:
    """A bad request is bad everywhere."""
    provider = ScriptedProvider({"a": (failure(failure_class),), "b": HELLO})

    with pytest.raises(CandidatesExhaustedError) as caught:
        await play(provider, candidate("a"), candidate("b"), stream=stream)

    assert ["a"] == provider.asked
    assert isinstance(caught.value.__cause__, UpstreamError)


async def test_no_switch_after_the_first_content() -> None:
    """Once something was shown, the failure comes through and nobody else is asked."""
    provider = ScriptedProvider({"a": (START, TextDelta("hel"), failure("transient")), "b": HELLO})

    with pytest.raises(UpstreamError):
        await play(provider, candidate("a"), candidate("b"))

    assert ["a"] == provider.asked


async def test_silence_before_the_first_content_fails_over() -> None:
    """Headers and role-only frames do not count as an answer."""
    provider = ScriptedProvider({"a": (START, 60.0), "b": HELLO})

    text, log = await play(provider, candidate("a", first_content_s=0.02), candidate("b"))

    assert "hello" == text
    assert log.attempts[0].failure is not None
    assert log.attempts[0].failure.timed_out


async def test_plain_requests_have_no_first_content_deadline() -> None:
    """A plain answer comes whole, so only its total counts."""
    provider = ScriptedProvider({"a": (0.05, *HELLO)})

    text, _ = await play(provider, candidate("a", first_content_s=0.01), stream=False)

    assert "hello" == text


async def test_the_total_deadline_ends_all_attempts() -> None:
    """Candidates share one budget of time."""
    provider = ScriptedProvider({"a": (60.0,), "b": HELLO})

    with pytest.raises(CandidatesExhaustedError):
        await play(provider, candidate("a"), candidate("b"), total_s=0.02)

    assert ["a"] == provider.asked


@pytest.mark.parametrize("stream", [True, False])
async def test_an_empty_answer_is_a_failure(stream: bool) -> None:
    """Silence is not success: the next candidate is asked."""
    provider = ScriptedProvider({"a": (START, Finish("stop")), "b": HELLO})

    text, log = await play(provider, candidate("a"), candidate("b"), stream=stream)

    assert "hello" == text
    assert log.attempts[0].failure is not None
    assert "empty_completion" == log.attempts[0].failure.code


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_an_empty_answer_that_was_cut_is_an_answer(reason: str, stream: bool) -> None:
    """A model that spent its tokens on hidden reasoning, or was filtered, did answer."""
    provider = ScriptedProvider({"a": (START, Finish(reason)), "b": HELLO})  # type: ignore[arg-type]

    text, log = await play(provider, candidate("a"), candidate("b"), stream=stream)

    assert ("", ["a"]) == (text, provider.asked)
    assert reason == log.attempts[0].finish_reason


async def test_endless_contentless_frames_commit_instead_of_filling_memory() -> None:
    """What is held back is bounded."""
    many = (START,) * (MAX_HELD_BACK_BYTES // len(b"data: {}\n\n") + 2)
    provider = ScriptedProvider({"a": (*many, TextDelta("late"), Finish("stop"))})

    text, _ = await play(provider, candidate("a"))

    assert "late" == text


async def test_at_most_so_many_attempts() -> None:
    """A request does not walk through the whole catalogue."""
    names = "abcdef"
    provider = ScriptedProvider({name: (failure("transient"),) for name in names})

    with pytest.raises(CandidatesExhaustedError):
        await play(provider, *map(candidate, names), max_attempts=3)

    assert ["a", "b", "c"] == provider.asked


async def test_a_refused_key_is_not_tried_again_elsewhere() -> None:
    """Deployments that share the dead key are skipped, one with its own key is asked."""
    provider = ScriptedProvider({"a": (failure("credential"),), "b": HELLO, "c": HELLO})
    shared = Target(deployment="b", provider="p", base_url="http://a", upstream_model="b", api_key="a")

    text, _ = await play(provider, candidate("a"), Candidate("b", shared, "openai", Timeouts()), candidate("c"))

    assert "hello" == text
    assert ["a", "c"] == provider.asked


async def test_a_prompt_that_was_too_long_only_goes_to_a_larger_window() -> None:
    """The same window would refuse it again."""
    provider = ScriptedProvider({"a": (failure("context"),), "b": HELLO, "c": HELLO})

    text, _ = await play(
        provider, candidate("a", window=8_000), candidate("b", window=8_000), candidate("c", window=16_000)
    )

    assert "hello" == text
    assert ["a", "c"] == provider.asked


async def test_where_windows_are_unknown_another_model_may_take_a_long_prompt() -> None:
    """The same model elsewhere would refuse it again; another one may not."""
    provider = ScriptedProvider({"a": (failure("context"),), "b": HELLO})

    text, _ = await play(provider, candidate("a", window=8_000), candidate("b"))

    assert "hello" == text


async def test_a_dialect_without_the_slot_is_passed_over() -> None:
    """Nothing is sent to an upstream that cannot say the request; one that can is asked."""
    provider = ScriptedProvider({"b": HELLO}, refuses=frozenset({"a"}))

    text, log = await play(provider, candidate("a"), candidate("b"))

    assert "hello" == text
    assert ["b"] == [each.deployment for each in log.records()]


async def test_when_no_dialect_has_the_slot_the_caller_is_told() -> None:
    """The error names the field instead of blaming an upstream."""
    provider = ScriptedProvider({}, refuses=frozenset({"a", "b"}))

    with pytest.raises(InvalidRequestError) as caught:
        await play(provider, candidate("a"), candidate("b"))

    assert "n" == caught.value.param


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_early_closes_the_upstream(stream: bool) -> None:
    """Cancelling before the first content closes the connection and books an abandoned attempt."""
    provider = ScriptedProvider({"a": (START, 60.0)})
    log = AttemptLog(asyncio.get_running_loop().time)
    ended: list[Attempt] = []
    observer = Observer(ended.append)
    dispatcher = Dispatcher({"openai": provider}, NoWire(), observers=(observer,))
    task = asyncio.ensure_future(
        dispatcher.run(
            ChatRequest({}, stream=stream),
            [candidate("a")],
            log=log,
            deadline=asyncio.get_running_loop().time() + 30,
            max_attempts=4,
        )
    )
    while not provider.asked:  # noqa: ASYNC110  # the double has no event to wait for, and one turn of the loop is enough
        await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert ["a"] == provider.closed
    assert [None] == [each.failure_class for each in log.records()]
    assert "the client left before the first content" == log.records()[0].error
    assert ended == log.attempts
    assert [1] == observer.began


async def test_a_client_that_leaves_late_closes_the_upstream() -> None:
    """Closing the answer in mid-stream closes the connection."""
    provider = ScriptedProvider({"a": (*HELLO[:2], 60.0)})
    log = AttemptLog(asyncio.get_running_loop().time)
    answer = await Dispatcher({"openai": provider}, NoWire()).run(
        ChatRequest({}, stream=True),
        [candidate("a")],
        log=log,
        deadline=asyncio.get_running_loop().time() + 30,
        max_attempts=4,
    )

    await answer.aclose()

    assert ["a"] == provider.closed
    assert ("via a",) == answer.warnings


@dataclass
class Observer:
    """Hands each ended attempt on."""

    attempt_ended: Callable[[Attempt], None]
    began: list[int] = field(default_factory=list[int])

    def attempt_began(self, attempt: Attempt) -> None:
        """Note its number."""
        self.began.append(attempt.n)


@dataclass
class Doorkeeper(OpenGate):
    """A gate that holds some deployments back, and notes what it is told."""

    held: dict[str, Refusal | None] = field(default_factory=dict)
    unforceable: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)

    def try_acquire(self, target: Target) -> bool:
        return target.deployment not in self.held

    def force(self, target: Target) -> bool:
        return target.deployment not in self.unforceable

    def refusal(self, target: Target) -> Refusal | None:
        return self.held.get(target.deployment)

    def attempt_began(self, attempt: Attempt) -> None:
        self.told.append(f"{attempt.candidate.target.deployment} began")

    def attempt_answered(self, attempt: Attempt) -> None:
        self.told.append(f"{attempt.candidate.target.deployment} answered")

    def attempt_ended(self, attempt: Attempt) -> None:
        self.told.append(f"{attempt.candidate.target.deployment} ended")


DOWN = Refusal("transient", 4.0, "host")


async def test_a_candidate_that_is_held_back_is_passed_over() -> None:
    """It is no attempt, and the log remembers why it was none."""
    provider = ScriptedProvider({"a": HELLO, "b": HELLO})
    gate = Doorkeeper({"a": DOWN})

    text, log = await play(provider, candidate("a"), candidate("b"), gate=gate)

    assert ("hello", ["b"]) == (text, provider.asked)
    assert [("a", DOWN)] == [(each.candidate.model, each.refusal) for each in log.skipped]
    assert ["b began", "b answered"] == gate.told


@dataclass
class Blaming(Doorkeeper):
    """A gate that lets through those of whom something is known to be amiss."""

    blame: dict[str, float] = field(default_factory=dict)
    at_risk: int = 0

    def blamed(self, target: Target) -> float:
        return self.blame.get(target.deployment, -inf)

    def n_at_risk(self) -> int:
        return self.at_risk


def spent(n: int) -> RetryBudget:
    """Return a budget of ten of which so many are gone."""
    budget = RetryBudget(BreakerSettings(), clock=lambda: 100.0)
    for _ in range(n):
        budget.spend()
    return budget


@pytest.mark.parametrize(("n_spent", "at_risk", "asked"), [(4, 0, "abc"), (5, 0, "c"), (0, 5, "c"), (10, 0, "c")])
async def test_with_few_further_attempts_left_the_first_goes_where_nothing_speaks_against_it(
    n_spent: int, at_risk: int, asked: str
) -> None:
    """The second half of the budget is for surprises: what is known to fail is put behind, and the log says so."""
    provider = ScriptedProvider({"a": (failure("transient"),), "b": (failure("transient"),), "c": HELLO})
    gate = Blaming(blame={"a": 5.0, "b": 9.0}, at_risk=at_risk)

    text, log = await play(provider, *map(candidate, "abc"), gate=gate, budget=spent(n_spent))

    assert ("hello", list(asked)) == (text, provider.asked)
    assert [(each, 1.0) for each in "ab" if each not in asked] == [
        (each.candidate.model, each.refusal.wait_s) for each in log.skipped
    ]


async def test_when_all_are_blamed_the_one_whose_failure_is_longest_ago_is_asked() -> None:
    """It is the likeliest to be back; one that the gate does not let through is passed over all the same."""
    provider = ScriptedProvider({"a": HELLO, "b": HELLO, "c": HELLO})
    gate = Blaming({"c": DOWN}, blame={"a": 9.0, "b": 5.0, "c": 1.0})

    text, log = await play(provider, *map(candidate, "abc"), gate=gate, budget=spent(10))

    assert ("hello", ["b"]) == (text, provider.asked)
    assert {("a", "model"), ("c", "host")} == {(each.candidate.model, each.refusal.scope) for each in log.skipped}


@pytest.mark.parametrize(("n_spent", "asked"), [(0, ["b", "c", "a"]), (10, ["a"])])
async def test_one_that_comes_back_gradually_is_asked_at_once_where_all_others_are_blamed(
    n_spent: int, asked: list[str]
) -> None:
    """With few further attempts left a request must not be lost to the dice."""
    provider = ScriptedProvider({"a": HELLO, "b": (failure("transient"),), "c": (failure("transient"),)})
    gate = Blaming({"a": None}, blame={"b": 5.0, "c": 9.0})

    text, _ = await play(provider, *map(candidate, "abc"), gate=gate, budget=spent(n_spent))

    assert ("hello", asked) == (text, provider.asked)


async def test_nobody_is_passed_over_for_good_by_blame_alone() -> None:
    """With nobody else, who is blamed is asked, and no other log is kept of it than its attempt."""
    provider = ScriptedProvider({"a": HELLO})

    text, log = await play(provider, candidate("a"), gate=Blaming(blame={"a": 9.0}), budget=spent(10))

    assert ("hello", []) == (text, log.skipped)


async def test_the_gate_hears_of_failures_too() -> None:
    """It sees every attempt begin and end, without standing among the observers."""
    provider = ScriptedProvider({"a": (failure("transient"),), "b": HELLO})
    gate = Doorkeeper()

    await play(provider, candidate("a"), candidate("b"), gate=gate)

    assert ["a began", "a ended", "b began", "b answered"] == gate.told


async def test_when_all_are_held_back_the_least_bad_is_tried_once() -> None:
    """The one that may be back soonest, then nobody else."""
    provider = ScriptedProvider({"a": HELLO, "b": (failure("transient"),), "c": HELLO})
    gate = Doorkeeper({"a": DOWN, "b": Refusal("transient", 1.0, "host"), "c": Refusal("credential", 0.5, "key")})
    log = AttemptLog(asyncio.get_running_loop().time)

    with pytest.raises(CandidatesExhaustedError):
        await play(provider, *map(candidate, "abc"), gate=gate, log=log)

    assert ["b"] == provider.asked
    assert [("a", 4.0), ("c", 0.5)] == [(each.candidate.model, each.refusal.wait_s) for each in log.skipped]


async def test_one_that_comes_back_gradually_answers_where_nobody_else_is_left() -> None:
    """A share of the traffic is a preference, no refusal."""
    provider = ScriptedProvider({"a": HELLO})
    gate = Doorkeeper({"a": None, "b": DOWN})

    text, log = await play(provider, candidate("b"), candidate("a"), gate=gate)

    assert ("hello", 1) == (text, len(log.attempts))


async def test_who_cannot_be_forced_is_skipped() -> None:
    """All rate limited: nobody is asked, and the log says why."""
    provider = ScriptedProvider({"a": HELLO, "b": HELLO})
    limited = Refusal("rate", 30.0, "key_model")
    log = AttemptLog(asyncio.get_running_loop().time)

    with pytest.raises(CandidatesExhaustedError):
        await play(
            provider,
            candidate("a"),
            candidate("b"),
            gate=Doorkeeper({"a": limited, "b": limited}, unforceable={"a", "b"}),
            log=log,
        )

    assert ([], [limited, limited]) == (provider.asked, [each.refusal for each in log.skipped])


@pytest.mark.parametrize("last", ["transient", "overloaded"])
async def test_an_overloaded_upstream_is_asked_once_more_after_a_moment(last: str) -> None:
    """529: one retry at the same target after 0.2 to 1 s, then the next one."""
    overloaded = UpstreamError("busy", failure_class="transient", status=529, error_type="overloaded_error")
    provider = ScriptedProvider({"a": (overloaded,), "b": (overloaded,) if last == "overloaded" else HELLO, "c": HELLO})
    slept: list[float] = []

    text, _ = await play(provider, *map(candidate, "abc"), slept=slept)

    assert "hello" == text
    assert (["a", "a", "b", "c"] if last == "overloaded" else ["a", "a", "b"]) == provider.asked
    assert 1 == len(slept)
    assert 0.2 <= slept[0] <= 1.0


@pytest.mark.parametrize(
    ("error", "total_s"),
    [
        (UpstreamError("busy", failure_class="transient", status=529, retry_after_s=20), 30.0),
        (UpstreamError("busy", failure_class="transient", status=529), 0.1),
        (UpstreamError("down", failure_class="transient", status=503), 30.0),
        (UpstreamError("limited", failure_class="rate", status=429), 30.0),
    ],
)
async def test_nobody_else_is_asked_twice(error: UpstreamError, total_s: float) -> None:
    """Not where it wants a longer pause, where no time is left, or where it did not say that it is overloaded."""
    provider = ScriptedProvider({"a": (error,), "b": HELLO})
    slept: list[float] = []

    await play(provider, candidate("a"), candidate("b"), slept=slept, total_s=total_s)

    assert (["a", "b"], []) == (provider.asked, slept)


async def test_an_overloaded_upstream_that_was_benched_meanwhile_is_not_asked_again() -> None:
    """Others may have seen worse while we paused."""
    overloaded = UpstreamError("busy", failure_class="transient", status=529)
    provider = ScriptedProvider({"a": (overloaded,), "b": HELLO})
    gate = Doorkeeper()

    async def meanwhile(_: float) -> None:
        gate.held["a"] = DOWN

    await play(provider, candidate("a"), candidate("b"), gate=gate, sleep=meanwhile)

    assert ["a", "b"] == provider.asked


async def test_only_one_other_is_asked_after_an_empty_answer() -> None:
    """Two empty answers say more of the question than of the models."""
    empty = (START, Finish("stop"))
    provider = ScriptedProvider({"a": empty, "b": empty, "c": HELLO})

    with pytest.raises(CandidatesExhaustedError):
        await play(provider, *map(candidate, "abc"))

    assert ["a", "b"] == provider.asked


async def test_an_outage_adds_at_most_a_fifth_of_calls() -> None:
    """A hundred requests at once, all at an upstream that fails: twenty are retried, the others fail."""
    provider = ScriptedProvider({"a": (failure("transient"),), "b": HELLO})
    budget = RetryBudget(BreakerSettings(), clock=lambda: 0.0)
    loop = asyncio.get_running_loop()
    dispatcher = Dispatcher({"openai": provider}, NoWire(), budget=budget)

    async def ask() -> bool:
        log = AttemptLog(loop.time)
        try:
            await dispatcher.run(
                ChatRequest({}), map(candidate, "ab"), log=log, deadline=loop.time() + 30, max_attempts=4
            )
        except CandidatesExhaustedError:
            return False
        return True

    answered = [await ask() for _ in range(10)] + await asyncio.gather(*(ask() for _ in range(90)))

    assert (20, 100) == (provider.asked.count("b"), provider.asked.count("a"))
    assert 20 == sum(answered)


async def test_a_deadline_that_others_used_up_is_not_the_upstreams_fault() -> None:
    """An attempt that had less than half of its own time says nothing of its upstream's health."""
    provider = ScriptedProvider({"a": (60.0,), "b": (60.0,)})
    log = AttemptLog(asyncio.get_running_loop().time)

    with pytest.raises(CandidatesExhaustedError):
        await play(
            provider, candidate("a", first_content_s=0.05), candidate("b", first_content_s=1.0), total_s=0.1, log=log
        )

    assert [False, True] == [each.hurried for each in log.attempts]


@dataclass
class SlowReturn(ScriptedProvider):
    """An upstream that takes its time over the first answer; notes how many it was working on at once."""

    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    at_work: int = 0
    most: int = 0

    async def complete(self, prepared: Prepared, wire: Wire) -> Completion:
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        try:
            await self.go_on.wait()
            return await super().complete(prepared, wire)
        finally:
            self.at_work -= 1


@pytest.mark.parametrize("comes_back", [True, False])
async def test_where_only_one_is_left_others_wait_for_the_outcome_of_its_trial(comes_back: bool) -> None:
    """Five requests at a half-open upstream: one tries, and all are answered, or each tries once, never two together."""
    loop = asyncio.get_running_loop()
    health = Health(BreakerSettings(ramp_s=0), clock=loop.time, rng=Random(1))
    down = candidate("a")
    for _ in range(5):
        attempt = Attempt(1, down, loop.time)
        attempt.fail(failure("transient"))
        health.attempt_ended(attempt)
    provider = SlowReturn({"a": HELLO if comes_back else (failure("transient"),)})
    dispatcher = Dispatcher({"openai": provider}, NoWire(), gate=health)

    async def ask() -> bool:
        log = AttemptLog(loop.time)
        try:
            answer = await dispatcher.run(ChatRequest({}), [down], log=log, deadline=loop.time() + 5, max_attempts=4)
        except CandidatesExhaustedError:
            return False
        answer.attempt.succeed()
        dispatcher.ended(answer.attempt)
        return True

    asking = [asyncio.create_task(ask()) for _ in range(5)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert 1 == provider.at_work
    provider.go_on.set()

    assert [comes_back] * 5 == await asyncio.gather(*asking)
    assert 5 == len(provider.asked)
    assert (4 if comes_back else 1) >= provider.most


async def test_the_wait_for_anothers_trial_ends_with_the_deadline() -> None:
    """Then the client hears who was held back, and why."""
    loop = asyncio.get_running_loop()
    health = Health(BreakerSettings(key_bench_s=1), clock=loop.time, rng=Random(1))
    attempt = Attempt(1, candidate("a"), loop.time)
    attempt.fail(failure("credential"))
    health.attempt_ended(attempt)
    assert health.force(candidate("a").target)
    log = AttemptLog(loop.time)

    with pytest.raises(CandidatesExhaustedError):
        await play(ScriptedProvider({"a": HELLO}), candidate("a"), gate=health, log=log, total_s=0.02)

    assert ["credential"] == [each.refusal.reason for each in log.skipped]


async def test_without_time_or_attempts_left_nobody_is_forced() -> None:
    """What was put off stays put off when the request has had its attempts."""
    provider = ScriptedProvider({"a": HELLO, "b": (failure("transient"),)})
    log = AttemptLog(asyncio.get_running_loop().time)

    with pytest.raises(CandidatesExhaustedError):
        await play(provider, candidate("a"), candidate("b"), gate=Doorkeeper({"a": DOWN}), max_attempts=1, log=log)

    assert (["b"], [DOWN]) == (provider.asked, [each.refusal for each in log.skipped])
