"""Several upstreams break at once, faster than breakers open: the few further attempts there are must suffice."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import model, running_gateway

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("a", "b", "c", "d")
WELL, BROKEN = Script((Reply(text="hello"),)), Script((Reply(fault="server_error"),))


async def test_three_of_four_break_at_once_and_nobody_is_failed(tmp_path: Path) -> None:
    """A fifth of the requests: fewer further attempts than would open three breakers, enough to answer everybody."""
    async with AsyncExitStack() as stack:
        upstreams = {name: await stack.enter_async_context(scripted_upstream(WELL)) for name in NAMES}
        toml = [
            model(name, f"{each.url}/v1", extra=f"fallbacks = {[other for other in NAMES if other != name]}")
            for name, each in upstreams.items()
        ]
        gateway = await stack.enter_async_context(running_gateway(tmp_path, *toml))
        before = [(await gateway.chat(model=NAMES[i % 4])).status_code for i in range(32)]
        for name in NAMES[:3]:
            upstreams[name].follow(BROKEN)
        during = [await gateway.chat(model=NAMES[i % 4]) for i in range(40)]
        decision = await gateway.decision(during[-2])
        for name in NAMES[:3]:
            upstreams[name].follow(WELL)
        gateway.house.health.reset("a/vllm")
        back = await gateway.chat(model="a")

    assert [200] * 72 == [*before, *(each.status_code for each in during)]
    n_further = sum(int(each.headers["x-thalamus-attempts"]) - 1 for each in during)
    assert n_further <= 14
    assert ("c", "d") == (decision["chosen"], decision["served_model"])
    assert 1 == decision["n_attempts"]
    assert (200, "a") == (back.status_code, back.headers["x-thalamus-model"])
