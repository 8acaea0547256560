from __future__ import annotations

import asyncio

import pytest

from config.errors import UpstreamError
from router.judge.asking import Asked, Judge, Limits
from router.judge.values import Verdict
from tests.router.judge.cases import PLAIN, Clock, Speaker, case, late, named


def judge(speaker: Speaker, clock: Clock | None = None, **limits: float) -> Judge:
    return Judge(speaker, Limits(**limits), clock=clock or Clock())


async def test_judge_says_which_model():
    """An answer by the schema is a verdict, with who judged by which template and what it took."""
    found = await judge(Speaker([named("large")])).ask(PLAIN, case())

    assert "answered" == found.outcome
    assert Verdict("large", 0.8, "it fits") == found.verdict
    assert (PLAIN.version, "llama3") == (found.template, found.model)
    assert found.said is not None
    assert 100 == found.said.input_tokens


async def test_same_question_is_asked_once():
    """The same question with the same candidates is answered from what is kept; another one is asked."""
    speaker = Speaker([named("large")])
    asker = judge(speaker)
    first = await asker.ask(PLAIN, case())
    again = await asker.ask(PLAIN, case())
    await asker.ask(PLAIN, case("another"))

    assert 2 == len(speaker.asked)
    assert not first.cached
    assert again.cached
    assert first.verdict == again.verdict


async def test_kept_answers_are_bounded_in_number_and_age():
    """The oldest answer goes when there are too many, and each goes after its time."""
    clock, speaker = Clock(), Speaker([named("large")])
    asker = judge(speaker, clock, cache_entries=2, cache_s=60.0)
    for text in ("a", "b", "c", "a"):
        await asker.ask(PLAIN, case(text))
    clock.now += 61
    await asker.ask(PLAIN, case("a"))

    assert 5 == len(speaker.asked)


async def test_nothing_is_kept_where_none_shall_be():
    """With no room for answers each question is asked."""
    speaker = Speaker([named("large")])
    asker = judge(speaker, cache_entries=0)
    await asker.ask(PLAIN, case())
    await asker.ask(PLAIN, case())

    assert 2 == len(speaker.asked)


@pytest.mark.parametrize(
    ("said", "fault"),
    [("I like large.", "no_json"), ("", "empty"), (named("other"), "not_eligible"), ("x" * 1_000_000, "no_json")],
)
async def test_answer_that_cannot_be_read_is_told_and_not_blamed(said, fault):
    """Prose, nothing, another name, a megabyte: no verdict, and the breaker stays closed, however often."""
    asker = judge(Speaker([said]), cache_entries=0)
    found = [await asker.ask(PLAIN, case()) for _ in range(10)][-1]

    assert ("unread", fault, None) == (found.outcome, found.fault, found.verdict)
    assert asker.breaker.closed


async def test_breaker_opens_after_failures_and_lets_one_try_later():
    """Two failures open it; while it is open nobody is asked; then one trial closes it."""
    clock = Clock()
    speaker = Speaker([late(), UpstreamError("500", failure_class="transient", status=500), named("large")])
    asker = judge(speaker, clock, cache_entries=0)
    outcomes = []
    for _ in range(4):
        outcomes.append((await asker.ask(PLAIN, case())).outcome)
        clock.now += 1
    state = asker.state()
    clock.now += 60
    outcomes += [(await asker.ask(PLAIN, case())).outcome for _ in range(2)]

    assert ["late", "failed", "resting", "resting", "answered", "answered"] == outcomes
    assert ("resting", "open") == (state["status"], state["breaker"])
    assert "ok" == asker.state()["status"]
    assert {"late": 1, "failed": 1, "resting": 2, "answered": 2} == asker.state()["answers"]


@pytest.mark.parametrize(("presence", "outcome"), [("away", "away"), ("missing", "missing"), ("pulling", "missing")])
async def test_judge_that_is_away_is_not_asked(presence, outcome):
    """Where the last look found no server or no model, nobody is asked."""
    speaker = Speaker([named("large")], presence=presence)

    assert outcome == (await judge(speaker).ask(PLAIN, case())).outcome
    assert [] == speaker.asked


async def test_model_that_is_not_in_memory_is_loaded_beside_the_request():
    """No request waits for a cold model: it is loaded meanwhile, and the next request is answered."""
    speaker = Speaker([named("large")], presence="cold")
    asker = judge(speaker)
    first = await asker.ask(PLAIN, case())
    await asyncio.sleep(0)
    second = await asker.ask(PLAIN, case())

    assert ("loading", "answered") == (first.outcome, second.outcome)
    assert 1 == speaker.n_loads


