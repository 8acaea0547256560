from __future__ import annotations

import json

import pytest

from classifier.foundry.blueprint import find_blueprint, list_blueprints, read_blueprint, shipped_blueprints
from classifier.foundry.orders import order_of, own_order
from config.errors import CorpusError
from tests.classifier.small_corpus import single_rows, written

GOOD = """
name = "small"
task = "single"
languages = ["zh", "en"]
labels = ["payment", "inventory", "none"]
"""


@pytest.fixture
def folder(tmp_path):
    """A blueprint with a corpus."""
    home = tmp_path / "blueprints" / "small"
    (home / "corpus").mkdir(parents=True)
    (home / "blueprint.toml").write_text(GOOD, "utf-8")
    written(home / "corpus" / "a.jsonl", single_rows()[::2], keys=("text", "labels"))
    return home


def test_every_shipped_blueprint_can_be_read() -> None:
    """A folder below blueprints/ is all that a new model needs."""
    found = list_blueprints(shipped_blueprints())

    assert "intent" in {each.name for each in found}
    assert all(each.constitution for each in found if each.test_file.is_file())


def test_a_blueprint_says_what_it_does_not_leave_out(folder) -> None:
    """What the file does not say has a default."""
    blueprint = read_blueprint(folder)

    assert ("small", "single", "tfidf_linear") == (blueprint.name, blueprint.task, blueprint.trainer)
    assert (0.99, 300.0) == (blueprint.targets.selective_accuracy, blueprint.targets.size_kib_gz)
    assert ("", 5) == (blueprint.constitution, len(blueprint.seeds))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("task =", "is no TOML"),
        (GOOD + 'trainr = "x"', "unknown key 'trainr'; did you mean 'trainer'"),
        (GOOD + "[features]\nmax = 1", "unknown key 'max'"),
        (GOOD + "features = 1", "features must be a table"),
        (GOOD + 'trainer = "gpt"', "trainer must be one of tfidf_linear, bilstm_crf"),
        (GOOD + "about = 1", "about must be a text"),
        (GOOD + "seeds = []", "seeds must be a list of numbers"),
        (GOOD + "[targets]\np50_ms = 0", "p50_ms must be a number above 0"),
        (GOOD + "[features]\nedges = 1", "edges must be true or false"),
        (GOOD.replace('"payment", ', '"none", '), "labels must be a list of different texts"),
        (GOOD.replace('["zh", "en"]', "[]"), "languages must be a list"),
        (GOOD.replace('"single"', '"double"'), "task must be one of"),
    ],
)
def test_a_wrong_blueprint_names_its_file_and_key(folder, text, says) -> None:
    """The message says what to mend."""
    (folder / "blueprint.toml").write_text(text, "utf-8")

    with pytest.raises(CorpusError, match=rf"blueprint\.toml: {says}"):
        read_blueprint(folder)


def test_an_unknown_name_is_told_the_nearest(folder) -> None:
    """A slip of the finger is understood."""
    assert "small" == find_blueprint(folder.parent, "small").name
    with pytest.raises(CorpusError, match="no blueprint 'smal'; did you mean 'small'"):
        find_blueprint(folder.parent, "smal")
    with pytest.raises(CorpusError, match="known are small"):
        find_blueprint(folder.parent, "zzz")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_blueprint(folder.parent)


def test_an_order_holds_the_refined_rows_and_the_hashes(folder) -> None:
    """Held-out rows and their near-copies are kept out of training."""
    written(folder / "test.jsonl", single_rows()[1::6])
    written(folder / "raw.jsonl", single_rows()[:1])
    order, refined = order_of(read_blueprint(folder))

    assert {"train_sha256", "test_sha256"} == set(order.sources)
    assert len(order.train) + len(refined.dropped) == len(single_rows()[::2]) + 1
    assert 1 <= order.dropped["the same text again"]
    assert len(order.test) == len(single_rows()[1::6])


