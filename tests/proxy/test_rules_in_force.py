"""Rules that are set while the gateway runs: checked, kept, taken up again, and given up again."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from config.errors import InvalidRequestError
from config.overrides import OverrideStore
from config.routing_settings import RuleSettings
from config.settings import RoutingSettings
from config.tables import audit, setting_override
from proxy.rules_in_force import RULES_AREA, RulesInForce
from router.rules import Rule
from router.snapshot import Catalog, Model

CATALOG = Catalog({name: Model(name, ()) for name in ("cheap", "good")}, {"best": "good"})
FILE = RoutingSettings(rules=(RuleSettings("python", "good"),))


@pytest.fixture
def store(sqlite_database):
    """Where they are kept."""
    return OverrideStore(sqlite_database, RULES_AREA)


async def test_rules_survive_a_restart_in_their_order(store, sqlite_database):
    """What one process sets, another reads, with who did it; the file's count again once they are given up."""
    first, second = RulesInForce(store), RulesInForce(store)
    wanted = [{"pattern": "翻译", "model": "best", "kind": None, "name": "zh"}, {"pattern": "^x", "model": "cheap"}]
    await first.change(wanted, CATALOG, changed_by="dashboard:admin")
    await second.load()
    kept = second.over(FILE)
    await first.change(None, CATALOG, changed_by="dashboard:admin")
    async with sqlite_database.reading() as connection:
        audited = (await connection.execute(select(audit.c.subject, audit.c.actor))).all()

    assert (Rule("翻译", "best", None, "zh"), Rule("^x", "cheap")) == kept
    assert "dashboard:admin" == second.override.changed_by
    assert (Rule("python", "good", "keyword"),) == first.over(FILE)
    assert [("routing.rules", "dashboard:admin")] * 2 == [tuple(row) for row in audited]


@pytest.mark.parametrize(
    "rule",
    [
        {"pattern": "(?=x)", "model": "good", "kind": "regex"},
        {"pattern": "x", "model": "nobody"},
        {"pattern": " ", "model": "good"},
        {"pattern": "x" * 1001, "model": "good"},
        {"pattern": "x", "model": "good", "kind": "glob"},
    ],
)
async def test_bad_rule_changes_nothing(store, rule):
    """One bad rule among good ones, and the rules stay as they were."""
    rules = RulesInForce(store)
    with pytest.raises(InvalidRequestError):
        await rules.change([{"pattern": "y", "model": "good"}, rule], CATALOG, changed_by="a")

    assert (None, {}) == (rules.override, await store.load())


async def test_no_rule_at_all_is_not_the_files(store):
    """An empty list means that no rule speaks."""
    rules = RulesInForce(store)
    await rules.change([], CATALOG, changed_by="a")

    assert () == rules.over(FILE)


async def test_what_cannot_be_read_is_not_used(store, sqlite_database):
    """A value that somebody wrote by hand leaves the settings file's rules in force."""
    rules = RulesInForce(store)
    await rules.change([{"pattern": "y", "model": "good"}], CATALOG, changed_by="a")
    async with sqlite_database.writing() as connection:
        await connection.execute(update(setting_override).values(value=[{"pattern": 3}]))
    await rules.load()

    assert (Rule("python", "good", "keyword"),) == rules.over(FILE)