async def test_late_answer_leads_to_a_look_whether_it_is_loaded():
    """A model that was late since it had left the memory is loaded, and the breaker lets one try at once."""
    clock = Clock()
    speaker = Speaker([late(), late(), named("large")], looks=["ready", "cold"])
    asker = judge(speaker, clock)
    outcomes = []
    for _ in range(3):
        outcomes.append((await asker.ask(PLAIN, case())).outcome)
        for _ in range(3):
            await asyncio.sleep(0)
        clock.now += 1

    assert ["late", "late", "answered"] == outcomes
    assert 1 == speaker.n_loads


async def test_only_so_many_are_asked_at_once():
    """A request that finds all places taken goes on without waiting."""
    speaker = Speaker([named("large")], held=asyncio.Event())
    asker = judge(speaker, max_at_once=1)
    waiting = asyncio.create_task(asker.ask(PLAIN, case("a")))
    await asyncio.sleep(0)
    refused = await asker.ask(PLAIN, case("b"))
    speaker.held.set()

    assert "busy" == refused.outcome
    assert "answered" == (await waiting).outcome
    assert "answered" == (await asker.ask(PLAIN, case("b"))).outcome


async def test_client_that_leaves_frees_its_place_and_blames_nobody():
    """A cancelled question gives back its place and the breaker's trial."""
    clock = Clock()
    speaker = Speaker([late(), late(), named("large")])
    asker = judge(speaker, clock, max_at_once=1)
    for _ in range(2):
        await asker.ask(PLAIN, case())
    clock.now += 60
    speaker.held = asyncio.Event()
    leaving = asyncio.create_task(asker.ask(PLAIN, case()))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    speaker.held.set()

    assert "answered" == (await asker.ask(PLAIN, case())).outcome


async def test_server_that_comes_back_is_tried_at_once():
    """Looks that find nobody open the breaker; one that finds the model lets a trial through."""
    clock = Clock()
    speaker = Speaker([named("large")], looks=["away", "away", "ready"])
    asker = judge(speaker, clock)
    for _ in range(2):
        await asker.look()
        clock.now += 1
    before = asker.breaker.state(clock.now)
    await asker.look()

    assert "open" == before
    assert "answered" == (await asker.ask(PLAIN, case())).outcome


async def test_closing_ends_what_runs_beside():
    """Nothing is left behind."""
    asker = judge(Speaker([named("large")]))
    held = asyncio.Event()

    async def wait() -> None:
        await held.wait()

    asker.beside(wait())
    await asyncio.sleep(0)
    await asker.aclose()

    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_query_is_not_in_what_is_told():
    """What came of asking holds no word of the query where the answer could not be read."""
    found = await judge(Speaker([lambda messages: str(messages[-1]["content"])])).ask(PLAIN, case("secret words"))

    assert isinstance(found, Asked)
    assert "secret" not in str((found.outcome, found.fault, found.verdict))


async def test_only_a_question_to_the_model_itself_would_wait():
    """What is kept, and a judge that is not there, are answered at once."""
    speaker = Speaker([named("large")])
    asker = judge(speaker)

    assert asker.would_wait(PLAIN, case())
    await asker.ask(PLAIN, case())
    assert not asker.would_wait(PLAIN, case())
    assert asker.would_wait(PLAIN, case("another"))
    speaker.presence = "away"
    assert not asker.would_wait(PLAIN, case("another"))


async def test_looking_whether_it_would_wait_loads_nothing():
    """A judge that is not in memory is brought there by who asks, not by who only looks."""
    speaker = Speaker([named("large")], presence="cold")
    asker = judge(speaker)

    assert not asker.would_wait(PLAIN, case())
    await asyncio.sleep(0)
    assert 0 == speaker.n_loads


async def test_toll_is_what_asking_took_lately():
    """Before the first answer the deadline counts; then what answers take, each a fifth; one that is late counts whole."""
    clock = Clock()

    def slow(_: object) -> str:
        clock.now += 0.5
        return named("large")

    asker = judge(Speaker([slow, slow, late()]), clock, cache_entries=0, deadline_s=2.0)
    tolls = [asker.toll.wait_ms]
    for _ in range(3):
        await asker.ask(PLAIN, case())
        tolls.append(asker.toll.wait_ms)

    assert [2000.0, 500.0, 500.0, 800.0] == pytest.approx(tolls)
