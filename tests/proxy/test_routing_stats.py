import asyncio
from dataclasses import replace

import pytest

from config.errors import UnavailableError
from config.key_identity import KeyIdentity
from config.settings import Settings
from config.types import AttemptRecord
from proxy.app import build_house
from proxy.routing_stats import KEEP_S, OwnStats, stats, stats_for
from router.transport import AiohttpTransport
from tests.router.learning.books import Books
from tests.router.learning.doubles import told

KEY = KeyIdentity("k", "mine", "sk-thal-mine", frozenset({"chat"}))


@pytest.fixture
async def books(database):
    opened = Books(database)
    yield opened
    await opened.writer.aclose()


@pytest.fixture
async def house(books, tmp_path):
    built = build_house(Settings(state_dir=tmp_path), transport=AiohttpTransport())
    own, built.database = built.database, books.database
    yield built
    await built.writer.aclose()
    await own.aclose()
    await built.understanding.aclose()
    await built.judging.aclose()
    await built.transport.aclose()


def attempt(**changes):
    options = {"committed": True, "duration_ms": 300.0, "ttft_ms": 100.0} | changes
    return AttemptRecord(1, "bad/x", "bad", "x", **options)


async def test_what_is_known_of_each_model(house, books):
    """Opinions and attempts stand in one row; who was never rated claims nothing."""
    books.decide("bad", attempts=(attempt(),))
    books.decide("bad", attempts=(attempt(ttft_ms=None), replace(attempt(), n=2, failure_class="transient")))
    await books.written()
    house.learning.live.learn([told("good", 1.0, odds=2.0), told("good", 0.0, odds=2.0)])
    found = await stats(house)
    rows = {row["model"]: row for row in found["performance"]}

    assert (2, 0.5, 0.0945, 0.9055) == tuple(rows["good"][name] for name in ("n", "success_rate", "low", "high"))
    assert "answered" not in rows["good"]
    assert (0, None) == (rows["bad"]["n"], rows["bad"]["success_rate"])
    assert (3, 0.6667) == (rows["bad"]["n_attempts"], rows["bad"]["answered"]["rate"])
    assert (300.0, 100.0) == (rows["bad"]["mean_duration_ms"], rows["bad"]["mean_ttft_ms"])
    assert [0.5] == [day["success_rate"] for day in found["curve"]]
    assert ("waiting", "start-1") == (found["learning"]["status"], found["experience"])


async def test_a_model_that_never_answered_has_no_times(house, books):
    """Nothing is divided by nothing."""
    books.decide("bad", served="", attempts=(replace(attempt(), failure_class="transient"),))
    await books.written()
    (row,) = (await stats(house))["performance"]

    assert (0.0, None, None) == (row["answered"]["rate"], row["mean_duration_ms"], row["mean_ttft_ms"])


async def test_without_books_it_says_so(house):
    """As every route that reads them."""
    async with house.database.writing() as connection:
        await connection.exec_driver_sql("drop table model_performance")
        await connection.exec_driver_sql("drop table outcome")
    with pytest.raises(UnavailableError, match="cannot be read"):
        await stats(house)
    with pytest.raises(UnavailableError, match="cannot be read"):
        await stats_for(house, KEY)


async def test_a_key_that_may_use_no_model_of_the_catalogue_sees_no_row(house, books):
    """Not even of its own words: a model that it may not use any more has no name for it."""
    books.say(books.decide("bad", key_prefix=KEY.prefix, attempts=(attempt(),)), 1.0)
    await books.written()
    all_ = await stats_for(house, KEY)
    none = await stats_for(house, replace(KEY, models=("good",)))

    assert ["bad"] == [row["model"] for row in all_["performance"]]
    assert ([], [], 0) == (none["performance"], none["curve"], none["learning"]["n_lessons"])
    assert "start-1" == none["experience"]


def n_of(answer):
    return answer["learning"]["n_lessons"], [row["n"] for row in answer["performance"]]


@pytest.fixture
def now():
    return [100.0]


async def test_a_new_rating_shows_once_an_answer_is_five_seconds_old(house, books, now):
    """And not before: who asks without pause has the books read every five seconds."""
    own = OwnStats(lambda: now[0])
    silent = await own.of(house, KEY)
    books.say(books.decide("bad", key_prefix=KEY.prefix), 1.0)
    await books.written()
    now[0] += KEEP_S - 0.1
    kept = await own.of(house, KEY)
    now[0] += 0.1
    spoken = await own.of(house, KEY)

    assert 5.0 == KEEP_S
    assert ((0, []), (0, []), (1, [1])) == (n_of(silent), n_of(kept), n_of(spoken))


async def test_a_kept_answer_is_for_one_key_and_its_models(house, books, now):
    """Another key is not told it, nor the same one after its models were changed."""
    own = OwnStats(lambda: now[0])
    books.say(books.decide("bad", key_prefix=KEY.prefix), 1.0)
    await books.written()
    found = [await own.of(house, each) for each in (KEY, replace(KEY, prefix="sk-b"), replace(KEY, models=("good",)))]

    assert [(1, [1]), (0, []), (0, [])] == [n_of(each) for each in found]


async def test_questions_that_come_together_read_the_books_once(house, books, now):
    """Else one key could have them read as often as it likes at the same time."""
    own = OwnStats(lambda: now[0])
    first, second = await asyncio.gather(own.of(house, KEY), own.of(house, KEY))

    assert first is second


async def test_few_answers_are_kept(house, books, now):
    """Who asked longest ago is forgotten first, and read anew."""
    own = OwnStats(lambda: now[0], max_kept=2)
    keys = [replace(KEY, prefix=f"sk-{each}") for each in range(3)]
    first, second, again, third = [await own.of(house, keys[at]) for at in (0, 1, 0, 2)]
    kept, anew = await own.of(house, keys[0]), await own.of(house, keys[1])

    assert first is again is kept
    assert second is not anew
    assert third["performance"] == []


async def test_what_failed_is_not_kept(house, books, now):
    """The next question reads the books again."""
    own = OwnStats(lambda: now[0])
    async with house.database.writing() as connection:
        await connection.exec_driver_sql("alter table outcome rename to away")
    with pytest.raises(UnavailableError):
        await own.of(house, KEY)
    async with house.database.writing() as connection:
        await connection.exec_driver_sql("alter table away rename to outcome")

    assert (0, []) == n_of(await own.of(house, KEY))
