from datetime import timedelta

import pytest
from sqlalchemy import update

from config.errors import ArtefactError, NotFoundError
from router.learning.intake import FAR_BACK, caught_up
from router.learning.learner import Learner
from router.learning.lessons import Trust
from router.learning.state import State
from router.learning.versions import VersionStore
from router.tables import policy_version
from tests.router.learning.doubles import CODE, NOW, OFFERS, experience_of


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def store(books):
    return VersionStore(books.database, clock=Clock())


async def learned(store, books, version, seconds=60, **options):
    await books.written()
    state = await store.load(version)
    return await caught_up(books.database, state, until=NOW + timedelta(seconds=seconds), trust=Trust(), **options)


def bad_of(state):
    return experience_of(state.learner).expect(CODE, OFFERS)[1].quality


async def test_it_begins_with_a_version_that_knows_nothing(store):
    """There is something to roll back to from the first day; asking again makes no other."""
    assert await store.active_id() is None
    first = await store.begin()

    assert first == await store.begin() == await store.active_id()
    (version,) = await store.all()
    assert ("active", None, "gateway", "start", 0) == (
        version.state, version.parent_id, version.created_by, version.recipe["why"], version.metrics["n"]
    )  # fmt: skip


async def test_what_is_learned_becomes_a_version_with_its_recipe(store, books):
    """The one before is retired; it says from how many lessons it came, and what people thought, with intervals."""
    first = await store.begin()
    for _ in range(3):
        books.say(books.decide(), 0.0)
    state, n = await learned(store, books, first)
    second = await store.keep(state, parent=first)
    newest, oldest = await store.all()

    assert (3, 3) == (n, newest.recipe["n_lessons"])
    assert (second, first, "active", "retired") == (newest.id, newest.parent_id, newest.state, oldest.state)
    assert {"bad": {"n": 3, "success_rate": 0.0, "low": 0.0, "high": 0.5615}} == newest.metrics["models"]
    assert state.learner.version() == (await store.load(second)).learner.version()


async def test_only_one_of_two_gateways_writes_the_next_version(store, books):
    """Who was slower takes what the other wrote."""
    first = await store.begin()
    state, _ = await learned(store, books, first)
    assert await store.keep(state, parent=first)

    assert await store.keep(state, parent=first) is None
    assert 2 == len(await store.all())


async def test_a_rollback_forgets_what_was_learned_since_and_learns_on(store, books):
    """The lessons in between are not learned again, though their rows stay; later ones are; one can come back."""
    first = await store.begin()
    for _ in range(5):
        books.say(books.decide(), 0.0)
    state, _ = await learned(store, books, first, seconds=1)
    second = await store.keep(state, parent=first)
    books.say(books.decide(), 0.0, seconds=2)
    now, _ = await learned(store, books, second)
    back = await store.rollback(by="sk-admin", now=now)
    rolled, n_again = await learned(store, books, back)
    assert (0, 0.6) == (n_again, bad_of(rolled))
    books.say(books.decide(), 0.0, seconds=50)
    later, n_later = await learned(store, books, back)
    assert 1 == n_later
    assert bad_of(later) < 0.6
    parked = next(each for each in await store.all() if each.recipe["why"] == "before a rollback")
    again = await store.promote(parked.id, by="sk-admin")

    assert 6 == (await store.load(again)).learner.n_lessons
    assert again == await store.active_id()


async def test_back_to_a_named_version(store, books):
    """By as much of its name as names one."""
    first = await store.begin()
    state, _ = await learned(store, books, first)
    second = await store.keep(state, parent=first)
    back = await store.rollback(first[:8], by="me")
    (version,) = [each for each in await store.all() if each.id == back]

    assert f"rolled back to {first}" == version.recipe["why"]
    assert second != await store.active_id()


async def test_there_may_be_nothing_to_go_back_to(store):
    """The first version has none before it, and a wrong name is none."""
    await store.begin()
    with pytest.raises(NotFoundError, match="no version before"):
        await store.rollback(by="me")
    with pytest.raises(NotFoundError, match="policy list"):
        await store.promote("v-nothing", by="me")
    with pytest.raises(NotFoundError, match="no version 'v'"):
        await store.rollback("v", by="me")
    with pytest.raises(NotFoundError, match="no version 'x'"):
        await store.load("x")


