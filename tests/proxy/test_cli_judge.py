"""`thalamus judge`, against a scripted Ollama and books with decisions."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.database import open_database
from proxy.cli import main
from router.judge.templates import shipped_templates, toml_of
from tests.proxy.cli_settings import ALONE, model
from tests.router.judge.cases import named
from tests.router.judge.test_examples import Books, served_by_seed
from tests.upstreams import replying, scripted_upstream

MODELS = ["llama3:latest", "small", "large"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command in a folder of its own; returns exit code, output and remarks."""
    monkeypatch.delenv("THALAMUS_CONFIG", raising=False)
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    monkeypatch.chdir(tmp_path)

    async def go(*words: str, url: str = "http://127.0.0.1:9", judge: str = "") -> tuple[int, str, str]:
        models = model("small", url, description="cheap and quick", upstream="small") + model(
            "large", url, upstream="large"
        )
        toml = f'{ALONE}[judge]\nollama_url = "{url}"\n{judge}\n{models}'
        (tmp_path / "thalamus.toml").write_text(toml, encoding="utf-8")
        code = await asyncio.to_thread(main, ["judge", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


async def test_status_says_whether_the_judge_is_there(run):
    """In words and as JSON, with exit code 0 where it is there."""
    async with scripted_upstream(replying(models=MODELS)) as upstream:
        code, words, _ = await run("status", url=upstream.url)
        _, told, _ = await run("status", "--json", url=upstream.url)

    assert 0 == code
    assert "It is there, and in memory." in words
    found = json.loads(told)
    assert ("ready", "0.12.0", "llama3", "unsure") == tuple(
        found[name] for name in ("presence", "version", "model", "mode")
    )
    assert found["template"].startswith("plain@")


async def test_status_says_what_is_missing(run):
    """A server that is away, a model that is missing and a judge that is off each have their sentence."""
    async with scripted_upstream(replying(models=["other"])) as upstream:
        missing = await run("status", url=upstream.url)
        off = await run("status", url=upstream.url, judge='mode = "never"')
    away = await run("status", url=upstream.url)

    assert (1, True) == (missing[0], "thalamus judge pull" in missing[1])
    assert (0, True) == (off[0], "switched off" in off[1])
    assert (1, True) == (away[0], "without a judge" in away[1])


async def test_status_tells_what_is_wrong_with_the_template(run):
    """A template that is not there leaves the default in charge, and is told; so does the list of templates."""
    lost = 'template = "nobody"'
    async with scripted_upstream(replying(models=MODELS)) as upstream:
        code, told, _ = await run("status", "--json", url=upstream.url, judge=lost)
    _, listed, remarks = await run("templates", judge=lost)

    assert 0 == code
    assert "no template 'nobody'" in json.loads(told)["problem"]
    assert json.loads(told)["template"].startswith("plain@")
    assert "no template 'nobody'" in remarks
    assert ("plain@", False) == (listed.split("yes")[0].split()[-1][:6], "promoted" in listed)


async def test_pull_downloads_the_model(run):
    """The download is told, and its end; a failure is one sentence."""
    part = '{"status":"pulling abc","digest":"sha256:abc","total":9,"completed":%d}\n'
    lines = part % 4 + part % 9 + '{"status":"success"}\n'
    pull = {"match": {"path": "/api/pull"}}
    async with scripted_upstream(
        replying({**pull, "times": 2, "body": lines}, {**pull, "body": '{"error":"no such model"}'}, models=[])
    ) as upstream:
        done = await run("pull", url=upstream.url)
        told = await run("pull", "--json", url=upstream.url)
        failed = await run("pull", url=upstream.url)

    assert (0, "llama3 is there. See: thalamus judge status\n") == done[:2]
    assert {"model": "llama3", "pulled": True} == json.loads(told[1])
    assert 1 == failed[0]
    assert "llama3 could not be pulled" in failed[2]
    assert "no such model" in failed[2]


async def test_pull_of_a_catalogue_model_is_refused(run):
    """What Ollama does not serve cannot be downloaded."""
    code, _, err = await run("pull", judge='served_by = "catalogue"')

    assert 1 == code
    assert "nothing to download" in err


async def test_try_shows_what_the_judge_says(run):
    """A question gets a model, a confidence and a reason; the prompt can be looked at without asking."""
    async with scripted_upstream(replying({"text": named("large")}, models=MODELS)) as upstream:
        code, words, _ = await run("try", "证明素数有无穷多个", url=upstream.url)
        _, told, _ = await run("try", "hello", "--json", "--template", "stepwise", url=upstream.url)
        n_asked = sum(each.path == "/api/chat" for each in upstream.requests)
        _, prompt, _ = await run("try", "证明素数有无穷多个", "--prompt", url=upstream.url)
        _, messages, _ = await run("try", "hello", "--prompt", "--json", url=upstream.url)

        assert n_asked == sum(each.path == "/api/chat" for each in upstream.requests)
    assert 0 == code
    assert "large  (confidence 80%" in words
    assert "it fits" in words
    assert ("large", 0.8) == (json.loads(told)["selectedModel"], json.loads(told)["confidence"])
    assert json.loads(told)["template"].startswith("stepwise@")
    assert "<query>\n证明素数有无穷多个\n</query>" in prompt
    assert "cheap and quick" in prompt
    assert ["system", "user"] == [each["role"] for each in json.loads(messages)]


async def test_try_loads_a_judge_that_is_not_in_memory(run):
    """It is asked once it is loaded; an answer without a confidence is shown as one."""
    sure = {"reasoning": "it fits", "selectedModel": "small"}
    bare = {"match": {"path": "/api/ps"}, "body": {"models": []}}
    loaded = {"match": {"path": "/api/generate"}, "body": {"done": True}}
    async with scripted_upstream(replying(bare, loaded, {"text": json.dumps(sure)}, models=MODELS)) as upstream:
        code, words, err = await run("try", "hello", url=upstream.url)
        paths = [each.path for each in upstream.requests]

    assert 0 == code, words + err
    assert "small  (of its confidence it says nothing" in words
    assert paths.index("/api/generate") < paths.index("/api/chat")


async def test_try_without_the_judges_model_says_how_to_get_it(run):
    """The server is there and lacks the model: nobody is asked."""
    async with scripted_upstream(replying(models=["other"])) as upstream:
        code, _, err = await run("try", "hello", "--models", "small,large", url=upstream.url)

        assert "/api/chat" not in {each.path for each in upstream.requests}
    assert 1 == code
    assert "thalamus judge pull" in err


async def test_try_asks_any_model_of_the_catalogue(run):
    """With `served_by = "catalogue"` one of the configured models judges."""
    async with scripted_upstream(replying({"text": f"I say {named('small')}"}, models=MODELS)) as upstream:
        judge = 'served_by = "catalogue"\nmodel = "large"'
        code, words, _ = await run("try", "hello", url=upstream.url, judge=judge)
        _, status, _ = await run("status", "--json", url=upstream.url, judge=judge)

    assert 0 == code
    assert "small  (confidence 80%" in words
    assert "ollama" not in json.loads(status)


async def test_try_says_why_nobody_was_named(run):
    """Prose, a judge that is away, one candidate and an unknown name: a sentence each, and exit code 1 or 2."""
    async with scripted_upstream(replying({"text": "I like large"}, models=MODELS)) as upstream:
        prose = await run("try", "hello", url=upstream.url)
        one = await run("try", "hello", "--models", "small", url=upstream.url)
        unknown = await run("try", "hello", "--models", "small,nobody", url=upstream.url)
        template = await run("try", "hello", "--template", "nobody", url=upstream.url)
    away = await run("try", "hello", "--models", "small,large", url=upstream.url)

    assert (1, True) == (prose[0], "unread, no_json" in prose[1])
    assert (1, True) == (one[0], "two models or more" in one[2])
    assert (1, True) == (unknown[0], "no model 'nobody'" in unknown[2])
    assert (2, True) == (template[0], "known are plain" in template[2])
    assert (1, True) == (away[0], "without a judge" in away[2])


async def test_templates_are_listed_promoted_and_taken_back(run, tmp_path):
    """Which is in charge follows promotions and rollbacks; a template of one's own is one among them."""
    own = toml_of(shipped_templates()[0]).replace('"plain"', '"mine"')
    (tmp_path / ".thalamus" / "judge").mkdir(parents=True)
    (tmp_path / ".thalamus" / "judge" / "mine.toml").write_text(own, encoding="utf-8")
    (tmp_path / ".thalamus" / "judge" / "broken.toml").write_text("name =", encoding="utf-8")
    promoted = await run("promote", "mine", "--json")
    _, listed, remarks = await run("templates")
    _, told, _ = await run("templates", "--json")
    _, shown, _ = await run("templates", "--show", "plain")
    held = await run("promote", "stepwise", judge='template = "plain"')
    back = await run("rollback")
    _, again, _ = await run("rollback", "--json")
    nothing = await run("rollback")

    assert json.loads(promoted[1])["in_charge"].startswith("mine@")
    assert "broken.toml" in remarks
    assert "promoted" in listed
    assert {"mine", "plain", "record-first", "stepwise"} == {
        each["version"].partition("@")[0] for each in json.loads(told)["templates"]
    }
    assert 'name = "plain"' in shown
    assert "it stays in charge" in held[2]
    assert "mine@" in back[1]
    assert json.loads(again)["in_charge"].startswith("plain@")
    assert (2, True) == (nothing[0], "nothing to take back" in nothing[2])


async def fill(folder: Path, n: int) -> None:
    """Book `n` rated decisions: `large` is good, `small` is bad."""
    (folder / ".thalamus").mkdir(exist_ok=True)
    database = open_database(f"sqlite:///{folder / '.thalamus' / 'thalamus.sqlite'}")
    await database.upgrade()
    books = Books(database)
    now = datetime.now(UTC)
    for at in range(n):
        score = float(served_by_seed(at) == "large")
        books.decide(f"question {at}", score=score, seed=at, ts=now - timedelta(minutes=at))
    await books.writer.aclose()
    await database.aclose()


async def test_better_template_is_found_and_promoted(run, tmp_path):
    """A judge that answers better by one template: that one wins, and takes charge with `--promote` only."""
    await fill(tmp_path, 120)
    large, small = {"text": named("large")}, {"text": named("small")}
    stepwise = {"match": {"contains": "写出请求需要什么"}, **large}
    script = replying(stepwise, small, models=MODELS)
    async with scripted_upstream(script) as upstream:
        _, first, _ = await run("optimise", "--only", "stepwise,record-first", url=upstream.url)
        _, before, _ = await run("templates", "--json", url=upstream.url)
        _, told, _ = await run("optimise", "--only", "stepwise", "--promote", "--json", url=upstream.url)
        _, after, _ = await run("templates", "--json", url=upstream.url)
        _, again, _ = await run("optimise", "--only", "plain,stepwise", "--promote", url=upstream.url)

    found = json.loads(told)
    assert "Put it in charge with --promote." in first
    assert json.loads(before)["in_charge"].startswith("plain@")
    assert found["promoted"]
    assert found["gain"]["low"] > 0
    assert (120, 0, "llama3") == (found["examples"], found["whole_texts"], found["judge"])
    assert json.loads(after)["in_charge"].startswith("stepwise@")
    assert json.loads(after)["promotions"][0]["metrics"]["gain"]["low"] > 0
    assert "Nothing to promote" in again


async def test_one_example_bounds_nothing(run, tmp_path):
    """An interval without ends is a dash for people and null for programs, never an `Infinity` that is no JSON."""
    await fill(tmp_path, 1)
    async with scripted_upstream(replying({"text": named("large")}, models=MODELS)) as upstream:
        _, shown, _ = await run("optimise", "--only", "stepwise", url=upstream.url)
        _, told, _ = await run("optimise", "--only", "stepwise", "--json", url=upstream.url)

    assert "inf" not in shown.lower()
    assert "Infinity" not in told
    assert (None, None) == (json.loads(told)["current"]["low"], json.loads(told)["current"]["high"])


async def test_template_that_settings_name_stays_in_charge(run, tmp_path):
    """A better one is promoted beside it, and what has to go from the settings is told; all there are were tried."""
    await fill(tmp_path, 120)
    stepwise = {"match": {"contains": "写出请求需要什么"}, "text": named("large")}
    held = 'template = "plain"'
    async with scripted_upstream(replying(stepwise, {"text": named("small")}, models=MODELS)) as upstream:
        code, told, remarks = await run("optimise", "--promote", url=upstream.url, judge=held)
        _, status, _ = await run("status", "--json", url=upstream.url, judge=held)

    assert 0 == code
    assert "It is in charge now." in told
    assert {"plain", "plain-no-records", "plain-no-prices", "record-first", "stepwise"} == {
        line.partition("@")[0] for line in told.splitlines() if "@" in line and "against" not in line
    }
    assert "it stays in charge until that line is gone" in remarks
    assert json.loads(status)["template"].startswith("plain@")


async def test_optimising_without_examples_or_judge_says_so(run, tmp_path):
    """No rated decisions, and no judge: a sentence each."""
    await fill(tmp_path, 0)
    async with scripted_upstream(replying(models=MODELS)) as upstream:
        empty = await run("optimise", url=upstream.url)
    away = await run("optimise", url=upstream.url)
    async with scripted_upstream(replying(models=["other"])) as upstream:
        missing = await run("optimise", url=upstream.url)

    assert (1, True) == (missing[0], "the judge is not there" in missing[2])
    assert (1, True) == (empty[0], "hold no decision" in empty[2])
    assert (1, True) == (away[0], "the judge is not there" in away[2])
