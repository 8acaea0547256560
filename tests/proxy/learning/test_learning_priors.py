from types import SimpleNamespace

from config.settings import (
    LearningSettings,
)
from config.tables import api_key
from proxy.learning import USAGE_S, prior_of, trust_of
from router.choosing.starting import StartingExperience
from router.choosing.values import Offer
from router.learning.beliefs import beliefs_of
from tests.proxy.learning.place import settings_of
from tests.router.learning.doubles import CODE, NOW


def _key(prefix, scopes):
    return {
        "id": prefix, "name": prefix, "prefix": prefix, "hash": prefix, "scopes": scopes, "created_ts": NOW,
    }  # fmt: skip


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
