from __future__ import annotations

import json

import pytest

from classifier.ner.spans import marked, write_span_rows
from proxy.cli import main

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
def run(tmp_path, monkeypatch, capsys):
    """Runs one command in an empty folder; returns its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def go(*words: str) -> tuple[int, str, str]:
        code = main(("foundry", *words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


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
