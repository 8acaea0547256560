"""Exports answer as the adapter does; ONNX carries its labels and takes batches of any shape."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.qwen.artefact import open_artefact
from classifier.qwen.export import export_merged, export_onnx
from classifier.qwen.heads import load_head
from config.errors import ArtefactError
from tests.classifier.qwen.conftest import NO_TORCH, ROWS

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
    return export_onnx(artefact, tmp_path_factory.mktemp("int8") / "small", probes=TEXTS)


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
    assert {"n": 16, "largest_difference": int8.largest_difference, "agreement": int8.agreement} == (
        int8.manifest.metrics["parity_with_adapter"]
    )
    assert sizes[0] < sizes[1] / 2


def test_onnx_head_needs_neither_torch_nor_transformers(onnx):
    """A gateway on a small machine serves it without the large libraries."""
    head = load_head(onnx.folder)

    assert "OnnxHead" == type(head).__name__
    assert head.n_tokens("我要退款") > 3
    assert head.version == onnx.manifest.version


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
