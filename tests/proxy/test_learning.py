import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from config.settings import (
    DeploymentSettings,
    LearningSettings,
    ModelSettings,
    ProviderSettings,
    RoutingSettings,
    Settings,
)
from config.tables import api_key
from proxy.learning import FAR_LOOK_S, KEEP_LESSONS, KEEP_S, USAGE_S, Learning, prior_of, trust_of
from router.catalog import build_catalog
from router.choosing.starting import StartingExperience
from router.choosing.values import Experience, Offer
from router.learning.beliefs import beliefs_of
from router.learning.cap import Width
from router.snapshot import Catalog
from router.tables import policy_version
from tests.router.learning.books import Books
from tests.router.learning.doubles import CODE, NOW, OFFERS


def settings_of(**learning):
    models = tuple(
        ModelSettings(name, (DeploymentSettings("extractive", "extractive", weight=weight),))
        for name, weight in (("good", 1.0), ("bad", 3.0))
    )
    providers = (ProviderSettings("extractive", "extractive", needs_key=False),)
    return Settings(models=models, providers=providers, learning=LearningSettings(**learning))


@dataclass
class Place:
    """What learning needs of a house."""

    settings: Settings
    catalog: Catalog
    experience: Experience
    believing: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(beliefs=None))

    def quality(self, model="bad"):
        found = self.experience.expect(CODE, OFFERS)
        return next(each.quality for each in found if each.model == model)


class Clock:
    """Both clocks, advanced by hand."""

    def __init__(self):
        self.seconds, self.n_read = 5.0, 0

    def __call__(self):
        self.n_read += 1
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds


@pytest.fixture
async def books(database):
    opened = Books(database)
    yield opened
    await opened.writer.aclose()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def learning(books, clock):
    return Learning(books.database, clock=clock, monotonic=clock.monotonic)


@pytest.fixture
def place():
    settings = settings_of()
    return Place(settings, build_catalog(settings), StartingExperience())


async def rated(books, clock, n=1, score=0.0, model="bad"):
    """Have `n` answers rated now."""
    for _ in range(n):
        books.say(books.decide(model), score, seconds=clock.seconds)
    await books.written()


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


def with_another(place):
    """Bring a model into the catalogue."""
    more = ModelSettings("third", (DeploymentSettings("extractive", "extractive"),))
    place.settings = replace(place.settings, models=(*place.settings.models, more))
    place.catalog = build_catalog(place.settings)


def new_in(place):
    offers = tuple(Offer(each) for each in ("good", "bad", "third") if each in place.catalog.models)
    found = place.experience.expect(CODE, offers)
    return {each.model: each.newcomer for each in found if each.newcomer is not None}


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


async def test_a_table_of_starting_values_is_where_it_begins(learning, place, tmp_path):
    """A wrong one is told of, and not used."""
    table = tmp_path / "table.toml"
    table.write_text('[[rows]]\nmodel = "bad"\nquality = 0.2\n')
    place.settings = settings_of(starting_values=table)
    await learning.look(place)
    assert 0.2 == place.quality()
    table.write_text("[[rows")
    place.settings = settings_of(starting_values=table)
    await learning.look(place)

    assert place.quality() != 0.2
    assert "degraded" == learning.told(place.settings.learning)["status"]


def test_a_policy_that_is_not_there_is_told_of(tmp_path):
    """The catalogue speaks in its place."""
    prior, problem = prior_of(LearningSettings(policy_dir=tmp_path))

    assert isinstance(prior, StartingExperience)
    assert "there is no such policy" in problem


async def test_admins_and_weights_are_looked_up(books, place):
    """Who may administer is believed; the static policy is the weights'."""
    async with books.database.writing() as connection:
        await connection.execute(api_key.insert(), [_key("sk-a", ["chat"]), _key("sk-b", ["chat", "admin"])])
    trust = await trust_of(place.catalog, books.database)

    assert frozenset({"sk-b"}) == trust.admins
    assert "bad" == trust.canonical("bad")


async def test_prices_and_lengths_are_looked_up_each_minute(learning, place, books, clock):
    """So that expected costs follow."""
    await learning.look(place)
    clock.seconds += USAGE_S
    before = place.experience
    await learning.look(place)

    assert before is not place.experience
    assert place.experience.expect(CODE, (Offer("x", input_usd=1.0, output_usd=1.0),))[0].cost_usd > 0


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


def _key(prefix, scopes):
    return {
        "id": prefix, "name": prefix, "prefix": prefix, "hash": prefix, "scopes": scopes, "created_ts": NOW,
    }  # fmt: skip


async def test_starting_values_set_at_run_time_stand_first(place, learning):
    """They count from the next look on, and are gone with the look after they were given up."""
    await learning.look(place)
    before = place.quality()
    place.believing = SimpleNamespace(beliefs=beliefs_of([{"model": "bad", "quality": 0.99}], file="the form"))
    await learning.look(place)
    believed = place.quality()
    place.believing = SimpleNamespace(beliefs=None)
    await learning.look(place)

    assert believed > before == place.quality()
