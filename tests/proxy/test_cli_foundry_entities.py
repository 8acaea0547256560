from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import pytest

from classifier.foundry.blueprint import shipped_artefacts
from classifier.ner import preproc
from classifier.ner.entitymodel import EntityModel
from classifier.ner.spans import marked, write_span_rows
from tests.classifier.damage import sealed

BLUEPRINT = """
name = "names"
task = "sequence"
languages = ["zh", "en"]
labels = ["person"]
trainer = "bilstm_crf"
seeds = [1]
[training]
max_terms = 100
width = 8
hidden = 8
epochs = 1
"""


@pytest.fixture
def run(run):
    """Runs one command of `foundry`."""
    return partial(run, "foundry")


def test_a_model_of_names_is_tried_in_words_and_in_json(run) -> None:
    """The shipped one tells entities with type and confidence, or that there is none."""
    code, out, err = run("try", "ner_core_entity", "call Priya Raman by Friday")

    assert (0, "") == (code, err)
    assert "Priya Raman (person, " in out
    assert "no entity" in run("try", "ner_core_entity", "turn it off")[1]

    code, out, err = run("try", "ner_core_entity", "订单DD88213到哪了", "--json")
    (entity,) = json.loads(out)["entities"]

    assert (0, "") == (code, err)
    assert (2, 9, "identifier", "DD88213") == (entity["start"], entity["end"], entity["type"], entity["text"])


def test_a_file_is_read_by_a_model_of_names(run, folder) -> None:
    """A line a row: what it names, how sure it is that this is all, and none where there is none."""
    texts = ("call Priya Raman by Friday", "turn it off", "", "把订单DD88213寄到上海")
    (folder / "rows.jsonl").write_text("".join(json.dumps({"text": each}) + "\n" for each in texts), "utf-8")
    code, out, err = run("predict", "ner_core_entity", "--input", "rows.jsonl", "--json")
    some, none, empty, chinese = map(json.loads, out.splitlines())

    assert (0, "") == (code, err)
    assert {"text", "entities", "confidence", "abstained", "ms"} == set(some)
    assert [("Priya Raman", "person"), ("Friday", "time")] == [
        (each["text"], each["type"]) for each in some["entities"]
    ]
    assert ([], False, [], True) == (none["entities"], none["abstained"], empty["entities"], empty["abstained"])
    assert "DD88213" in [each["text"] for each in chinese["entities"]]
    assert "Priya Raman (person, " in run("predict", "ner_core_entity", "--input", "rows.jsonl")[1]


def test_a_model_of_names_is_shadowed_promoted_tried_and_taken_back(run, folder) -> None:
    """As any other; of its name the live version answers."""
    shipped = shipped_artefacts() / "ner_core_entity"
    other = Path(shutil.copytree(shipped, folder / "other"))
    sealed(other, preproc, temperature=4.0)
    before = json.loads(run("try", "ner_core_entity", "call Priya Raman", "--json")[1])["confidence"]
    code, out, err = run("shadow", "ner_core_entity", "other")
    assert (0, "") == (code, err)
    version = EntityModel.load(other).version
    assert f"ner_core_entity: version {version} runs in shadow beside shipped.\n" == out
    assert "only 0 of 500 requests were compared" in run("promote", "ner_core_entity")[2]
    assert f"ner_core_entity  live shipped  shadow {version}  compared 0" in run("status")[1]
    assert 0 == run("promote", "ner_core_entity", "--force")[0]
    promoted = json.loads(run("try", "ner_core_entity", "call Priya Raman", "--json")[1])["confidence"]
    assert before > promoted
    (folder / ".thalamus" / "artefacts" / "ner_core_entity" / version / "model.onnx").write_bytes(b"\x80\x04 no model")
    code, out, err = run("try", "ner_core_entity", "call Priya Raman", "--json")
    assert (0, before) == (code, json.loads(out)["confidence"])
    assert "looks like a pickle" in err

    assert "version shipped is live again" in run("rollback", "ner_core_entity")[1]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("generate", "ner_core_entity"), 1, "ner_core_entity learns where names stand in a text"),
        (("forge", "ner_core_entity", "--with", "rows.jsonl"), 1, "learns from marked places, not from labels"),
        (("harvest", "ner_core_entity"), 1, "nobody corrects what ner_core_entity says yet"),
        (("shadow", "ner_core_entity", "labels"), 1, "does not know the label 'person' of the live one"),
    ],
)
def test_what_makes_no_sense_for_names_is_said(run, folder, words, code, says) -> None:
    """Rows of labels teach it nothing, and nobody corrects it yet: one sentence, and nothing is made."""
    shutil.copytree(shipped_artefacts() / "is_question", folder / "labels")
    (folder / "rows.jsonl").write_text('{"text": "a", "labels": ["person"]}\n', "utf-8")
    got, out, err = run(*words)

    assert (code, "") == (got, out)
    assert says in err
    assert 1 == len(err.strip().splitlines())


@pytest.mark.ml
def test_a_model_of_names_is_forged_with_all_others_and_listed(run, tmp_path) -> None:
    """`--all` takes it as any other blueprint; what became of it is told in one sentence."""
    pytest.importorskip("torch", reason="of the extra ml")
    folder = tmp_path / "blueprints" / "names"
    (folder / "corpus").mkdir(parents=True)
    (folder / "blueprint.toml").write_text(BLUEPRINT, "utf-8")
    rows = [
        marked(f"please ask [{name}|person] number {at * 7919}") for at in range(8) for name in ("Anna", "Bo", "小王")
    ]
    write_span_rows(folder / "corpus" / "a.jsonl", rows)
    where = ("--blueprints", str(folder.parent))
    code, out, err = run("forge", "--all", "--out", str(tmp_path / "made"), *where)

    assert 0 == code
    assert "rows learnt from" in err
    assert "entity F1" in out

    code, out, _ = run("list", *where, "--artefacts", str(tmp_path / "made"), "--json")
    (listed,) = json.loads(out)["blueprints"]

    assert ("names", "sequence", "forged") == (listed["name"], listed["task"], listed["state"])
