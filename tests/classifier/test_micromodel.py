from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import classifier
from classifier.artefact import CARD, GOLDEN, MODEL, PREPROC
from classifier.foundry.export import onnx_bytes
from classifier.micromodel import MicroModel, ServedModel
from config.errors import ArtefactError
from tests.classifier.damage import Exploding, sealed

ARTEFACTS = Path(classifier.__file__).parent / "artefacts"
ODD = ["", " ", "\x00", "😀😀", "שלום עולם", "\ud800", "支付pay退款refund", "a" * 100_000, "？", "\u202e\u200b"]


def test_a_model_says_labels_probabilities_and_confidence(forged_single) -> None:
    """A text like the training rows gets its label; the probabilities sum to 1 and name every label."""
    model = MicroModel.load(forged_single.folder)
    found = model.predict("退款给我 上个月的")

    assert ("payment",) == found.labels
    assert {"payment", "inventory", "none"} == set(found.probabilities)
    assert 1.0 == pytest.approx(sum(found.probabilities.values()))
    assert 0 < found.confidence <= 1
    assert found.ms > 0
    assert ("small", 12, forged_single.card["version"]) == (model.name, len(model.version), model.version)
    assert ("inventory", "none", "payment") == model.labels


def test_a_multi_label_model_finds_several(forged_multi) -> None:
    """Two wishes in one sentence are two labels."""
    model = MicroModel.load(forged_multi.folder)

    assert {"payment", "inventory"} == set(model.predict("pay the invoice, stock of red shoes").labels)
    assert ("none",) == model.predict("tell me a joke friend").labels


@pytest.mark.parametrize("text", ODD)
def test_any_text_gets_an_answer_or_an_abstention(forged_single, forged_multi, text) -> None:
    """Empty, huge, strange and broken texts are read like any other."""
    for forged in (forged_single, forged_multi):
        found = MicroModel.load(forged.folder).predict(text)

        assert 0 <= found.confidence <= 1
        assert all(0 <= p <= 1 for p in found.probabilities.values())


@given(text=st.text())
@settings(max_examples=60, deadline=None)
def test_the_graph_gives_what_numpy_gives(forged_single, text) -> None:
    """ONNX Runtime and a product in NumPy agree on every text."""
    model = MicroModel.load(forged_single.folder)
    numbers, values = model._vectoriser.features(text)
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in graph(forged_single.folder).initializer}
    expected = values @ arrays["W"][numbers].astype(np.float32) * arrays["scale"] + arrays["bias"]

    assert expected == pytest.approx(model.scores(text), abs=1e-5)


def graph(folder: Path) -> onnx.GraphProto:
    return onnx.load_from_string((folder / MODEL).read_bytes()).graph


def test_a_strange_text_is_not_answered(forged_single) -> None:
    """Words that no training row had leave the model unsure."""
    model = MicroModel.load(forged_single.folder)
    known, strange = model.predict("退款给我 马上"), model.predict("xylophone quartz zugzwang")

    assert strange.confidence < known.confidence


@pytest.mark.parametrize("name", ["complexity", "sentiment", "domain", "risk", "intent"])
@pytest.mark.parametrize("text", ["", " \n", "\U0001f9ff", "\u05e9\u05dc\u05d5\u05dd"])
def test_what_holds_no_known_term_is_not_answered(name, text) -> None:
    """Nothing was read; a bias alone must not be told as an answer, nor be sure of anything."""
    found = MicroModel.load(ARTEFACTS / name).predict(text)

    assert (True, 0.0) == (found.abstained, found.confidence)


@pytest.mark.parametrize("name", [MODEL, PREPROC, CARD, GOLDEN])
def test_a_missing_file_is_named(artefact, name) -> None:
    """The message says which file is missing and what helps."""
    (artefact / name).unlink()

    with pytest.raises(ArtefactError, match="forge it anew") as caught:
        MicroModel.load(artefact)
    assert str(artefact / name) in str(caught.value)


@pytest.mark.parametrize("name", [MODEL, PREPROC, CARD, GOLDEN])
def test_a_pickle_is_refused_and_nothing_in_it_runs(artefact, tmp_path, name) -> None:
    """Whatever file a pickle stands in for, it is not opened."""
    marker = tmp_path / "ran"
    (artefact / name).write_bytes(pickle.dumps(Exploding(marker)))

    with pytest.raises(ArtefactError, match="never opened"):
        MicroModel.load(artefact)
    assert not marker.exists()


