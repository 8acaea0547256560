from __future__ import annotations

import json
from dataclasses import replace

import pytest

from classifier.foundry.blueprint import read_blueprint
from classifier.ner.spans import marked, write_span_rows
from config.errors import CorpusError

pytest.importorskip("torch", reason="of the extra ml")

from classifier.ner.bench import bench, main, split  # after the skip
from classifier.ner.forging import forge_entities, recipe_of, refined
from classifier.ner.training import Recipe, train
from tests.classifier.ner.conftest import small_rows

pytestmark = pytest.mark.ml
TINY = Recipe(max_terms=200, min_rows=1, width=8, hidden=8, epochs=2, max_rows=12, patience=1)


class Counted:
    """Remembers the steps it was told."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def begin(self, what: str, total: int) -> None:  # noqa: ARG002  # the protocol gives them
        """Begin a step."""
        self.steps.append(0)

    def advance(self) -> None:
        """Count a part."""
        self.steps[-1] += 1


@pytest.mark.parametrize(
    ("training", "fault"),
    [({"epoch": 3}, "unknown key 'epoch'"), ({"epochs": "many"}, "a number"), ({"hidden": -1}, "a number")],
)
def test_a_recipe_that_cannot_be_read_is_refused(small_blueprint, training, fault) -> None:
    """The message names the key."""
    with pytest.raises(CorpusError, match=fault):
        recipe_of(replace(read_blueprint(small_blueprint), training=training))


def test_rows_that_teach_nothing_are_dropped_for_a_reason() -> None:
    """Empty ones, unknown types, repeats, near-copies, also of held-out rows."""
    rows = [
        marked("please ask [Anna|person] about the invoice of last week"),
        marked("please ask [Anna|person] about the invoice of last week!"),
        marked("[soup|dish]"),
        marked(" "),
        marked("the long row that was held out of the training part"),
    ]
    kept, dropped = refined(
        [*rows, rows[0]], ["person"], held_out=[marked("the long row that was held out of the training part.")]
    )

    assert rows[:1] == list(kept)
    assert {
        "the same text again",
        "unknown type",
        "empty text",
        "near-copy of another text",
        "near-copy of a held-out text",
    } == set(dropped)


def test_too_few_rows_are_refused(small_blueprint, tmp_path) -> None:
    """Without a row to validate on nothing is forged."""
    (tmp_path / "corpus").mkdir()
    write_span_rows(tmp_path / "corpus" / "a.jsonl", small_rows()[:1])
    with pytest.raises(CorpusError, match="too few rows"):
        forge_entities(replace(read_blueprint(small_blueprint), folder=tmp_path), tmp_path / "out")


def test_the_same_seed_gives_the_same_tagger_within_the_cap() -> None:
    """Epochs and rows are capped, training ends early where nothing gets better, and nothing is left to chance."""
    rows, progress = small_rows(), Counted()
    first = train(rows, rows[:8], ["person", "place"], TINY, progress)
    again = train(rows, rows[:8], ["person", "place"], TINY, Counted())

    assert first.vocabulary == again.vocabulary
    assert first.golden(["call Anna", ""]) == again.golden(["call Anna", ""])
    assert [first.epochs] == progress.steps
    assert first.epochs <= TINY.epochs


def test_a_model_that_is_too_large_leaves_the_old_one_in_place(small_blueprint, forged_entities) -> None:
    """The refusal says what to lower."""
    blueprint = read_blueprint(small_blueprint)
    small = replace(
        blueprint,
        targets=replace(blueprint.targets, size_kib_gz=0.5),
        training={"epochs": 1, "width": 8, "hidden": 8},
    )
    before = (forged_entities.folder / "card.json").read_bytes()
    with pytest.raises(CorpusError, match="more than size_kib_gz"):
        forge_entities(small, forged_entities.folder)

    assert before == (forged_entities.folder / "card.json").read_bytes()


def test_the_bench_writes_a_report_and_tells_whether_goals_are_met(tmp_path, capsys) -> None:
    """Both sets, apart and in one model, with the baseline beside."""
    rows = [marked(f"call [{name}|person] {at} times") for at in range(20) for name in ("Anna", "Bob", "Carla")]
    for name in ("zh_crosswoz.jsonl", "en_snips.jsonl"):
        write_span_rows(tmp_path / name, rows)
    result = bench(tmp_path, replace(TINY, max_rows=500, epochs=1), (1,), together=True)
    status = main(["--data", str(tmp_path), "--report", str(tmp_path / "ner.md"), "--epochs", "1", "--seeds", "1"])

    assert ["zh", "en"] == [each["lang"] for each in result["sets"]]
    assert status in {0, 1}
    assert (tmp_path / "ner.md").read_text("utf-8") in capsys.readouterr().out
    assert 2 == len(json.loads((tmp_path / "ner.json").read_text("utf-8"))["sets"])
    assert sum(len(part) for part in (split(rows).learnt, split(rows).validation, split(rows).test)) == len(rows)
