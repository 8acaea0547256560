"""The bench of the dashboard at a small size: the same books for the same seed, and every page of it answers."""

import argparse
import sqlite3
from contextlib import closing

import pytest

from admin.pages.all import PAGES
from tests.bench.admin_books import build
from tests.bench.admin_pages import report, run, table


def told(path, query):
    with closing(sqlite3.connect(path)) as plain:
        return plain.execute(query).fetchall()


async def test_the_books_are_the_same_for_the_same_seed(tmp_path):
    """Ids included; sums are those of the rows."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        await build(tmp_path / name, 300, seed=seed)
    rows = {name: told(tmp_path / name, "SELECT id, served_model, cost_usd FROM decision") for name in "abc"}
    [[n_summed]] = told(tmp_path / "a", "SELECT sum(n_requests) FROM rollup_intent_day")

    assert rows["a"] == rows["b"] != rows["c"]
    assert (300, 300) == (len(rows["a"]), n_summed)
    assert [(0,)] == told(tmp_path / "a", "SELECT count(*) FROM decision WHERE substr(id, 15, 1) != '7'")


@pytest.mark.slow
async def test_every_page_answers_over_a_gateway_with_decisions_in_its_books(tmp_path):
    """What the bench measures is all of them, the explorer and the filters too; the report says so."""
    options = argparse.Namespace(folder=str(tmp_path), reuse=False, decisions=400, visits=1, seed=1, only="")
    found, built = await run(options)
    names = {each.case.name for each in found}

    assert {each.name for each in PAGES if "{" not in each.path} | {"decision", "decisions: deep"} <= names
    assert all(each.size_bytes > 1_000 for each in found)
    assert f"| {found[0].case.name} |" in table(found)
    assert "400 decisions" in report(found, built, options)
