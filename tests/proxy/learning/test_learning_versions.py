from dataclasses import replace

import pytest
from sqlalchemy import update

from proxy.learning import KEEP_LESSONS, KEEP_S, Learning
from router.tables import policy_version
from tests.proxy.learning.place import rated, settings_of


async def test_a_version_is_written_after_so_many_lessons_or_hours(learning, place, books, clock):
    """A restart then begins from it."""
    await learning.look(place)
    await rated(books, clock, KEEP_LESSONS)
    clock.seconds += 1
    await learning.look(place)
    assert (2, 0) == (len(await learning.store.all()), learning.n_unkept)
    await rated(books, clock)
    clock.seconds += 1
    await learning.look(place)
    assert 2 == len(await learning.store.all())
    clock.seconds += KEEP_S
    await learning.look(place)

    assert 3 == len(await learning.store.all())
    assert (await learning.store.active_id()) == learning.active


async def test_a_restart_begins_where_the_books_are(learning, place, books, clock):
    """What was learned since the last version is read again, once."""
    await learning.look(place)
    await rated(books, clock, KEEP_LESSONS)
    clock.seconds += 1
    await learning.look(place)
    await rated(books, clock, 3)
    clock.seconds += 1
    await learning.look(place)
    restarted = Learning(books.database, clock=clock, monotonic=clock.monotonic)
    other = replace(place)
    await restarted.look(other)

    assert KEEP_LESSONS + 3 == restarted.live.n_lessons
    assert place.quality() == pytest.approx(other.quality())


async def test_a_rollback_and_a_promotion_are_taken_up_without_a_restart(learning, place, books, clock):
    """By a command in another process, at the next look."""
    await learning.look(place)
    first, before = learning.active, place.quality()
    await rated(books, clock, KEEP_LESSONS)
    clock.seconds += 1
    await learning.look(place)
    taught, low = learning.active, place.quality()
    await learning.store.rollback(first, by="me")
    clock.seconds += 1
    await learning.look(place)
    assert before == place.quality() > low
    await learning.store.promote(taught, by="me")
    clock.seconds += 1
    await learning.look(place)

    assert low == pytest.approx(place.quality())


async def test_two_gateways_learn_the_same(learning, place, books, clock):
    """Only one writes the next version; the other takes it up."""
    other, there = Learning(books.database, clock=clock, monotonic=clock.monotonic), replace(place)
    await learning.look(place)
    await other.look(there)
    await rated(books, clock, KEEP_LESSONS)
    clock.seconds += 1
    await learning.look(place)
    other.n_unkept += 1  # it has something of its own to keep
    await other.look(there)
    clock.seconds += 1
    await other.look(there)

    assert learning.active == other.active
    assert 2 == len(await learning.store.all())
    assert place.quality() == there.quality()


async def test_in_shadow_nothing_changes_until_it_is_promoted(learning, place, books, clock):
    """It learns beside, and writes its versions as shadows."""
    place.settings = settings_of(mode="shadow")
    await learning.look(place)
    before = place.quality()
    for _ in range(2):
        await rated(books, clock, KEEP_LESSONS)
        clock.seconds += 1
        await learning.look(place)
    shadow = await learning.store.newest_shadow_id()
    assert (before, "shadow") == (place.quality(), learning.told(place.settings.learning)["status"])
    assert ["shadow", "retired", "active"] == [each.state for each in await learning.store.all()]
    await learning.store.promote(shadow, by="me")
    clock.seconds += 1
    await learning.look(place)

    assert place.quality() < before


async def test_switching_to_shadow_keeps_what_was_in_force(learning, place, books, clock):
    """What was learned live is written down before."""
    await learning.look(place)
    await rated(books, clock, 9)
    clock.seconds += 1
    await learning.look(place)
    low = place.quality()
    place.settings = settings_of(mode="shadow")
    await learning.look(place)
    await rated(books, clock, 9, score=1.0)
    clock.seconds += 1
    await learning.look(place)

    assert low == pytest.approx(place.quality())


async def test_switched_off_nothing_is_learned(learning, place, books, clock):
    """Only what was believed at the start counts, and no version is written."""
    place.settings = settings_of(mode="off")
    await rated(books, clock, 9)
    await learning.look(place)

    assert (0.5, ()) == (pytest.approx(place.quality(), abs=0.2), await learning.store.all())
    assert "off" == learning.told(place.settings.learning)["status"]
    assert place.experience.version.endswith("+off")


async def test_a_damaged_version_is_told_of_and_not_used(learning, place, books, clock):
    """The start's expectations stand in, nothing is learned on top of it, and a rollback mends it."""
    await learning.look(place)
    first = learning.active
    before = place.quality()
    await rated(books, clock, KEEP_LESSONS)
    clock.seconds += 1
    await learning.look(place)
    async with books.database.writing() as connection:
        await connection.execute(
            update(policy_version).where(policy_version.c.id == learning.active).values(parameters={"form": "x"})
        )
    restarted = Learning(books.database, clock=clock, monotonic=clock.monotonic)
    await restarted.look(place)
    told = restarted.told(place.settings.learning)
    assert (before, "degraded") == (place.quality(), told["status"])
    assert "roll back" in told["problem"]
    await restarted.store.rollback(first, by="me")
    clock.seconds += 1
    await restarted.look(place)

    assert "ok" == restarted.told(place.settings.learning)["status"]


async def test_a_damaged_version_is_not_learned_on(learning, place, books, clock):
    """Nothing is written over it either."""
    first = await learning.store.begin()
    async with books.database.writing() as connection:
        await connection.execute(
            update(policy_version).where(policy_version.c.id == first).values(parameters={"form": "x"})
        )
    await rated(books, clock, KEEP_LESSONS)
    for _ in range(2):
        clock.seconds += 1
        await learning.look(place)

    assert (0, [first]) == (learning.live.n_lessons, [each.id for each in await learning.store.all()])