def test_a_changed_model_is_refused_by_its_hash(artefact) -> None:
    """One byte more in the model is another model."""
    (artefact / MODEL).write_bytes((artefact / MODEL).read_bytes() + b"\x00")

    with pytest.raises(ArtefactError, match=r"model\.onnx: its hash is not the one that preproc\.bin names"):
        MicroModel.load(artefact)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" * 50])
def test_a_corrupt_graph_with_a_right_hash_is_refused(artefact, content) -> None:
    """A hash that agrees does not make a model."""
    (artefact / MODEL).write_bytes(content)
    sealed(artefact)

    with pytest.raises(ArtefactError, match=r"model\.onnx"):
        MicroModel.load(artefact)


def test_labels_in_another_order_are_refused(artefact) -> None:
    """Neither the card nor the graph may name the labels otherwise than the preprocessor."""
    labels = ("payment", "none", "inventory")
    sealed(artefact, labels=labels)
    with pytest.raises(ArtefactError, match=r"card\.json: its labels"):
        MicroModel.load(artefact)
    (artefact / CARD).write_text(json.dumps({"labels": list(labels)}), "utf-8")

    with pytest.raises(ArtefactError, match=r"model\.onnx: its labels"):
        MicroModel.load(artefact)


def test_another_schema_is_refused(artefact) -> None:
    """An artefact of a later program says so."""
    sealed(artefact, schema_version=9)

    with pytest.raises(ArtefactError, match=r"preproc\.bin: has schema version 9"):
        MicroModel.load(artefact)


def test_a_graph_with_other_inputs_or_outputs_is_refused(artefact, forged_multi) -> None:
    """Only the graph that the foundry writes is run."""
    file = onnx.load_from_string((artefact / MODEL).read_bytes())
    file.graph.input[0].name = "j"
    file.graph.node[0].input[1] = "j"
    (artefact / MODEL).write_bytes(file.SerializeToString())
    sealed(artefact)
    with pytest.raises(ArtefactError, match="the inputs i and v"):
        MicroModel.load(artefact)
    narrow = type("Narrow", (), {})
    narrow.weights, narrow.scale, narrow.bias = np.zeros((9, 2), np.int8), np.ones(2, "f4"), np.zeros(2, "f4")
    two = onnx.load_from_string(onnx_bytes(narrow, ("inventory", "none", "payment")))
    two.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2
    (artefact / MODEL).write_bytes(two.SerializeToString())
    sealed(artefact)

    with pytest.raises(ArtefactError, match="one score for each of 3 labels"):
        MicroModel.load(artefact)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", "is no JSON object"),
        ("{", "is no JSON"),
        ('{"cases": []}', "holds no golden vectors"),
        ('{"cases": [{"text": "a"}]}', "without text or scores"),
        ('{"cases": [{"text": "a", "scores": [9, 9, 9]}]}', "does not give the golden scores of 'a'"),
    ],
)
def test_golden_vectors_must_come_out(artefact, content, says) -> None:
    """A library that reads text otherwise is noticed before it answers anybody."""
    (artefact / GOLDEN).write_text(content, "utf-8")

    with pytest.raises(ArtefactError, match=says):
        MicroModel.load(artefact)


def test_a_file_beyond_all_measure_is_not_read(artefact) -> None:
    """A size that no model of ours has is refused before it fills the memory."""
    with (artefact / MODEL).open("wb") as file:
        file.truncate(65 * 1024 * 1024)

    with pytest.raises(ArtefactError, match="bytes long, more than"):
        MicroModel.load(artefact)


def test_the_old_model_keeps_serving_when_the_new_one_is_broken(artefact, forged_single, forged_multi) -> None:
    """A refused artefact changes nothing; a good one takes its place in one step."""
    served = ServedModel(MicroModel.load(forged_single.folder))
    old = served.current
    (artefact / MODEL).write_bytes(b"broken")
    with pytest.raises(ArtefactError):
        served.replace(artefact)

    assert old is served.current
    assert ("payment",) == served.current.predict("退款给我").labels
    assert old is served.replace(forged_multi.folder)
    assert "multi" == served.current.preproc.task
