"""`thalamus classifier` with PyTorch, on a tiny Qwen3: what one verb writes, the next one reads."""

from __future__ import annotations

import io
import json

import pytest

from proxy.cli import main
from tests.classifier.qwen.conftest import NO_TORCH, ROWS, write_rows

pytest.importorskip("torch", reason=NO_TORCH)
pytest.importorskip("onnx", reason="onnx is not installed here: `make test-ml` installs the extra `ml`")
pytestmark = pytest.mark.ml


@pytest.fixture
def run(capsys):
    """Run one command; gives exit code, stdout and stderr."""

    def go(*words):
        code = main(["classifier", *map(str, words)])
        out = capsys.readouterr()
        return code, out.out, out.err

    return go


def test_train_export_predict_and_compare_fit_together(run, tiny_base, rows_file, tmp_path):
    """What one verb writes, the next one reads."""
    out = tmp_path / "intent"
    trained = run(
        "train", "--base", tiny_base, "--train", rows_file, "--val", rows_file, "--out", out,
        "--epochs", 20, "--lr", 0.01, "--device", "cpu", "--threads", 1, "--every", 50,
    )  # fmt: skip
    again = run(
        "train", "--base", tiny_base, "--train", rows_file, "--val", rows_file, "--out", out,
        "--epochs", 1, "--device", "cpu", "--json", "--labels", "payment, order, none",
    )  # fmt: skip
    exported = run("export", min(tmp_path.glob("intent/artefact-*")), tmp_path / "int8", "--val", rows_file)
    predicted = run("predict", tmp_path / "int8", "--input", rows_file, "--json")
    compared = run(
        "compare", "--test", rows_file, "--classifier", tmp_path / "int8", "--base", tiny_base, "--pure",
        "--device", "cpu", "--out", tmp_path / "report.json",
    )  # fmt: skip
    lines = [json.loads(line) for line in predicted[1].splitlines()]

    assert [0] * 5 == [trained[0], again[0], exported[0], predicted[0], compared[0]]
    assert "version" in trained[1]
    assert "step 50: validation loss" in trained[2]
    assert {"folder", "version", "metrics", "answers_never", "warning"} == json.loads(again[1]).keys()
    assert "of 20 probes, 16 of them validation rows, labels agree on 100.0 %" in exported[1]
    assert [set(labels) for _, labels in ROWS] == [set(line["intents"]) for line in lines]
    assert {"intents", "confidence", "abstained", "source", "ms"} == lines[0].keys()
    assert "fine-tuned: micro_f1 1.000" in compared[1]
    assert "pretrained" in (tmp_path / "report.md").read_text()


def test_second_training_tells_where_the_first_went(run, tiny_base, rows_file, tmp_path):
    """Nothing that was trained is lost."""
    words = ("train", "--base", tiny_base, "--train", rows_file, "--out", tmp_path, "--epochs", 1, "--device", "cpu")
    run(*words)
    code, out, _ = run(*words, "--seed", 1)

    assert 0 == code
    assert "The artefact before it is" in out


def test_a_head_that_learnt_nothing_is_not_handed_over_in_silence(run, tiny_base, rows_file, tmp_path):
    """No guess is right on held-out rows that contradict themselves: it will never answer, and all verbs say so."""
    val = write_rows(tmp_path / "val.jsonl", [(text, ["order", "payment", "none"]) for text, _ in ROWS])
    out = tmp_path / "intent"
    code, said, _ = run(
        "train", "--base", tiny_base, "--train", rows_file, "--val", val, "--out", out, "--epochs", 1, "--device", "cpu"
    )
    predicted = run("predict", out / "artefact", "我要退款", "--device", "cpu")
    compared = run(
        "compare",
        "--test",
        rows_file,
        "--classifier",
        out / "artefact",
        "--device",
        "cpu",
        "--out",
        tmp_path / "r.json",
    )

    assert (0, 0, 0) == (code, predicted[0], compared[0])
    assert "It will abstain on every request: on the 16 held-out rows" in said
    assert "It abstains on every request" in predicted[2]
    assert "fine-tuned, when it was trained: It will abstain on every request" in compared[2]
    assert "fine-tuned answered none of the 16 rows" in compared[2]


def test_merged_export_as_json(run, artefact, tmp_path):
    """Programs read the versions."""
    code, out, _ = run("export", artefact, tmp_path / "merged", "--kind", "merged", "--json")

    assert 0 == code
    assert 1.0 == json.loads(out)["agreement"]


def test_predict_reads_lines_of_standard_input(run, artefact, monkeypatch):
    """`-` is standard input; an empty line is an abstention."""
    monkeypatch.setattr("sys.stdin", io.StringIO("我要退款\n \n"))
    code, out, _ = run("predict", artefact, "-", "--device", "cpu")
    lines = out.splitlines()

    assert 0 == code
    assert lines[0].startswith("payment")
    assert "(unsure)" in lines[1]


def test_device_that_is_not_here_is_one_sentence(run, artefact, tiny_base, rows_file, tmp_path):
    """A number or a device that cannot be is no traceback."""
    code, _, err = run("predict", artefact, "x", "--device", "abacus")

    assert (1, True) == (code, "'abacus' is not here" in err)


def test_everybody_is_measured_on_one_file(run, tiny_base, artefact, rows_file, forged_multi, tmp_path):
    """Pretrained, fine-tuned, baseline, micro-model and hybrid stand in one report."""
    run(
        "train", "--base", tiny_base, "--train", rows_file, "--out", tmp_path, "--form", "generative",
        "--epochs", 1, "--device", "cpu",
    )  # fmt: skip
    code, out, _ = run(
        "compare", "--test", rows_file, "--classifier", artefact, "--base", tiny_base, "--micro", forged_multi.folder,
        "--generative", tmp_path / "artefact", "--device", "cpu", "--out", tmp_path / "report.json", "--json",
    )  # fmt: skip
    report = json.loads(out)
    names = [each["name"] for each in report["contenders"]]

    assert 0 == code
    assert ["pretrained", "fine-tuned", "generative", "micro-model", "hybrid"] == names
    assert {"ollama"} == set(report["left_out"])
    assert {"train": 16, "validation": 16} == report["test"]["seen_rows"]["fine-tuned"]
    assert 16 == sum(report["test"]["seen_rows"]["generative"].values())
    assert {"micro-model"} == set(report["test"]["not_checked"])
    assert "fine-tuned: train_sha256" in report["test"]["seen_in_training"]