async def test_each_rollback_goes_farther_back(store, books):
    """Until there is nothing before; what is promoted, or learned on, is gone back from anew."""
    first = await store.begin()
    one = [first]
    for _ in range(3):
        books.say(books.decide(), 0.0)
        state, _ = await learned(store, books, one[-1])
        one.append(await store.keep(state, parent=one[-1]))
    _, second, third, fourth = one
    backs = [await _back(store) for _ in range(3)]
    assert [third, second, first] == backs
    with pytest.raises(NotFoundError, match="no version before"):
        await store.rollback(by="me")
    await store.promote(fourth, by="me")
    assert third == await _back(store)
    rolled = await store.active_id()
    on = await store.keep(await store.load(rolled), parent=rolled)

    assert on == await store.active_id()
    assert [rolled, second] == [await _back(store), await _back(store)]


async def test_a_rollback_passes_over_what_was_never_in_force(store, books):
    """Before a shadow that was promoted there stood the version then in force, not the shadow before."""
    first = await store.begin()
    state, _ = await learned(store, books, first)
    older = await store.keep(state, parent=first, as_state="shadow")
    newer = await store.keep(state, parent=older, as_state="shadow")
    await store.promote(newer, by="me")

    assert first == await _back(store)


async def _back(store):
    """Roll back and return to which version."""
    active = await store.rollback(by="me", now=await store.load(await store.active_id()))
    return (await store.find(active)).parent_id


async def test_a_name_that_fits_several_is_refused(store, books):
    """Nothing is rolled back by guessing."""
    first = await store.begin()
    state, _ = await learned(store, books, first)
    await store.keep(state, parent=first)
    with pytest.raises(NotFoundError, match="2 versions begin with 'v-'"):
        await store.find("v-")


async def test_a_shadow_learns_beside_and_can_be_promoted(store, books):
    """It is in force only then, and a newer shadow takes the older one's place."""
    first = await store.begin()
    books.say(books.decide(), 0.0)
    state, _ = await learned(store, books, first)
    assert await store.newest_shadow_id() is None
    await store.keep(state, parent=first, as_state="shadow")
    shadow = await store.keep(state, parent=first, as_state="shadow")
    assert (first, shadow) == (await store.active_id(), await store.newest_shadow_id())
    assert first == await store.promote(first, by="me")
    await store.promote(shadow, by="me")

    assert shadow == await store.active_id()
    assert await store.newest_shadow_id() is None


@pytest.mark.parametrize("parameters", [{"form": "other"}, 3])
async def test_a_damaged_version_is_not_put_in_force(store, books, parameters):
    """The one before stays."""
    first = await store.begin()
    state, _ = await learned(store, books, first)
    shadow = await store.keep(state, parent=first, as_state="shadow")
    async with books.database.writing() as connection:
        await connection.execute(
            update(policy_version).where(policy_version.c.id == shadow).values(parameters=parameters)
        )
    with pytest.raises(ArtefactError):
        await store.promote(shadow, by="me")

    assert first == await store.active_id()


async def test_a_caller_is_forgotten_in_every_version(store, books):
    """Also in those that one could roll back to."""
    first = await store.begin()
    books.say(books.decide(key_prefix="sk-one"), 0.0)
    state, _ = await learned(store, books, first)
    second = await store.keep(state, parent=first)

    assert 1 == await store.forget_caller("sk-one")
    assert 0 == await store.forget_caller("sk-one")
    assert {} == (await store.load(second)).learner.speakers


async def test_what_is_written_late_is_found(store, books):
    """A look far back finds what waited for the database, and counts nothing twice."""
    first = await store.begin()
    books.say(books.decide(), 0.0, seconds=40_000)
    state, n = await learned(store, books, first, seconds=40_000)
    assert 1 == n
    books.say(books.decide(), 0.0, seconds=1)
    await books.written()
    until = NOW + timedelta(seconds=40_001)
    state, n_near = await caught_up(books.database, state, until=until, trust=Trust())
    state, n_far = await caught_up(books.database, state, until=until, trust=Trust(), look_back=FAR_BACK)

    assert (0, 1) == (n_near, n_far)


async def test_a_look_back_ends_where_memory_does(books):
    """What is not remembered any more would count twice."""
    state = State(full_learner(), NOW + timedelta(hours=2), NOW - timedelta(days=9))
    books.say(books.decide(), 0.0, seconds=1)
    await books.written()
    _, n = await caught_up(books.database, state, until=NOW + timedelta(hours=2), trust=Trust(), look_back=FAR_BACK)

    assert 0 == n


def full_learner():
    """A learner whose memory is full of what was said an hour later."""
    learner = Learner()
    learner.known_since = (NOW + timedelta(hours=1)).timestamp()
    return learner
