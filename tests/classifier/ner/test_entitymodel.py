from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.artefact import CARD, GOLDEN, MODEL, PREPROC
from classifier.ner import preproc
from classifier.ner.entitymodel import EntityModel
from config.errors import ArtefactError
from tests.classifier.damage import Exploding, sealed

pytestmark = pytest.mark.ml
ODD = ["", " ", "\x00", "😀😀", "שלום עולם", "\ud800", "小王\x00去了北京", "a" * 100_000, "？", "\u202e\u200b", "ﷺ"]


def test_entities_have_places_types_and_a_confidence(forged_entities) -> None:
    """Places count characters of the text as it came, in both languages."""
    model = EntityModel.load(forged_entities.folder)
    for text, name, place in (("is Erin in Rome now", "Erin", "Rome"), ("陈静去了广州", "陈静", "广州")):
        found = model.entities(text)

        assert [(name, "person"), (place, "place")] == [(each.text, each.type) for each in found]
        assert [name, place] == [text[each.start : each.end] for each in found]
        assert all(0 < each.confidence < 1 for each in found)


def test_the_card_tells_what_was_measured(forged_entities) -> None:
    """Figures with intervals, seen and unseen apart, the baseline, the size and the speed."""
    card = forged_entities.card

    assert "sequence" == card["task"]
    assert card["metrics"]["micro_f1"]["low"] <= card["metrics"]["micro_f1"]["value"]
    assert {"en", "zh"} == set(card["metrics"]["languages"])
    assert 0 == card["baseline"]["gazetteer_of_the_training_rows"]["unseen"]["f1"]
    assert card["size"]["gzipped_kib"] < 300
    assert card["latency"]["p50_ms"] > 0
    assert EntityModel.load(forged_entities.folder).version == card["version"]


@pytest.mark.parametrize("text", [*ODD, "小王 called Rome. " * 60_000], ids=range(len(ODD) + 1))
def test_any_text_is_read(forged_entities, text) -> None:
    """Nothing that people send breaks it, and every entity stands where it says."""
    for each in EntityModel.load(forged_entities.folder).entities(text):
        assert text[each.start : each.end] == each.text


@settings(max_examples=80, deadline=None)
@given(text=st.text(max_size=80))
def test_entities_of_any_text_lie_in_order_and_apart(forged_entities, text) -> None:
    """Whatever is read, spans are not empty and do not overlap."""
    ends = [0]
    for each in EntityModel.load(forged_entities.folder).entities(text):
        assert ends[-1] <= each.start < each.end <= len(text)
        ends.append(each.end)


def test_a_wrong_hash_is_refused(entity_artefact) -> None:
    """A model that is not the one of its preprocessor does not serve."""
    (entity_artefact / MODEL).write_bytes((entity_artefact / MODEL).read_bytes() + b" ")
    with pytest.raises(ArtefactError, match=r"model\.onnx.*hash"):
        EntityModel.load(entity_artefact)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"schema_version": 9}, "schema version 9"),
        ({"kind": "labels"}, "kind 'labels'"),
        ({"reader": "other/1"}, "other rules"),
        ({"types": ()}, "no types"),
        ({"types": ("person", "person"), "lexicon": ()}, "names a type twice"),
        ({"types": ("place", "person")}, "in that order"),
        ({"terms": ("a", "a")}, "names a term twice"),
        ({"temperature": 0.0}, "temperature"),
        ({"lexicon": (("dish", "soup"),)}, "lists forms"),
    ],
)
def test_a_preprocessor_that_does_not_fit_is_refused(entity_artefact, changes, fault) -> None:
    """Each refusal names the file and what is wrong."""
    sealed(entity_artefact, preproc, **changes)
    with pytest.raises(ArtefactError, match=fault):
        EntityModel.load(entity_artefact)


def test_a_preprocessor_cut_short_or_without_hash_is_refused(entity_artefact) -> None:
    """Neither half a file nor one without a seal is taken."""
    whole = (entity_artefact / PREPROC).read_bytes()
    for damaged, fault in (
        (whole[: len(whole) // 2], "cut short|no types|no hash|rules|temperature"),
        (b"", "is empty"),
    ):
        (entity_artefact / PREPROC).write_bytes(damaged)
        with pytest.raises(ArtefactError, match=fault):
            EntityModel.load(entity_artefact)


def test_a_pickle_is_never_opened(entity_artefact, tmp_path) -> None:
    """It is refused by its first bytes; nothing runs."""
    trap = tmp_path / "trap"
    (entity_artefact / MODEL).write_bytes(pickle.dumps(Exploding(trap)))
    with pytest.raises(ArtefactError, match="pickle"):
        EntityModel.load(entity_artefact)

    assert not trap.exists()


def test_a_corrupt_model_is_refused(entity_artefact) -> None:
    """Its hash agrees, but it is no ONNX."""
    (entity_artefact / MODEL).write_bytes(b"no model at all")
    sealed(entity_artefact, preproc)
    with pytest.raises(ArtefactError, match="no ONNX model"):
        EntityModel.load(entity_artefact)


def _graph(entity_artefact: Path, change) -> None:
    model = onnx.load(entity_artefact / MODEL)
    change(model)
    onnx.save(model, entity_artefact / MODEL)
    sealed(entity_artefact, preproc)


def _renamed_input(model) -> None:
    model.graph.input[0].name = "other"
    model.graph.node[0].input[1] = "other"


def _other_tags(model) -> None:
    model.metadata_props[0].value = "0" * 64


def _no_chain(model) -> None:
    del model.graph.output[1]


def _odd_chain(model) -> None:
    weights = next(each for each in model.graph.initializer if each.name == "chain_weights")
    weights.CopyFrom(onnx.numpy_helper.from_array(np.full((7, 5), np.nan, np.float32), "chain_weights"))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_renamed_input, "does not take the input"),
        (_other_tags, "labels are not those"),
        (_no_chain, "does not give one emission"),
        (_odd_chain, "does not hold a chain"),
    ],
)
def test_a_graph_of_another_kind_is_refused(entity_artefact, change, fault) -> None:
    """Inputs, tags, outputs and the chain are checked before the first text."""
    _graph(entity_artefact, change)
    with pytest.raises(ArtefactError, match=fault):
        EntityModel.load(entity_artefact)


@pytest.mark.parametrize(
    ("cases", "fault"),
    [
        ([], "no golden vectors"),
        ([{"text": "Anna"}], "without text, tags or sums"),
        ([{"text": "Anna", "tags": ["O"], "sums": [0.0]}], "golden tags of 'Anna'"),
        ([{"text": "Anna", "tags": [], "sums": []}], "golden tags of 'Anna'"),
    ],
)
def test_golden_vectors_that_do_not_hold_are_refused(entity_artefact, cases, fault) -> None:
    """A library that computes otherwise is found out before it serves."""
    (entity_artefact / GOLDEN).write_text(json.dumps({"cases": cases}), "utf-8")
    with pytest.raises(ArtefactError, match=fault):
        EntityModel.load(entity_artefact)


def test_a_card_of_other_types_is_refused(entity_artefact) -> None:
    """The order of types stands in three places that must agree."""
    (entity_artefact / CARD).write_text('{"labels": ["place", "person"]}', "utf-8")
    with pytest.raises(ArtefactError, match="in that order"):
        EntityModel.load(entity_artefact)
