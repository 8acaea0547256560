"""The playground over a running gateway: columns grow, failures are told, and few runs go on at once."""

from __future__ import annotations

import asyncio

import pytest

from admin.desk.playground import BusyError
from proxy.desk.playground import MAX_AT_ONCE, MAX_RUNS, HousePlayground
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import model, running_gateway


async def over(playground, run):
    """Return the run once every column has ended."""
    async with asyncio.timeout(20):
        seen = -1
        while not run.is_over:
            seen = await playground.changed(run, seen, wait_s=1)
    return run


async def test_columns_hold_answers_and_failures(tmp_path):
    """Each model's answer stands beside the others with its tokens and its decision; who fails says why."""
    async with (
        scripted_upstream(Script((Reply(text="你好 <b>there</b>"),))) as good,
        scripted_upstream(Script((Reply(status=401),))) as bad,
        running_gateway(tmp_path, model("good", f"{good.url}/v1"), model("bad", f"{bad.url}/v1")) as gateway,
    ):
        playground = HousePlayground(gateway.house)
        run = await over(playground, await playground.start("hi", ["good", "bad"], by="dashboard:admin"))
        right, wrong = run.columns
        booked = (await gateway.http.get(f"/v1/decisions/{right.decision_id}")).json()

    assert ("done", "你好 <b>there</b>", "good") == (right.status, right.text, right.served)
    assert right.ttft_ms is not None
    assert right.output_tokens is not None
    assert "failed" == wrong.status
    assert wrong.reason
    assert "dashboard:admin" == booked["key_prefix"]


async def test_few_runs_go_on_and_few_are_kept(tmp_path):
    """A fifth run waits its turn, and an old one is forgotten; who ends the gateway leaves what goes on."""
    async with (
        scripted_upstream(Script((Reply(text="x", delay_headers_s=60),))) as slow,
        running_gateway(tmp_path, model("slow", f"{slow.url}/v1")) as gateway,
    ):
        playground = HousePlayground(gateway.house)
        runs = [await playground.start("hi", ["slow"], by="a") for _ in range(MAX_AT_ONCE)]
        with pytest.raises(BusyError):
            await playground.start("hi", ["slow"], by="a")
        seen = await playground.changed(runs[0], runs[0].version, wait_s=0.01)
        await playground.aclose()

    assert runs[0].version >= seen
    assert {"failed"} == {each.columns[0].status for each in runs}


async def test_old_runs_are_forgotten(tmp_path):
    """Only the newest runs can be looked at again."""
    async with running_gateway(tmp_path) as gateway:
        playground = HousePlayground(gateway.house)
        first = await over(playground, await playground.start("hi", ["nobody"], by="a"))
        for _ in range(MAX_RUNS):
            await over(playground, await playground.start("hi", ["nobody"], by="a"))

    assert "failed" == first.columns[0].status
    assert playground.find(first.id) is None
    assert "auto" == playground.models()[0]
