"""`thalamus policy evaluate`, end to end: a database filled through the ledger's books, then the command."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import typer

from config.database import open_database
from proxy.cli import main
from proxy.cli.moments import moment_of
from router.learning.versions import VersionStore
from tests.proxy.cli_settings import ALONE, model
from tests.router.offpolicy.books import booked, booked_world, rated, record_of
from tests.router.offpolicy.worlds import World
from tests.router.policy.policy_rows import written

BEST = {"zh": {"middle": 1}, "en/chat": {"small": 1}, "en/code": {"large": 1}}
SETTINGS = ALONE + "".join(
    model(name, "http://127.0.0.1:9", upstream=name) + f"weight = {weight}\n"
    for name, weight in (("large", 3.0), ("middle", 1.0), ("small", 1.0))
)


def run(folder, work):
    """Do something with the database of a folder."""

    async def go():
        database = open_database(f"sqlite:///{folder / '.thalamus' / 'thalamus.sqlite'}")
        try:
            await database.upgrade()
            return await work(database)
        finally:
            await database.aclose()

    return asyncio.run(go())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with settings, a table, and a book of 2,500 rated decisions."""
    folder = tmp_path_factory.mktemp("books")
    (folder / ".thalamus").mkdir()
    (folder / "thalamus.toml").write_text(SETTINGS)
    (folder / "best.json").write_text(json.dumps({"probabilities": BEST}))
    rows = World(floor=0.12).rows(2500, 11)
    run(folder, lambda database: booked_world(database, rows))
    return folder


