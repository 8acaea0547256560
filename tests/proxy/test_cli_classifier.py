"""`thalamus classifier` where the extra `ml` is missing or a folder is wrong, and what it says of what it did."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress

import classifier
from classifier.calibration import NEVER
from classifier.compare import compare, make_report
from classifier.finetune import Step, Trained
from classifier.qwen.artefact import Base, Manifest, seal
from classifier.qwen.contenders import Guess
from classifier.qwen.decision import Rule
from classifier.qwen.export import Exported
from classifier.qwen.rows import read_rows
from classifier.qwen.scores import scores_of
from proxy.cli.classifier_results import (
    BATCH,
    tell_exported,
    tell_guesses,
    tell_measured,
    tell_step,
    tell_trained,
)

LABELS = ("none", "order", "payment")
ROWS = '{"text": "我要退款", "labels": ["payment"]}\n{"text": "where is it", "labels": ["order"]}\n'
MADE = Manifest("head", "adapter", LABELS, Base("base", "00"), 0, 64, metrics={"best_step": 50}, version="abc123")


class Scripted:
    """A head that is sure of `payment` but for a greeting, of which it knows nothing."""

    rule = Rule(LABELS)
    version = "scripted"

    def __init__(self):
        self.batches = []

    def logits(self, texts):
        self.batches.append(len(texts))
        return np.array([[-3.0, -3.0, -3.0 if "hello" in text else 3.0] for text in texts])

    def n_tokens(self, text):
        return len(text)


class Knows:
    """A contender that always says `payment`."""

    name = about = "knows"

    def guess(self, _text):
        return Guess(("payment",), input_tokens=3)


@pytest.fixture
def rows(folder):
    """A file of two labelled rows in the folder."""
    file = folder / "rows.jsonl"
    file.write_text(ROWS, encoding="utf-8")
    return file


@pytest.fixture
def sealed(folder):
    """Seals a folder of a kind whose files hold nothing of use; gives its path."""

    def make(form="head", kind="onnx"):
        made = folder / f"{form}-{kind}"
        made.mkdir()
        names = {"onnx": ("head.onnx", "tokenizer.json"), "merged": ("model.safetensors", "config.json")}[kind]
        for name in names:
            (made / name).write_bytes(b"")
        seal(made, Manifest(form, kind, LABELS, Base(str(folder / "nowhere"), "00"), 0, 64))
        return made

    return make


@pytest.mark.parametrize("form", ["predict", "compare", "train"])
def test_half_a_surrogate_is_read_as_the_models_read_it(run, folder, form):
    """Rows of cut emoji are no reason to stop; what comes next, a missing model, is told."""
    (folder / "odd.jsonl").write_text('{"text": "pay \\ud83d", "labels": ["payment"]}\n', encoding="utf-8")
    words = {
        "predict": ("nowhere", "--input", "odd.jsonl"),
        "compare": ("--test", "odd.jsonl", "--classifier", "nowhere"),
        "train": ("--train", "odd.jsonl", "--base", "nowhere", "--val", "odd.jsonl"),
    }
    code, _, err = run("classifier", form, *words[form])

    assert 1 == code
    assert "odd.jsonl" not in err
    assert "nowhere" in err or "thalamus-proxy[ml]" in err  # training looks for its libraries first


def test_a_row_without_a_label_is_compared_as_none(run, folder, rows):
    """What forging takes is measured too; a model that has no `none` names the line."""
    rows.write_text(ROWS.replace("order", "inventory") + '\n{"text": "hello there", "labels": []}\n', encoding="utf-8")
    micro = str(Path(classifier.__file__).parent / "artefacts" / "intent")
    done = run("classifier", "compare", "--test", str(rows), "--micro", micro, "--out", "r.json", "--json")
    files = ("--train", str(rows), "--val", str(rows))
    lost = run("classifier", "train", *files, "--base", "nowhere", "--labels", "payment,inventory")

    assert (0, 3) == (done[0], json.loads(done[1])["test"]["n"])
    assert 1 == lost[0]
    assert "rows.jsonl:4: label 'none', which an empty list means, is none of payment, inventory" in lost[2]


@pytest.mark.parametrize("number", [("--lr", "0"), ("--lr", "-1")])
def test_a_learning_rate_that_makes_no_sense_is_one_sentence(run, rows, number):
    """Nothing is loaded for it."""
    code, _, err = run("classifier", "train", "--base", "x", "--train", str(rows), *number)

    assert 1 == code
    assert "learning_rate must be above 0" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("words", [(), ("--kind", "merged"), ("--kind", "onnx")])
def test_every_kind_of_export_names_the_folder_that_is_none(run, folder, words):
    """Nothing is written."""
    code, _, err = run("classifier", "export", "nowhere", "out", *words)

    assert 1 == code
    assert "no trained classifier" in err
    assert not (folder / "out").exists()


def test_a_classifier_without_the_extra_says_what_to_install(run, sealed, rows, monkeypatch):
    """A text, a file of rows and a comparison end in the same sentence."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    made = str(sealed())
    told = [
        run("classifier", "predict", made, "hello"),
        run("classifier", "predict", made, "--input", str(rows)),
        run("classifier", "compare", "--test", str(rows), "--classifier", made),
    ]

    for code, out, err in told:
        assert (1, "") == (code, out)
        assert "tokenizers is not installed; add it with: pip install 'thalamus-proxy[ml]'." in err


