"""`thalamus experiments compare` against scripted upstreams: only the wire's other end is replaced."""

from __future__ import annotations

import asyncio
import json

import pytest

from config.database import open_database
from proxy.cli import main
from router.providers.scripted import Match, Reply, Script, scripted_upstream
from tests.proxy.cli_settings import ALONE, model
from tests.router.experiments.test_shadow import ASKED, stored
from tests.router.offpolicy.books import booked

QUOTES = """
[[model]]
name = "quotes"
  [[model.deployment]]
  provider = "extractive"
  upstream_model = "extractive"
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command in a folder with a book of 12 stored answers; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.delenv("THALAMUS_CONFIG", raising=False)
    (tmp_path / ".thalamus").mkdir()

    async def go(*words, records=12, urls=None, more=""):
        models = "".join(model(name, url) for name, url in (urls or {}).items())
        (tmp_path / "thalamus.toml").write_text(ALONE + models + more)
        database = open_database(f"sqlite:///{tmp_path / '.thalamus' / 'thalamus.sqlite'}")
        await database.upgrade()
        await booked(database, [stored(f"{at}", {"messages": ASKED}) for at in range(records)])
        await database.aclose()
        code = await asyncio.to_thread(main, ("experiments", "compare", *words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


async def test_a_judge_that_likes_a_place_is_found_out(run):
    """It says FIRST whatever stands there: nobody wins, and the bias is told; names are hidden from it."""
    async with (
        scripted_upstream(Script((Reply(text="I am new: four."),))) as candidate,
        scripted_upstream(Script((Reply(text="FIRST"),))) as judge,
    ):
        urls = {"new": candidate.url, "wise": judge.url}
        words = ("--candidate", "new", "--judge", "wise")
        code, out, err = await run(*words, urls=urls)
        _, chinese, _ = await run(*words, "--language", "zh", urls=urls, records=0)
        _, as_json, _ = await run(*words, "--json", "--most", "5", urls=urls, records=0)
        shown = [request.json["messages"][1]["content"] for request in judge.requests if request.method == "POST"]
    told = json.loads(as_json)

    assert 0 == code, err
    assert "12 pairs: candidate new 0, current 0, tie 0, by place 12, unreadable 0" in out
    assert "Verdicts for what stood first: 100.0%" in out
    assert "This judge prefers a place" in out
    assert "These are few pairs." in out
    assert "候选方胜率（平局算一半）：50.0%" in chinese
    assert (5, 5, True, 0) == (told["pairs"], told["by_place"], told["judge_is_biased"], told["failed"])
    assert all("I am [model]: four." in each for each in shown)
    assert "answers 12 recorded requests" in err


async def test_a_judge_that_keeps_to_the_better_answer_decides(run):
    """It names the candidate wherever that stands: every pair is won, no place is preferred, and 40 are not few."""
    knows = Reply(match=Match(contains="<first>\nI am"), text="FIRST")
    async with (
        scripted_upstream(Script((Reply(text="I am new: four."),))) as candidate,
        scripted_upstream(Script((knows, Reply(text="SECOND")))) as judge,
    ):
        urls = {"new": candidate.url, "wise": judge.url}
        code, out, err = await run("--candidate", "new", "--judge", "wise", records=40, urls=urls)

    assert 0 == code, err
    assert "40 pairs: candidate new 40, current 0, tie 0, by place 0, unreadable 0" in out
    assert "Wins of the candidate, ties half: 100.0%" in out
    assert "Verdicts for what stood first: 50.0%" in out
    assert "prefers a place" not in out
    assert "few pairs" not in out


async def test_a_judge_that_sees_no_difference_prefers_no_place(run):
    """Ties alone say nothing of places."""
    async with (
        scripted_upstream(Script((Reply(text="four"),))) as candidate,
        scripted_upstream(Script((Reply(text="TIE"),))) as judge,
    ):
        code, out, _ = await run(
            "--candidate", "new", "--judge", "wise", urls={"new": candidate.url, "wise": judge.url}
        )

    assert 0 == code
    assert "12 pairs: candidate new 0, current 0, tie 12, by place 0, unreadable 0" in out
    assert "Wins of the candidate, ties half: 50.0%" in out
    assert "stood first" not in out


async def test_a_judge_that_answers_prose_is_said_to(run):
    """No share is made of nothing."""
    async with (
        scripted_upstream(Script((Reply(text="four"),))) as candidate,
        scripted_upstream(Script((Reply(text="Both have their merits."),))) as judge,
    ):
        code, out, _ = await run(
            "--candidate", "new", "--judge", "wise", urls={"new": candidate.url, "wise": judge.url}
        )

    assert 0 == code
    assert "The judge said nothing that could be read." in out


async def test_without_stored_bodies_it_says_what_to_set(run):
    """Also where the model is none, or cannot be asked."""
    async with scripted_upstream(Script((Reply(text="FIRST"),))) as only:
        urls = {"new": only.url}
        words = ("--candidate", "new", "--judge", "new")
        code, _, nothing = await run(*words, records=0, urls=urls)
        unknown = await run("--candidate", "nobody", "--judge", "new", records=0, urls=urls)
        gone = {**urls, "gone": "http://127.0.0.1:9"}
        away = await run("--candidate", "new", "--judge", "gone", records=0, urls=gone)
        extractive = await run("--candidate", "new", "--judge", "quotes", records=0, urls=urls, more=QUOTES)

    assert 1 == code
    assert "set storage.store_bodies" in nothing
    assert (1, 1, 1) == (unknown[0], away[0], extractive[0])
    assert "'nobody' does not exist here. See: thalamus models" in unknown[2]
    assert "the model 'gone' cannot be asked now. See: thalamus models" in away[2]
    assert "the model 'quotes' cannot be asked now. See: thalamus models" in extractive[2]


async def test_a_candidate_that_never_answers_is_said_to(run):
    """And the judge is not asked."""
    async with scripted_upstream(Script((Reply(text=" "),))) as silent:
        code, _, err = await run("--candidate", "new", "--judge", "new", urls={"new": silent.url})

    assert 1 == code
    assert "answered none of 12 requests" in err
