"""`thalamus route`, the tester of choices."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from pathlib import Path

import pytest

from config.database import open_database
from proxy.cli import main
from proxy.library import AsyncRouter
from router.history import latest_decision_id
from tests.proxy.test_library import settings
from tests.question_secrets import settled
from tests.router.judge.cases import named
from tests.upstreams import replying, scripted_upstream


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings of two models and no keys."""
    for name in ("THALAMUS_CONFIG", "OLLAMA_HOST", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    settings(tmp_path)
    return tmp_path


def test_question_is_shown_with_its_candidates_and_choice(folder, capsys):
    """What is known, who may answer with which probability, the judge, the choice; and nothing is booked."""
    assert 0 == main(["route", "请用 Python 写一个排序函数", "--all"])
    words = capsys.readouterr().out
    assert 0 == main(["route", "hello", "--all", "--models", "large", "--dial", "1", "--json"])
    told = json.loads(capsys.readouterr().out)

    assert "language zh" in words
    assert "small" in words
    assert "Judge     was not asked" in words
    assert "Choice    " in words
    assert ("large", 1.0) == (told["selectedModel"], told["probability"])
    assert ["large"] == [each["model"] for each in told["candidates"]]
    assert asyncio.run(_newest(folder)) is None


def test_similar_past_questions_are_shown(folder, capsys):
    """Who answered them and what was thought of it; one that nobody rated says so."""
    settled(settings(folder).state_dir)

    async def ask() -> list[str]:
        async with AsyncRouter(settings(folder), reachable=("small", "large")) as router:
            routes = [await router.route(text, models=["small"]) for text in ("写一个排序函数", "请写排序函数")]
            await router.update_result(routes[0].id, rating=5)
            await router.update_result(routes[1].id)
            return [each.id for each in routes]

    rated, unrated = asyncio.run(ask())
    assert 0 == main(["route", "请用 Python 写一个排序函数", "--all"])
    words = capsys.readouterr().out
    assert 0 == main(["route", "请用 Python 写一个排序函数", "--all", "--json"])
    told = json.loads(capsys.readouterr().out)

    assert "Similar   small: 1 answers, 1.00" in words
    assert any(rated in line and "1.00, user" in line for line in words.splitlines())
    assert any(unrated in line and "not rated" in line for line in words.splitlines())
    assert {rated, unrated} == {each["decision_id"] for each in told["similar"]}


async def _newest(folder: Path) -> str | None:
    database = open_database(f"sqlite:///{folder / '.thalamus' / 'thalamus.sqlite'}")
    try:
        return await latest_decision_id(database)
    finally:
        await database.aclose()


def test_lines_are_answered_one_by_one(folder, capsys, monkeypatch):
    """Without a question the lines of the input are read, empty ones left out."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("hello\n\n你好\n"))
    assert 0 == main(["route", "--all", "--json"])
    said = capsys.readouterr()
    told = [json.loads(line) for line in said.out.splitlines()]
    assert "failed" not in said.err

    assert ["en", "zh"] == [each["features"]["language"] for each in told]


def test_a_person_is_prompted_until_an_empty_line(folder, capsys, monkeypatch):
    """At a terminal each question is asked for, and what stands after an empty line is left."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    typed = Terminal("hello\n\nnever read\n")
    monkeypatch.setattr(sys, "stdin", typed)
    assert 0 == main(["route", "--all", "--json"])
    said = capsys.readouterr()

    assert 1 == len(said.out.splitlines())
    assert 2 == said.err.count("A question (an empty line ends):")
    assert "never read\n" == typed.read()


def test_nobody_live_is_said(folder, capsys):
    """Without keys there is nobody to choose; the sentence says what would help."""
    assert 1 == main(["route", "hello"])
    assert "No model is live" in capsys.readouterr().err


async def test_judge_is_shown(folder, capsys):
    """Where a judge is asked, its word stands beside the choice; so does why it says nothing."""
    ready = {"models": ["llama3:latest"]}
    async with scripted_upstream(replying({"text": named("large"), "times": 1}, {"text": "prose"}, **ready)) as ollama:
        extra = f'[judge]\nollama_url = "{ollama.url}"\nunsure_below = 1.0\nmin_gain = 0.0'
        settings(folder, more=extra)
        assert 0 == await asyncio.to_thread(main, ["route", "hello", "--all"])
        named_it = capsys.readouterr().out
        assert 0 == await asyncio.to_thread(main, ["route", "hello there", "--all"])
        prose = capsys.readouterr().out

    assert "Judge     names large, 80% sure: it fits" in named_it
    assert "the judge named 'large'" in named_it
    assert "Judge     was asked: unread (no_json)" in prose