@pytest.fixture
def here(world, monkeypatch):
    """That folder, as the one the command is called in."""
    monkeypatch.delenv("THALAMUS_CONFIG", raising=False)
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.chdir(world)
    return world


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A folder with settings only."""
    monkeypatch.delenv("THALAMUS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".thalamus").mkdir()
    (tmp_path / "thalamus.toml").write_text(SETTINGS)
    (tmp_path / "best.json").write_text(json.dumps({"probabilities": BEST}))
    return tmp_path


def evaluated(capsys, *words):
    """Return the report of the command."""
    code = main(["policy", "evaluate", *words, "--json"])
    found = capsys.readouterr()
    assert 0 == code, found.err
    return json.loads(found.out)


def test_the_truth_is_inside_the_interval(here, capsys):
    """Quality as the world makes it; the candidate is better, and the current policy is named."""
    report = evaluated(capsys, "--candidate", "best.json", "--since", "7d")
    quality = report["quality"][0]
    robust = quality["estimates"]["doubly_robust"]

    assert robust["low"] < 0.5 * 0.85 + 0.5 * 0.75 < robust["high"]
    assert quality["ess"] > 200
    assert "better" == report["verdict"]["finding"]
    assert (2500, {"learned-1-test": 2500}) == (report["read"], report["current"])
    assert {"logged", "candidate"} == set(report["shares"]["large"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), ("doubly robust", "SNIPS", "current policy", "zh/chat", "The candidate is better than")),
        (("--language", "zh"), ("双重稳健", "当前策略", "等效数", "候选策略优于当前策略")),
    ],
)
def test_people_get_tables_and_one_sentence(here, capsys, words, said):
    """In English or Chinese."""
    assert 0 == main(["policy", "evaluate", "--candidate", "best.json", *words])
    out = capsys.readouterr().out

    assert all(each in out for each in said)
    assert out.splitlines()[-1].startswith(said[-1])


def test_the_language_is_that_of_the_terminal(here, capsys, monkeypatch):
    """Where none is asked for."""
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    main(["policy", "evaluate", "--candidate", "best.json"])

    assert "候选策略优于当前策略" in capsys.readouterr().out


def test_weights_are_those_of_the_settings(here, capsys):
    """3 to 1 to 1."""
    shares = evaluated(capsys, "--candidate", "weights")["shares"]

    assert [0.6, 0.2, 0.2] == [shares[name]["candidate"] for name in ("large", "middle", "small")]


def test_a_version_is_found_by_its_id(here, capsys):
    """It draws as the gateway would with it, and it is said that it may have learned from these decisions."""
    version = run(here, lambda database: VersionStore(database).begin())
    report = evaluated(capsys, "--candidate", version)
    main(["policy", "evaluate", "--candidate", version[:5]])
    out = capsys.readouterr().out

    assert version == report["candidate"]
    assert all(each["candidate"] >= 0.02 for each in report["shares"].values())
    main(["policy", "evaluate", "--candidate", version, "--language", "zh"])

    assert "flatters it" in report["warnings"][0]["en"]
    assert "提示：该版本建于" in capsys.readouterr().out
    assert "Note: the version was made on" in out


def test_a_version_stands_on_the_prior_of_the_settings(empty, capsys):
    """A fitted policy beneath it reads what the books keep of the texts; one that is damaged is said to be."""
    rows = World(floor=0.12).rows(60, 2)
    records = [record_of(each, preview="court judge") for each in rows]
    run(empty, lambda database: booked(database, records, [rated(each.id, each.reward) for each in rows]))
    labels = [{"prompt": f"court {at}", "quality": {"large": 1, "small": 0, "middle": 0}} for at in range(30)]
    written(empty / "rows.jsonl", labels)
    main(["policy", "fit", "--train", "rows.jsonl", "--out", "fitted"])
    version = run(empty, lambda database: VersionStore(database).begin())
    capsys.readouterr()
    plain = evaluated(capsys, "--candidate", version)["shares"]["large"]["candidate"]
    (empty / "thalamus.toml").write_text(SETTINGS + '[learning]\npolicy_dir = "fitted"\n')
    fitted = evaluated(capsys, "--candidate", version)["shares"]["large"]["candidate"]
    (empty / "fitted" / "policy.json").write_text("{")
    main(["policy", "evaluate", "--candidate", version])

    assert fitted > 0.9 > plain
    assert "starting values of the settings cannot be used" in capsys.readouterr().err


def test_a_fitted_folder_is_asked_about_previews(empty, capsys):
    """What the books keep of the texts is enough to ask it; the others count as logged."""
    rows = World(floor=0.12).rows(400, 2)
    records = [record_of(each, preview="court judge" if at % 2 else None) for at, each in enumerate(rows)]
    run(empty, lambda database: booked(database, records, [rated(each.id, each.reward) for each in rows]))
    labels = [{"prompt": f"court {at}", "quality": {"large": 1, "small": 0}} for at in range(30)]
    written(empty / "rows.jsonl", labels)
    main(["policy", "fit", "--train", "rows.jsonl", "--out", "fitted"])
    capsys.readouterr()
    report = evaluated(capsys, "--candidate", "fitted")
    main(["policy", "evaluate", "--candidate", "fitted"])
    main(["policy", "evaluate", "--candidate", "fitted", "--language", "zh"])
    out = capsys.readouterr().out

    assert ("fitted", 200) == (report["candidate"], report["undecided"])
    assert report["shares"]["large"]["candidate"] > 0.5
    assert "200 where the candidate has no wish" in out
    assert "200 个决策候选策略没有意愿" in out


def test_what_was_set_aside_is_said(empty, capsys):
    """Without logged probabilities nothing is assumed; a refused model is named."""
    rows = World(floor=0.12).rows(300, 2)
    records = [record_of(each) for each in rows]
    records[0] = replace(records[0], decision=replace(records[0].decision, probabilities=None))
    run(empty, lambda database: booked(database, records, [rated(each.id, each.reward) for each in rows]))
    (empty / "new.json").write_text('{"probabilities": {"brand-new": 1}}')
    assert 0 == main(["policy", "evaluate", "--candidate", "new.json"])
    english = capsys.readouterr().out
    main(["policy", "evaluate", "--candidate", "new.json", "--language", "zh"])
    chinese = capsys.readouterr().out

    assert "1 set aside: without logged probabilities (none are assumed)" in english
    assert "This log says nothing about model brand-new" in english
    assert "搁置 1 个：没有记录概率" in chinese


def test_no_outcomes_is_said_and_cost_is_told(empty, capsys):
    """Exit code 0: the cost is an answer."""
    rows = World(floor=0.12).rows(400, 2, rated=0.0)
    run(empty, lambda database: booked_world(database, rows))
    assert 0 == main(["policy", "evaluate", "--candidate", "best.json"])
    out = capsys.readouterr().out

    assert "Nothing can be told of the rating: of 0 answers it is known." in out
    assert "It costs" in out


def test_an_empty_log_is_one_sentence(empty, capsys):
    """With what would help."""
    assert 1 == main(["policy", "evaluate", "--candidate", "best.json"])
    assert "there is no decision of `auto` since" in capsys.readouterr().err


def test_a_log_without_draws_is_refused(empty, capsys):
    """A deterministic log can tell of no other policy."""
    rows = [replace(each, probabilities=(1.0, 0.0, 0.0), chosen="large") for each in World().rows(20, 1)]
    run(empty, lambda database: booked_world(database, rows))

    assert 1 == main(["policy", "evaluate", "--candidate", "best.json"])
    assert "none of 20 decisions can tell of another policy: 20 settled without a draw" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--candidate", "nobody"), 1, "there is no candidate 'nobody'"),
        (("--candidate", "best.json", "--since", "soon"), 2, "'soon' is no moment"),
        (("--candidate", "best.json", "--since", "2026-13-01"), 2, "is no moment"),
        (("--candidate", "best.json", "--since", "2999-01-01"), 2, "lies in the future"),
        (("--candidate", "best.json", "--since", "1d", "--until", "2d"), 2, "must lie before"),
        (("--candidate", "thalamus.toml"), 1, "thalamus.toml: is no JSON"),
        (("--candidate", ".thalamus"), 1, ".thalamus"),
        ((), 2, "--candidate"),
    ],
)
def test_wrong_use_is_one_sentence(here, capsys, words, code, said):
    """It names what is wrong."""
    assert code == main(["policy", "evaluate", *words])
    assert said in capsys.readouterr().err


def test_weights_of_other_settings_are_refused(here, capsys, tmp_path):
    """None of the models of the log is known there."""
    other = tmp_path / "other.toml"
    other.write_text(f'state_dir = "{here / ".thalamus"}"\n{ALONE}')

    assert 1 == main(["policy", "evaluate", "--candidate", "weights", "--config", str(other)])
    assert "weight" in capsys.readouterr().err


def test_moments_are_ago_or_dates():
    """In UTC; a date without a zone is UTC."""
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    assert datetime(2026, 11, 14, 12, tzinfo=UTC) == moment_of("7d", now=now)
    assert datetime(2026, 11, 20, 0, tzinfo=UTC) == moment_of("36h", now=now)
    assert datetime(2026, 11, 1, tzinfo=UTC) == moment_of("2026-11-01", now=now)
    assert datetime(2026, 11, 1, tzinfo=UTC) == moment_of("2026-11-01T08:00+08:00", now=now)
    with pytest.raises(typer.BadParameter):
        moment_of("7 days", now=now)