def test_lines_of_standard_input_are_read_before_the_classifier(run, monkeypatch):
    """`-` waits for lines; a folder that is none is then told."""
    monkeypatch.setattr("sys.stdin", io.StringIO("我要退款\n"))
    code, _, err = run("classifier", "predict", "nowhere", "-")

    assert 1 == code
    assert "no trained classifier" in err


def test_a_base_and_a_baseline_that_are_none_are_named(run, folder, sealed, rows):
    """Each contender's own folder is told, and a head is no baseline."""
    (folder / "empty").mkdir()
    base = run("classifier", "compare", "--test", str(rows), "--base", "empty")
    head = run("classifier", "compare", "--test", str(rows), "--generative", str(sealed()))
    lost = run("classifier", "compare", "--test", str(rows), "--generative", "nowhere")

    assert (1, 1, 1) == (base[0], head[0], lost[0])
    assert "the model's configuration is missing" in base[2]
    assert "not the generative baseline" in head[2]
    assert "no trained classifier" in lost[2]


def test_pure_comparison_takes_no_other_contender(run, rows):
    """An Ollama that was named is not asked, and nobody is left."""
    code, _, err = run(
        "classifier", "compare", "--test", str(rows), "--pure", "--ollama", "x", "--ollama-url", "http://127.0.0.1:1"
    )

    assert 1 == code
    assert "nobody to measure" in err


def test_progress_of_a_training_moves_one_bar(capsys):
    """Steps are told on the bar alone; an evaluation is noted besides."""
    scores = scores_of([["payment"]], [["payment"]], LABELS)
    with Progress(console=Console(file=io.StringIO())) as bars:
        tell_step(bars, Step(1, 4, 0.9))
        tell_step(bars, Step(2, 4, 0.5, val_loss=0.4, scores=scores))
        (task,) = bars.tasks

    said = capsys.readouterr()
    assert (2, 4, "training, loss 0.500") == (task.completed, task.total, task.description)
    assert ("", "step 2: validation loss 0.400, micro-F1 1.000, exact 1.000\n") == (said.out, said.err)


def test_training_says_where_artefacts_are(capsys):
    """The new one, the one before it where there was one, and all of it as JSON."""
    first = Trained(Path("intent/artefact"), MADE, 12, 0.9, 0.1, None)
    tell_trained(first, as_json=False)
    tell_trained(Trained(first.folder, MADE, 12, 0.9, 0.1, Path("intent/artefact-old")), as_json=False)
    tell_trained(first, as_json=True)
    *words, told = capsys.readouterr().out.splitlines()

    wrote = "Wrote intent/artefact, version abc123, after 12 steps."
    assert [wrote, wrote, "The artefact before it is intent/artefact-old."] == words
    assert {
        "folder": "intent/artefact",
        "version": "abc123",
        "metrics": {"best_step": 50},
        "answers_never": False,
        "warning": "",
    } == json.loads(told)


