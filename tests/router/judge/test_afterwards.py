"""Questions that nobody waits for: one at a time, a bounded line, and an end."""

from __future__ import annotations

import asyncio

from router.judge.afterwards import Afterwards


async def test_questions_are_asked_one_at_a_time_in_order():
    """The next question waits for the answer to the one before."""
    line, go, asked, n_now = Afterwards(), asyncio.Event(), [], [0]

    def question(name: str):
        async def ask() -> None:
            n_now[0] += 1
            assert 1 == n_now[0]
            asked.append(name)
            await go.wait()
            n_now[0] -= 1

        return ask

    for name in "abc":
        assert line.offer(question(name))
    await asyncio.sleep(0)
    assert ["a"] == asked
    assert 2 == len(line)
    go.set()
    while len(asked) < 3:  # noqa: ASYNC110  # no event tells
        await asyncio.sleep(0)

    assert ["a", "b", "c"] == asked
    assert line.offer(question("d"))
    await line.aclose()


async def test_line_is_bounded():
    """Who comes when it is full is not asked about, and nothing grows."""
    line, go = Afterwards(most=2), asyncio.Event()

    async def ask() -> None:
        await go.wait()

    assert line.offer(ask)
    await asyncio.sleep(0)  # the first one is being asked, and stands in no line
    found = [line.offer(ask) for _ in range(4)]

    assert [True, True, False, False] == found
    await line.aclose()
    assert 0 == len(line)


async def test_closing_ends_the_question_that_is_asked():
    """A judge that never answers does not keep the server from ending; closing an idle line is nothing."""
    line, ended = Afterwards(), asyncio.Event()

    async def ask() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    line.offer(ask)
    await asyncio.sleep(0)
    await line.aclose()
    await Afterwards().aclose()

    assert ended.is_set()
