import asyncio

import pytest

from router.learning.lessons import Trust
from router.learning.own_words import AT_ONCE, MAX_LESSONS, own_lessons, profiles_of
from tests.router.learning.books import Books
from tests.router.learning.doubles import NOW

ME = "sk-me"


@pytest.fixture
async def books(database):
    opened = Books(database)
    yield opened
    await opened.writer.aclose()


async def test_own_words_are_read_whole(books):
    """Signs and an admin's words about its answers too; what others got is not its own, nor what the owner got."""
    mine = books.decide(key_prefix=ME)
    books.say(mine, 0.25)
    books.say(books.decide(key_prefix=ME), 1.0, source="admin")
    books.say(books.decide(key_prefix=ME), kind="implicit", source="abandoned", seconds=2)
    books.say(books.decide(key_prefix="sk-other"), 1.0, seconds=3)
    books.say(books.decide(key_prefix=None), 1.0, seconds=3)
    books.decide(key_prefix=ME)
    await books.written()
    (row,) = profiles_of(await own_lessons(books.database, ME, trust=Trust())).rows()

    assert (2, 0.625, 1) == (row["n"], row["mean_reward"], row["n_implicit"])


async def test_answers_of_models_that_a_key_may_not_use_are_not_read(books):
    """Nor do they take the places of others."""
    books.say(books.decide("bad", key_prefix=ME), 0.25)
    books.say(books.decide("good", key_prefix=ME), 1.0)
    await books.written()
    found = await own_lessons(books.database, ME, models={"good"}, trust=Trust())
    none = await own_lessons(books.database, ME, models=(), trust=Trust())

    assert [("good", 1.0)] == [(each.lesson.model, each.reward) for each in found]
    assert () == none


async def test_of_many_lessons_the_newest_are_read_and_the_loop_stays_free(books):
    """Page after page; what else runs here has its turn at least once a page."""
    for at in range(MAX_LESSONS + 30):
        ts = NOW.replace(microsecond=at)
        books.say(books.decide("bad" if at < 30 else "good", key_prefix=ME, ts=ts), 1.0)
    await books.written()
    turns = []
    others = asyncio.create_task(_taking_turns(turns))
    try:
        found = await own_lessons(books.database, ME, trust=Trust())
    finally:
        others.cancel()

    assert (MAX_LESSONS, {"good"}) == (len(found), {each.lesson.model for each in found})
    assert len(turns) > MAX_LESSONS / AT_ONCE


async def _taking_turns(turns):
    while True:
        turns.append(1)
        await asyncio.sleep(0)
