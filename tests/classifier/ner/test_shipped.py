"""The shipped model of entities: it loads, does what its card says, and was forged from the rows that lie here."""

import pytest

from classifier.foundry.blueprint import find_blueprint, shipped_artefacts, shipped_blueprints
from classifier.foundry.corpus import data_hash
from classifier.ner.entitymodel import EntityModel
from classifier.ner.measures import f1_of
from classifier.ner.spans import Span, read_span_rows


@pytest.fixture(scope="module")
def model() -> EntityModel:
    """The shipped model."""
    return EntityModel.load(shipped_artefacts() / "ner_core_entity")


def test_it_gives_the_figure_of_its_card(model) -> None:
    """Read by ONNX Runtime and NumPy alone, the frozen rows give the F1 that the card states."""
    blueprint = find_blueprint(shipped_blueprints(), "ner_core_entity")
    rows = read_span_rows([blueprint.test_file])
    found = [tuple(Span(each.start, each.end, each.type) for each in model.entities(row.text)) for row in rows]

    assert model.card["metrics"]["micro_f1"]["value"] == pytest.approx(f1_of(rows, found), abs=0.01)
    assert model.card["data"]["train_sha256"] == data_hash(blueprint.corpus_files)
    assert model.card["data"]["test_sha256"] == data_hash([blueprint.test_file])
    assert model.card["size"]["gzipped_kib"] <= blueprint.targets.size_kib_gz


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("帮我查下订单DD20231102887，明天要", {("DD20231102887", "identifier"), ("明天", "time")}),
        ("Microsoft charged me $49.99 in London", {("$49.99", "money"), ("London", "place")}),
    ],
)
def test_it_finds_plain_entities_in_both_languages(model, text, entities) -> None:
    """Everyday ones are found, with their types."""
    assert entities <= {(each.text, each.type) for each in model.entities(text)}
