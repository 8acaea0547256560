from dataclasses import replace

import pytest
from sqlalchemy import update

from config.settings import (
    LearningSettings,
)
from proxy.learning import KEEP_LESSONS, Learning
from router.tables import policy_version
from tests.proxy.learning.place import new_in, rated, with_another


async def test_a_model_that_comes_later_is_new(learning, place, books, clock):
    """At a first start none is; after a restart, also before a version was written, it still is."""
    await learning.look(place)
    first = new_in(place)
    with_another(place)
    clock.seconds += 1
    await learning.look(place)
    second = new_in(place)
    await Learning(books.database, clock=clock, monotonic=clock.monotonic).look(place)

    assert ({}, {"third": 0.0}, {"third": 0.0}) == (first, second, new_in(place))
    assert 1 == len(await learning.store.all())


async def test_a_version_of_before_new_models_meets_those_of_then(learning, place, books, clock):
    """At once, and for good: what comes after that is new."""
    await learning.store.begin()
    await learning.look(place)
    known = new_in(place)
    with_another(place)
    await Learning(books.database, clock=clock, monotonic=clock.monotonic).look(place)

    assert ({}, {"third": 0.0}) == (known, new_in(place))
    assert 2 == len(await learning.store.all())


async def test_in_shadow_a_version_of_before_meets_them_too(learning, place, books, clock):
    """Both what is in force and what learns beside it."""
    place.settings = replace(place.settings, learning=LearningSettings(mode="shadow"))
    await learning.store.begin()
    await learning.look(place)
    with_another(place)
    clock.seconds += 1
    await learning.look(place)

    assert {"third": 0.0} == new_in(place)
    assert learning.state.learner.is_new("third")


async def test_a_model_is_new_again_after_a_rollback_to_before_it(learning, place, books, clock):
    """A version that did not know it has nothing to say of it."""
    await learning.look(place)
    start = learning.active
    with_another(place)
    await rated(books, clock, KEEP_LESSONS, score=0.9, model="third")
    clock.seconds += 1
    await learning.look(place)
    grown = new_in(place)["third"]
    await learning.store.rollback(start, by="test")
    clock.seconds += 1
    await learning.look(place)

    assert (100.0, {"third": 0.0}) == (grown, new_in(place))


async def damaged(database, version):
    async with database.writing() as connection:
        await connection.execute(
            update(policy_version).where(policy_version.c.id == version).values(parameters={"form": "x"})
        )


async def test_a_model_stays_new_while_the_version_in_force_cannot_be_read(learning, place, books, clock):
    """Who is new stands beside what a version holds: a damaged one must not open the draw to whoever came since."""
    await learning.look(place)
    with_another(place)
    await damaged(books.database, learning.active)
    restarted = Learning(books.database, clock=clock, monotonic=clock.monotonic)
    await restarted.look(place)

    assert restarted.damage is not None
    assert {"third": 0.0} == new_in(place)
    assert 1 == len(await restarted.store.all())


@pytest.mark.parametrize("older_tells", [True, False])
async def test_where_a_damaged_version_does_not_tell_an_older_one_does(learning, place, books, clock, older_tells):
    """Versions of before told it only within; where none tells, nobody is new."""
    await learning.look(place)
    start = learning.active
    await rated(books, clock, KEEP_LESSONS)
    clock.seconds += 1
    await learning.look(place)
    with_another(place)
    await damaged(books.database, learning.active)
    if not older_tells:
        await damaged(books.database, start)
    async with books.database.writing() as connection:
        await connection.execute(update(policy_version).values(recipe={"why": "learned"}))
    await Learning(books.database, clock=clock, monotonic=clock.monotonic).look(place)

    assert ({"third": 0.0} if older_tells else {}) == new_in(place)


async def test_in_shadow_what_is_said_of_a_new_model_lifts_its_ceiling(learning, place, books, clock):
    """By the learner that counts; what is expected stays, and the version of the experience tells that it moved."""
    place.settings = replace(place.settings, learning=LearningSettings(mode="shadow"))
    await learning.look(place)
    with_another(place)
    await rated(books, clock, 2)
    clock.seconds += 1
    await learning.look(place)
    before, version = place.quality(), place.experience.version
    await rated(books, clock, 30, score=0.9, model="third")
    clock.seconds += 1
    await learning.look(place)

    assert {"third": 30.0} == new_in(place)
    assert before == place.quality()
    assert version != place.experience.version
