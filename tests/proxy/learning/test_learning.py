import asyncio
from dataclasses import replace

from structlog.testing import capture_logs

from config.settings import (
    RoutingSettings,
)
from proxy.learning import FAR_LOOK_S
from router.learning.cap import Width
from tests.proxy.learning.place import rated


async def test_what_is_said_is_in_force_at_the_next_look(learning, place, books, clock):
    """Without a restart, and with a version that says what was known."""
    await learning.look(place)
    before, version = place.quality(), place.experience.version
    await rated(books, clock, 5)
    clock.seconds += 1
    await learning.look(place)

    assert place.quality() < before - 0.05
    assert version != place.experience.version
    assert f"start-1+{learning.active}." in place.experience.version
    told = learning.told(place.settings.learning)
    assert ("ok", 5, 5, 0) == tuple(told[name] for name in ("status", "n_lessons", "n_unkept", "n_refused"))


async def test_looks_at_once_learn_what_one_would(learning, place, books, clock):
    """What is learned is learned by the learner in force, once, however many look at the same time."""
    before = place.quality()
    await rated(books, clock, 5)
    clock.seconds += 1
    await asyncio.gather(*(learning.look(place) for _ in range(8)))

    assert learning.live is learning.state.learner
    assert (5, 5) == (learning.n_unkept, learning.live.n_lessons)
    assert place.quality() < before - 0.05


async def test_steeper_draw_lets_less_count_of_what_a_key_says(learning, place, books, clock):
    """Settings that draw otherwise weigh anew what keys said; what they say later is weighed by the new draw."""
    learned = {}
    for routing in (RoutingSettings(), RoutingSettings(draw="softmax", temperature=0.005), RoutingSettings(spread=0.1)):
        place.settings = replace(place.settings, routing=routing)
        clock.seconds += 1
        await learning.look(place)
        learned[routing.draw, routing.spread] = learning.live.width
        assert learning.live.width == place.experience.width

    assert {
        ("thompson", 1.0): Width(),
        ("softmax", 1.0): Width(temperature=0.005),
        ("thompson", 0.1): Width(0.1),
    } == learned


async def test_nothing_said_leaves_everything_as_it_was(learning, place, clock):
    """The experience is replaced only where something changed."""
    await learning.look(place)
    experience = place.experience
    clock.seconds += 1
    await learning.look(place)

    assert experience is place.experience


async def test_what_was_written_late_is_found_later(learning, place, books, clock):
    """An opinion that waited in the journal while the database was away."""
    clock.seconds = 5_000
    await learning.look(place)
    books.say(books.decide(), 0.0, seconds=10)
    await books.written()
    clock.seconds += 1
    await learning.look(place)
    assert 0 == learning.live.n_lessons
    clock.seconds += FAR_LOOK_S
    await learning.look(place)

    assert 1 == learning.live.n_lessons


async def test_it_goes_on_when_the_database_comes_back(learning, place, books, clock):
    """While the books are away nothing is lost, and that is said once; they are read when they can be."""
    await rated(books, clock, 3)
    clock.seconds += 1
    async with books.database.writing() as connection:
        await connection.exec_driver_sql("alter table outcome rename to gone")
    with capture_logs() as said:
        task = asyncio.create_task(learning.run(place, look_s=0.01, retry_s=0.01))
        async with asyncio.timeout(10):
            while learning.active is None or clock.n_read < 20:  # noqa: ASYNC110  # nobody tells when
                await asyncio.sleep(0.01)
    async with books.database.writing() as connection:
        await connection.exec_driver_sql("alter table gone rename to outcome")
    async with asyncio.timeout(10):
        while learning.live.n_lessons < 3:  # noqa: ASYNC110  # nobody tells when
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task})

    assert task.cancelled()
    assert 1 == sum(each["event"] == "learning_waits" for each in said)