def test_a_blueprint_of_another_trainer_is_no_linear_order(folder) -> None:
    """Each trainer reads its own rows."""
    (folder / "blueprint.toml").write_text(GOOD + 'trainer = "bilstm_crf"', "utf-8")

    with pytest.raises(CorpusError, match="the trainer bilstm_crf takes no order"):
        order_of(read_blueprint(folder))


def test_a_blueprint_without_rows_says_so(folder) -> None:
    """The mend is to write or to generate some."""
    (folder / "corpus" / "a.jsonl").unlink()

    with pytest.raises(CorpusError, match="write some or generate them"):
        order_of(read_blueprint(folder))


def test_own_validation_rows_with_foreign_labels_are_left_out_and_counted(tmp_path) -> None:
    """Nobody can find a label that the training rows do not have."""
    train = written(tmp_path / "a.jsonl", single_rows())
    lines = '{"text": "a", "intents": ["none"]}\n{"text": "b", "intents": ["x"]}\n{"text": "c", "intents": []}\n'
    (tmp_path / "b.jsonl").write_text(lines, "utf-8")
    order, _ = own_order(train, tmp_path / "b.jsonl", name="own", task="single", seeds=(1,))

    assert ["a"] == [row.text for row in order.validation]
    assert {
        "validation rows with labels that the training rows do not have": 1,
        "validation rows without a label": 1,
    } == order.dropped
    written(tmp_path / "one.jsonl", single_rows()[:5])
    with pytest.raises(CorpusError, match=r"its rows carry only the label .payment.; give rows of two or more"):
        own_order(tmp_path / "one.jsonl", tmp_path / "b.jsonl", name="own", task="single", seeds=(1,))


def test_a_blueprint_of_entities_is_no_order_for_a_linear_model(folder) -> None:
    """Its rows carry places, not labels."""
    (folder / "blueprint.toml").write_text(GOOD + 'trainer = "bilstm_crf"', "utf-8")

    with pytest.raises(CorpusError, match="the trainer bilstm_crf takes no order for a linear model"):
        order_of(read_blueprint(folder))


def test_a_blueprint_without_held_out_rows_or_with_generated_ones_is_ordered(folder, tmp_path) -> None:
    """Generated and harvested rows stand beside the corpus; without a test the card tells of what was learnt from."""
    more = written(tmp_path / "more.jsonl", single_rows()[1:4:2])
    written(folder / "raw.jsonl", single_rows()[5:8:2])
    order, refined = order_of(read_blueprint(folder), more=(more,))
    held_out = {row.text for row in (*single_rows()[1:4:2], *single_rows()[5:8:2])}

    assert () == order.test
    assert {"train_sha256"} == set(order.sources)
    assert held_out <= {row.text for row in refined.rows}


@pytest.mark.parametrize(
    ("train", "validation", "says"),
    [
        ("", "x", r"a\.jsonl: holds no row; a row looks like"),
        ("x", "", r"b\.jsonl: holds no row"),
        ("[]", "x", r"a\.jsonl: its rows carry no label"),
        ("xy", "z", r"b\.jsonl: no row carries the labels of the training rows: x, y"),
        ("xy", "[]", r"b\.jsonl: no row carries the labels"),
    ],
)
def test_own_rows_that_teach_nothing_are_named_by_their_file(tmp_path, train, validation, says) -> None:
    """A letter is a row of this label, brackets one without any."""
    for name, letters in (("a", train), ("b", validation)):
        labels = [[]] if letters == "[]" else [[each] for each in letters]
        lines = (json.dumps({"text": f"t {each}", "labels": each}) + "\n" for each in labels)
        (tmp_path / f"{name}.jsonl").write_text("".join(lines), "utf-8")

    with pytest.raises(CorpusError, match=says):
        own_order(tmp_path / "a.jsonl", tmp_path / "b.jsonl", name="own", task="single", seeds=(1,))