def test_a_head_that_can_never_answer_is_told_by_every_verb(capsys):
    """Training says why and the mend; export and predict remark it, and the guesses are still there."""
    operating = {"target": 0.97, "threshold": NEVER, "coverage": 0.0, "accuracy": 0.0, "accuracy_low": 0.0, "n": 16}
    silent = replace(MADE, abstain_below=NEVER, metrics={"operating_point": operating})
    head = Scripted()
    head.rule = Rule(LABELS, abstain_below=NEVER)
    tell_trained(Trained(Path("a"), silent, 12, 0.9, 0.1, None), as_json=False)
    tell_trained(Trained(Path("a"), silent, 12, 0.9, 0.1, None), as_json=True)
    trained = capsys.readouterr().out.splitlines()
    tell_exported(Exported(Path("b"), silent, 0.0, 1.0, 1.0, n_probes=4, n_validation=0), as_json=False)
    tell_guesses(head, ["退款"], as_json=False)
    said = capsys.readouterr()

    assert trained[1].startswith("It will abstain on every request: on the 16 held-out rows no threshold left answers")
    assert json.loads(trained[2])["answers_never"]
    assert 2 == said.err.count("It abstains on every request")
    assert "payment (unsure)" in said.out


def test_what_the_threshold_gave_is_told(capsys):
    """Coverage and accuracy on the held-out rows, and that they are too few for the aim."""
    operating = {"target": 0.97, "threshold": 0.4, "coverage": 0.5, "accuracy": 1.0, "accuracy_low": 0.8, "n": 30}
    made = replace(MADE, abstain_below=0.4, metrics={"operating_point": operating})
    tell_trained(Trained(Path("a"), made, 12, 0.9, 0.1, None), as_json=False)
    _, kept, warning = capsys.readouterr().out.splitlines()

    assert "On the 30 held-out rows it answers 50.0 %, of which 100.0 % were right." == kept
    assert "give 99 or more held-out rows with --val" in warning


def test_export_says_how_far_it_is_from_the_original(capsys):
    """In a sentence and as JSON."""
    done = Exported(Path("int8"), MADE, 0.0123, 0.975, abstention_agreement=0.95, n_probes=40, n_validation=36)
    tell_exported(done, as_json=False)
    tell_exported(done, as_json=True)
    words, told = capsys.readouterr().out.splitlines()

    assert (
        "Wrote int8, version abc123: of 40 probes, 36 of them validation rows, labels agree on 97.5 % and "
        "abstention on 95.0 %; scores differ by at most 0.012." == words
    )
    assert {
        "folder": "int8",
        "version": "abc123",
        "largest_difference": 0.0123,
        "agreement": 0.975,
        "abstention_agreement": 0.95,
        "n_probes": 40,
        "n_validation": 36,
    } == json.loads(told)


def test_texts_are_guessed_some_at_a_time(capsys):
    """Each text has its line, in order; where no label is reached, and for spaces, the guess is marked."""
    head, texts = Scripted(), ["我要退款", *["hello"] * BATCH, " 退"]
    tell_guesses(head, texts, as_json=False)
    tell_guesses(head, ["  ", "退款"], as_json=True)
    tell_guesses(head, [], as_json=True)
    lines = capsys.readouterr().out.splitlines()
    spaces, payment = (json.loads(line) for line in lines[-2:])

    assert [BATCH, 2, 2] == head.batches
    assert len(texts) + 2 == len(lines)
    assert lines[0].startswith("payment  confidence 0.86, ")
    assert " (unsure)  confidence" in lines[1]
    assert lines[len(texts) - 1].startswith("payment  ")
    assert (True, False) == (spaces["abstained"], payment["abstained"])
    assert 0.0 == spaces["confidence"]
    assert (["payment"], "qwen3") == (payment["intents"], payment["source"])


def test_measurement_says_how_each_did(capsys, rows):
    """A line each and where the report is; as JSON the report itself."""
    found = read_rows(rows)
    measured = compare(found, LABELS, [Knows()])
    report = make_report(measured, found, LABELS, file=rows, recipes={}, left_out={}, setting={})
    tell_measured(measured, report, written=(Path("r.json"), Path("r.md")), as_json=False)
    tell_measured(measured, report, written=(Path("r.json"), Path("r.md")), as_json=True)
    line, wrote, told = capsys.readouterr().out.splitlines()

    assert line.startswith("knows: micro_f1 0.500, exact 0.500, recall 0.500; answers 100%; p50 ")
    assert "Wrote r.json and r.md." == wrote
    assert ["knows"] == [each["name"] for each in json.loads(told)["contenders"]]
