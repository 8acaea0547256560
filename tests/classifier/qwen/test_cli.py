"""`thalamus classifier` without PyTorch: comparing what needs none, and one sentence for each wrong use."""

from __future__ import annotations

import asyncio
import inspect
import json
from pathlib import Path

import pytest

import classifier
from classifier.finetune import TrainPlan
from classifier.foundry.blueprint import find_blueprint, shipped_blueprints
from classifier.qwen.batching import BatchLimits
from classifier.qwen.forms import MAX_NEW_TOKENS
from classifier.qwen.lora import TARGETS, LoraShape
from proxy.cli import main
from proxy.cli.classifier import train_
from router.providers.scripted import parse_script, scripted_upstream


@pytest.fixture
def run(capsys):
    """Run one command; gives exit code, stdout and stderr."""

    def go(*words):
        code = main(["classifier", *map(str, words)])
        out = capsys.readouterr()
        return code, out.out, out.err

    return go


def test_the_recipe_is_the_documented_one():
    """On the command line and in Python: LoRA 16/32/0.1 on the four projections, 3 epochs of 4 at 1e-4, each 50."""
    plan, said = TrainPlan("base", Path("rows"), Path("out")), inspect.signature(train_).parameters
    names = {"epochs": "epochs", "batch": "batch", "lr": "learning_rate", "every": "every", "seed": "seed",
             "max_tokens": "max_tokens", "accuracy": "accuracy", "form": "form", "device": "device"}  # fmt: skip

    assert (3, 4, 1e-4, 50) == (plan.epochs, plan.batch, plan.learning_rate, plan.every)
    assert LoraShape(16, 32, 0.1) == plan.lora
    assert {"q_proj", "k_proj", "v_proj", "o_proj"} == set(TARGETS)
    assert {name: getattr(plan, field) for name, field in names.items()} == {name: said[name].default for name in names}
    assert (16, 32, 0.1) == tuple(said[name].default for name in ("r", "alpha", "dropout"))
    assert 25 == MAX_NEW_TOKENS
    assert 0.002 <= BatchLimits().window_s <= 0.005


async def _ollama_compared(run, words):
    script = parse_script({"reply": [{"text": '{"labels": ["payment"]}', "usage": {"input": 90, "output": 6}}]})
    async with scripted_upstream(script) as upstream:
        return await asyncio.to_thread(run, *words, "--ollama", "qwen3:0.6b", "--ollama-url", upstream.url)


async def test_ollama_and_micro_model_are_compared_without_weights(run, rows_file, tmp_path):
    """Who has only Ollama measures that; the report says what was left out and how to add it."""
    code, out, _ = await _ollama_compared(
        run, ("compare", "--test", rows_file, "--out", tmp_path / "report.json", "--json")
    )
    report = json.loads(out)

    assert 0 == code
    assert ["ollama"] == [each["name"] for each in report["contenders"]]
    assert {"pretrained", "fine-tuned", "generative", "micro-model", "hybrid"} == set(report["left_out"])
    assert 6.0 == report["contenders"][0]["output_tokens"]


def test_ollama_that_is_away_is_told(run, rows_file, tmp_path):
    """No report is written on answers that never came."""
    code, _, err = run(
        "compare", "--test", rows_file, "--ollama", "x", "--ollama-url", "http://127.0.0.1:1", "--out", tmp_path / "r"
    )

    assert (1, False) == (code, (tmp_path / "r").exists())
    assert "did not answer (ConnectError); start it with: ollama serve" in err


@pytest.mark.parametrize("url", ["localhost:11434", "http://[::1", "ftp://127.0.0.1"])
def test_an_address_that_is_none_is_told(run, rows_file, tmp_path, url):
    """Whoever leaves out the beginning is not sent to look for a server."""
    code, _, err = run(
        "compare", "--test", rows_file, "--ollama", "x", "--ollama-url", url, "--out", tmp_path / "r.json"
    )

    assert 1 == code
    assert "its address begins with http:// or https://" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("status", "mend"), [(404, "ollama pull qwen3:0.6b"), (500, "see its log")])
async def test_ollama_that_refuses_is_told(run, rows_file, tmp_path, status, mend):
    """A model that was never fetched is the usual reason."""
    script = parse_script({"reply": [{"status": status}]})
    async with scripted_upstream(script) as upstream:
        words = ("--test", rows_file, "--ollama", "qwen3:0.6b", "--ollama-url", upstream.url, "--out", tmp_path / "r")
        code, _, err = await asyncio.to_thread(run, "compare", *words)

    assert 1 == code
    assert f"answered with status {status}; {mend}" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("predict", "nowhere", "x"), "manifest.json"),
        (("predict", "nowhere"), "a text or --input"),
        (("predict", "nowhere", "x", "--input", "y"), "a text or --input"),
        (("export", "nowhere", "out"), "manifest.json"),
        (("train", "--base", "nowhere/at/all", "--train", "nowhere.jsonl"), "no such file"),
        (("train", "--base", "nowhere/at/all", "--train", "deep.jsonl"), "deep.jsonl:1: no JSON object"),
        (("compare", "--test", "nowhere.jsonl"), "no such file"),
    ],
)
def test_wrong_use_is_one_sentence(run, words, told, tmp_path, monkeypatch):
    """Each says what is wrong and what to do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep.jsonl").write_text("[" * 100_000)
    code, _, err = run(*words)

    assert code in {1, 2}
    assert told in err
    assert "Traceback" not in err


def test_nobody_to_measure_is_told(run, rows_file):
    """A comparison of nobody is a mistake."""
    code, _, err = run("compare", "--test", rows_file)

    assert 1 == code
    assert "nobody to measure" in err


def test_rows_out_of_the_shipped_corpus_are_told(run, tmp_path):
    """Three rows of the corpus in a file of one's own are no test of the micro-model that learnt them."""
    corpus = find_blueprint(shipped_blueprints(), "intent").corpus_files[0]
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(corpus.read_text().splitlines(keepends=True)[:3]) + '{"text": "qwfp", "labels": ["none"]}\n'
    )
    micro = Path(classifier.__file__).parent / "artefacts" / "intent"
    code, _, err = run("compare", "--test", rows, "--micro", micro, "--out", tmp_path / "report.json")

    assert 0 == code
    assert "micro-model saw 3 of the 4 rows before, word for word: it was trained on them" in err


def test_micro_model_is_measured_by_its_own_labels(run, forged_multi, tmp_path):
    """Rows with labels that it does not know are a mistake, not a zero."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "refund my money please", "labels": ["payment"]}\n' * 4)
    measured = run("compare", "--test", rows, "--micro", forged_multi.folder, "--out", tmp_path / "report.json")
    rows.write_text('{"text": "hello", "labels": ["greeting"]}\n')
    refused = run("compare", "--test", rows, "--micro", forged_multi.folder, "--out", tmp_path / "none.json")

    assert (0, 1) == (measured[0], refused[0])
    assert "micro-model: micro_f1" in measured[1]
    assert "'greeting' is none of" in refused[2]
