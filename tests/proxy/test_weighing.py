"""What vectors alone would have sent is reckoned beside a request, and is missing where that cannot be, with a reason."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from config.types import Passage
from proxy.doors import OPENAI, ROUTE, Door
from proxy.exchange import Exchange
from proxy.lookup import Lookup
from proxy.savings import Savings, savings_of
from proxy.weighing import MOST_WAITING, Weigher, Weighing, outcome, settled
from retrieval.equal_coverage import DenseTopK
from retrieval.scoped import DenseOf
from router.attempt import AttemptLog
from router.providers.scripted import Reply, Script, UsageSpec, scripted_upstream
from tests.e2e.gateway import model, running_gateway, user

PASSAGE = Passage("a.md", "", "The lamp is green.", 1, 1, 0, 18, 1.0)
DENSE = DenseTopK(12, 700, 0.93, reached=True)
BODY: dict[str, object] = {"messages": user("Which colour is the lamp?")}


def dense(passages: Sequence[Passage]) -> DenseTopK:
    """Reckon."""
    assert (PASSAGE,) == passages
    return DENSE


def account(weighing: Weighing | None) -> Savings:
    """Return the account of a request."""
    lookup = Lookup((PASSAGE,), (PASSAGE,), n_documents=1, n_all_tokens=9000, n_intent_tokens=3000)
    return savings_of(BODY, lookup, passages=[PASSAGE], placed=True, p_miss=0.3, weighing=weighing)


async def test_the_account_compares_with_it_once_it_is_there() -> None:
    """Missed answers are charged to neither side; before that it is left out, and told so."""
    gate = threading.Event()

    def slowly(passages: Sequence[Passage]) -> DenseTopK:
        gate.wait(5)
        return dense(passages)

    weighing = Weigher().begin(slowly, [PASSAGE])
    early = account(weighing).as_json()
    gate.set()
    await weighing
    late = account(weighing).as_json()

    assert early["against"]["dense_at_equal_coverage"] is None
    assert ["dense_at_equal_coverage: it was not reckoned by the end of the request"] == early["left_out"]
    tokens = late["prompt_tokens"] + 700
    assert {
        "tokens": tokens, "saved": tokens - late["sent_tokens"], "k": 12, "held": 0.93, "reached": True,
    } == late["against"]["dense_at_equal_coverage"]  # fmt: skip
    assert [] == late["left_out"]


@pytest.mark.parametrize(("door", "waits"), [(ROUTE, True), (OPENAI, False)])
async def test_only_who_shows_it_waits_for_it(door: Door, waits: bool) -> None:
    """At `/route` it stands in the answer; the main door answers first."""
    gate = threading.Event()

    def slowly(passages: Sequence[Passage]) -> DenseTopK:
        gate.wait(5)
        return dense(passages)

    exchange = Exchange("1", door, AttemptLog(time.perf_counter))
    await settled(exchange)  # nothing was sent
    weighing = Weigher().begin(slowly, [PASSAGE])
    exchange.savings = account(weighing)
    asyncio.get_running_loop().call_soon(gate.set)
    await settled(exchange)

    assert waits == (outcome(weighing) == DENSE)
    await weighing


async def test_without_vectors_nothing_is_reckoned() -> None:
    """The reason stands in the account."""
    nothing = Weigher().begin(None, [PASSAGE])

    assert nothing is None
    assert "no vectors were searched" in str(account(nothing).as_json()["left_out"])


async def test_what_fails_or_is_given_up_says_nothing() -> None:
    """Whatever becomes of it, the request has its answer."""
    failed = Weigher().begin(lambda _: 1 // 0, [PASSAGE])
    await asyncio.wait({failed})
    given_up = asyncio.get_running_loop().create_future()
    given_up.cancel()

    assert (None, None, None) == (outcome(failed), outcome(given_up), outcome(None))


async def test_few_wait_for_the_thread() -> None:
    """Who comes when many wait is not weighed; once they are done, the next one is."""
    gate, weigher = threading.Event(), Weigher()

    def slowly(_: Sequence[Passage]) -> DenseTopK:
        gate.wait(5)
        return DENSE

    waiting = [weigher.begin(slowly, [PASSAGE]) for _ in range(MOST_WAITING)]
    refused = weigher.begin(slowly, [PASSAGE])
    gate.set()
    found = await asyncio.gather(*waiting)
    await asyncio.sleep(0)

    assert refused is None
    assert [DENSE] * MOST_WAITING == found
    assert DENSE == await weigher.begin(slowly, [PASSAGE])


class AtOnce(Weigher):
    """Reckons while the caller waits, so that it is there however quick the upstream is."""

    @override
    def begin(self, dense: DenseOf | None, passages: Sequence[Passage]) -> Weighing | None:
        """Reckon."""
        assert dense is not None
        done = asyncio.get_running_loop().create_future()
        done.set_result(dense(passages))
        return done


@pytest.mark.parametrize("stream", [False, True])
async def test_the_books_hold_it(tmp_path: Path, stream: bool) -> None:
    """Of a request at the main door, streamed or not."""
    home = tmp_path / "library"
    home.mkdir()
    for n in range(5):
        (home / f"{n}.md").write_text(f"# Lamp {n}\n\nThe colour of the lamp in hall {n} is green.\n")
    settings = f'[retrieval]\nlibrary = "{home}"\n'
    script = Script((Reply(text="green", usage=UsageSpec(input=50, output=2)),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, settings, model("m", upstream.url + "/v1")) as gateway,
    ):
        await gateway.house.documents.load()
        gateway.house.documents.weigher = AtOnce()
        answer = await gateway.chat(
            model="auto", messages=user("What is the colour of the lamp in hall 3?"), stream=stream
        )
        booked = await gateway.decision(answer)

    against = booked["savings"]["against"]["dense_at_equal_coverage"]
    assert (True, True) == (against["reached"], 0 < against["k"])
