"""The demo learns: what people think of the answers gets better, and does not where nothing is learned."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from tests.demo.browser import logged_in
from tests.demo.town import standing
from tests.demo.truth import asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json
    from tests.demo.town import Town
    from tests.demo.traffic import Seen

SEED = 5
ROUNDS, OF_EACH, SHARE = 10, 60, 0.9
AT_ONCE = 10
RISES = 2.0
FLAT = 3.3
"""Deviations that chance alone goes beyond once in fifty times, upwards, and once in a thousand, either way."""


async def taught(town: Town, *, rounds: int = ROUNDS) -> list[Json]:
    """Ask `auto` in rounds, learn each before the next one where anything is learned, and return the curve's steps."""
    clients, n_said = town.clients(lambda _seen: None, seed=SEED, share=SHARE), 0
    for first in range(0, rounds * OF_EACH, OF_EACH):
        numbers = range(first, first + OF_EACH)
        seen: list[Seen] = []
        for some in range(0, OF_EACH, AT_ONCE):
            seen += await asyncio.gather(*(clients.ask(n) for n in numbers[some : some + AT_ONCE]))
        assert {"answered"} == {each.how for each in seen}, [each.error for each in seen]
        n_said += sum(asked(n, SEED, share=SHARE).speaks for n in numbers)
        while (now := (await town.health())["learning"])["status"] != "off" and now["n_lessons"] < n_said:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)
    async with logged_in(town.served) as browser:
        steps = (await browser.data("/learning"))["recent"]
    assert n_said == sum(each["n"] for each in steps)
    return steps


def rise(steps: Sequence[Json]) -> float:
    """Return by how many deviations the later half of the opinions is better than the first fifth (two binomials)."""
    first, half = len(steps) // 5, len(steps) // 2
    (n_first, p_first), (n_last, p_last) = _added(steps[:first]), _added(steps[-half:])
    pooled = (n_first * p_first + n_last * p_last) / (n_first + n_last)
    return (p_last - p_first) / math.sqrt(pooled * (1 - pooled) * (1 / n_first + 1 / n_last))


def _added(steps: Sequence[Json]) -> tuple[int, float]:
    pairs = [(int(str(each["n"])), float(str(each["success_rate"]))) for each in steps]
    n = sum(n for n, _p in pairs)
    return n, sum(n * p for n, p in pairs) / n


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_opinions_get_better_where_they_are_learned_from() -> None:
    """The later half of what was said is better than the first fifth by more than chance, on the dashboard's own curve."""
    async with standing(learning="live", instant=True) as town:
        steps = await taught(town)

    assert rise(steps) > RISES, steps


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_opinions_stay_as_they_are_where_nothing_is_learned() -> None:
    """With learning off the same questions and the same truth give a curve that is flat but for chance."""
    async with standing(learning="off", instant=True) as town:
        steps = await taught(town, rounds=ROUNDS // 2)

    assert abs(rise(steps)) < FLAT, steps
