"""Exports answer as the adapter does; ONNX carries its labels and takes batches of any shape."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.qwen.artefact import open_artefact
from classifier.qwen.export import agreements, export_merged, export_onnx
from classifier.qwen.heads import load_head
from classifier.qwen.probes import probes_of, spread
from classifier.qwen.rows import read_prompts
from config.errors import ArtefactError
from tests.classifier.qwen.conftest import NO_TORCH, ROWS, write_rows

pytest.importorskip("torch", reason=NO_TORCH)
pytest.importorskip("onnx", reason="onnx is not installed here: `make test-ml` installs the extra `ml`")
pytestmark = pytest.mark.ml

TEXTS = [text for text, _ in ROWS]


@pytest.fixture(scope="module")
def onnx(artefact, tmp_path_factory):
    """The exact ONNX of the trained head; nobody may change it."""
    return export_onnx(artefact, tmp_path_factory.mktemp("onnx") / "exact", int8=False)


@pytest.fixture(scope="module")
def int8(artefact, tmp_path_factory):
    """The ONNX with weights of eight bits; nobody may change it."""
    return export_onnx(artefact, tmp_path_factory.mktemp("int8") / "small")


def test_merged_weights_score_as_base_and_adapter(artefact, tmp_path):
    """Folding the adapter in is arithmetic, not training; the base is needed no more."""
    done = export_merged(artefact, tmp_path / "merged")
    before, after = load_head(artefact, device="cpu"), load_head(done.folder, base="nowhere", device="cpu")

    assert np.allclose(before.logits(TEXTS), after.logits(TEXTS), atol=1e-4)
    assert (before.rule, "merged", 1.0) == (after.rule, done.manifest.kind, done.agreement)
    assert open_artefact(artefact).version == done.manifest.recipe["exported_from"]


@pytest.mark.parametrize("texts", [TEXTS[:1], TEXTS[:5], TEXTS, ["x " * 400, "短"]], ids=len)
def test_onnx_scores_as_the_adapter_for_every_shape(artefact, onnx, texts):
    """Batch and length are free; padding changes nothing."""
    before, after = load_head(artefact, device="cpu"), load_head(onnx.folder, backend="onnx")

    assert np.allclose(before.logits(texts), after.logits(texts), atol=1e-3)


def test_int8_labels_as_the_adapter(int8, onnx):
    """Eight bits cost little; how much is written down, and the file is smaller."""
    sizes = [(made.folder / "head.onnx.data").stat().st_size for made in (int8, onnx)]

    assert int8.agreement >= 0.9
    assert {
        "n": 20,
        "n_validation": 16,
        "largest_difference": int8.largest_difference,
        "agreement": int8.agreement,
        "abstention_agreement": int8.abstention_agreement,
    } == int8.manifest.metrics["parity_with_adapter"]
    assert sizes[0] < sizes[1] / 2


def test_onnx_head_needs_neither_torch_nor_transformers(onnx):
    """A gateway on a small machine serves it without the large libraries."""
    head = load_head(onnx.folder)

    assert "OnnxHead" == type(head).__name__
    assert head.n_tokens("我要退款") > 3
    assert head.version == onnx.manifest.version


def test_probes_are_validation_rows_that_training_left_beside_the_artefact(artefact, int8):
    """Its own only: texts that the artefact was not validated on are passed over."""
    left = read_prompts(artefact.parent / "probes.jsonl")

    assert sorted(TEXTS) == sorted(left)
    assert (20, 16) == (int8.n_probes, int8.n_validation)


def test_probes_of_another_run_are_passed_over(artefact, tmp_path):
    """The folder beside which they lie may hold a later training's."""
    folder = Path(shutil.copytree(artefact, tmp_path / "moved" / "artefact"))
    alone = probes_of(folder, open_artefact(folder))
    write_rows(tmp_path / "moved" / "probes.jsonl", [("bye bye", ["none"]), ("我要退款", ["payment"])])

    assert () == alone
    assert ("我要退款",) == probes_of(folder, open_artefact(folder))


def test_probes_are_spread_over_the_validation_rows_and_bounded():
    """Sixty-four of many, the same each time, none twice."""
    texts = [f"row {at}" for at in range(1000)]
    chosen = spread([*texts, *texts])

    assert 64 == len(set(chosen)) == len(chosen)
    assert (texts[0], chosen) == (chosen[0], spread(texts))
    assert max(int(text.split()[1]) for text in chosen) > 900
    assert ["a", "b"] == spread(["a", "b", "a"])


def test_rows_of_ones_own_are_probed(artefact, tmp_path):
    """Labels and abstentions are compared on them, and how many agree is told apart."""
    done = export_merged(artefact, tmp_path / "merged", probes=["退货", "hello", "x"])

    assert (7, 3, 1.0, 1.0) == (done.n_probes, done.n_validation, done.agreement, done.abstention_agreement)


def test_a_lost_abstention_is_counted(artefact):
    """The label may stay while the confidence falls below the bound."""
    manifest = replace(open_artefact(artefact), abstain_below=0.9)
    sure, unsure = np.full((2, 3), -9.0), np.full((2, 3), -9.0)
    sure[:, 0], unsure[:, 0] = (9.0, 9.0), (9.0, 0.4)

    assert (1.0, 0.5) == agreements(sure, unsure, replace(manifest, temperature=1.0, thresholds=(0.5, 0.5, 0.5)))


def test_export_of_an_export_is_refused(onnx, tmp_path):
    """There is no adapter in it any more."""
    with pytest.raises(ArtefactError, match="only the adapter"):
        export_merged(onnx.folder, tmp_path / "again")


def test_backend_that_does_not_fit_is_told(artefact, onnx):
    """The message says what to use instead."""
    with pytest.raises(ArtefactError, match="--backend auto"):
        load_head(artefact, backend="onnx")
    with pytest.raises(ArtefactError, match="--backend auto"):
        load_head(onnx.folder, backend="transformers")
