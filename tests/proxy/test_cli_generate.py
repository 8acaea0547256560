"""`thalamus foundry generate` against scripted upstreams: only the wire's other end is replaced."""

from __future__ import annotations

import asyncio
import json

import pytest

from proxy.cli import main
from tests.proxy.cli_settings import ALONE

pytest_plugins = ("tests.upstream_fixtures",)
BLUEPRINT = """
name = "small"
task = "single"
languages = ["zh", "en"]
labels = ["payment", "none"]
"""
SETTINGS = (
    ALONE
    + """
[[provider]]
name = "writer"
dialect = "openai"
base_url = "{url}/v1"
api_key_env = ["WRITER_KEYS"]
[[model]]
name = "m"
  [[model.deployment]]
  provider = "writer"
  upstream_model = "scripted"
  price = {{ input_usd_per_mtok = 1.0, output_usd_per_mtok = 2.0, source_date = "2026-11-21" }}
"""
)
ROW = '{"text": "退款给我", "labels": ["payment"]}'
FAST = ("--rpm", "6000")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the command in a folder with one blueprint; returns its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WRITER_KEYS", raising=False)
    folder = tmp_path / "blueprints" / "small"
    folder.mkdir(parents=True)
    (folder / "blueprint.toml").write_text(BLUEPRINT, "utf-8")
    (folder / "constitution.md").write_text("Rows are natural.", "utf-8")

    async def go(*words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ("foundry", "generate", "small", "--blueprints", "blueprints", *words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


def _settings(tmp_path, url: str) -> None:
    (tmp_path / "thalamus.toml").write_text(SETTINGS.format(url=url), "utf-8")


async def test_every_key_is_asked_and_the_end_tells_rows_tokens_and_money(
    run, tmp_path, monkeypatch, start_upstream
) -> None:
    """Two keys are two sources; a second run has nothing to ask."""
    upstream = await start_upstream({"text": f"Sure:\n{ROW}\n", "usage": {"input": 100, "output": 10}})
    _settings(tmp_path, upstream.url)
    monkeypatch.setenv("WRITER_KEYS", "sk-one,sk-two")
    code, out, err = await run("--model", "m", "--rows", "80", *FAST)
    asked = [request for request in upstream.requests if request.method == "POST"]
    keys = {request.headers["authorization"] for request in asked}
    told = json.loads((await run("--model", "m", "--rows", "80", "--json"))[1])

    assert 0 == code, err
    assert (
        "2 rows after 4 requests (4 lines were none, 2 were in another language); 400 tokens in, 40 out, 0.0005 USD.\n"
        == out
    )
    assert "small: asking m with 2 keys or servers" in err
    assert {"Bearer sk-one", "Bearer sk-two"} == keys
    assert "Rows are natural." in str(asked[0].body)
    assert (0, 2, "m") == (told["asked"], told["rows"], told["model"])
    assert 2 == len((tmp_path / "blueprints" / "small" / "raw.jsonl").read_text("utf-8").splitlines())


async def test_what_came_before_a_failure_is_kept_and_paid_for(run, tmp_path, monkeypatch, start_upstream) -> None:
    """After three failures in a row the command ends, tells the bill, and the next one goes on."""
    upstream = await start_upstream({"text": ROW, "times": 1}, {"status": 401, "times": 3}, {"text": ROW})
    _settings(tmp_path, upstream.url)
    monkeypatch.setenv("WRITER_KEYS", "sk-one")
    code, _, err = await run("--rows", "80", *FAST)

    assert 1 == code, err
    assert "1 requests were answered: " in err
    assert "3 of 4 requests are left" in err
    assert "sk-one" not in err
    assert "2 rows after 3 requests (2 were in another language)" in (await run("--rows", "80", *FAST))[1]
    assert "All was there already: 2 rows" in (await run("--rows", "80", *FAST))[1]


@pytest.mark.parametrize(
    ("keys", "words", "says"),
    [
        ("", ("--model", "m"), "the model 'm' has no key or address: set WRITER_KEYS."),
        ("", (), "no model is live that could write rows: set a provider's key, or start Ollama."),
        ("sk-one", ("--model", "n"), "The model 'n' does not exist here. See: thalamus models"),
        ("sk-one", ("--model", "offline"), "only quotes documents; it writes no rows."),
        ("sk-one", ("--model", "own"), "the model 'own' has no key or address: set OWN_KEY."),
        ("sk-one", ("--model", "drained"), "all deployments of the model 'drained' are drained: give one a weight."),
    ],
)
async def test_without_model_or_key_one_sentence_says_what_to_do(run, tmp_path, monkeypatch, keys, words, says) -> None:
    """Nothing is asked and nothing written."""
    more = """
[[model]]
name = "offline"
  [[model.deployment]]
  provider = "extractive"
  upstream_model = "extractive"
[[model]]
name = "own"
  [[model.deployment]]
  provider = "writer"
  upstream_model = "scripted"
  api_key_env = "OWN_KEY"
[[model]]
name = "drained"
auto = false
  [[model.deployment]]
  provider = "writer"
  upstream_model = "scripted"
  weight = 0
"""
    (tmp_path / "thalamus.toml").write_text(SETTINGS.format(url="http://127.0.0.1:9") + more, "utf-8")
    monkeypatch.setenv("WRITER_KEYS", keys)
    code, out, err = await run(*words)

    assert (1, "") == (code, out), err
    assert says in err
    assert not (tmp_path / "blueprints" / "small" / "raw.jsonl").exists()


async def test_a_blueprint_without_a_constitution_is_refused(run, tmp_path) -> None:
    """Its prompt would be empty."""
    (tmp_path / "blueprints" / "small" / "constitution.md").unlink()
    code, _, err = await run()

    assert 1 == code, err
    assert "small/constitution.md is missing or empty" in err
