from __future__ import annotations

import json

import pytest

from proxy.cli import main
from tests.router.policy.policy_rows import labelled, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with labelled rows and the policy fitted to them by the command."""
    place = tmp_path_factory.mktemp("policy")
    rows = written(place / "rows.jsonl", labelled(150))
    assert 0 == main(["policy", "fit", "--train", str(rows), "--out", str(place / "fitted")])
    return place


def test_predict_prints_a_line_for_each_prompt(folder, capsys):
    """Each line holds quality and cost of every model, in the order of the file."""
    asked = written(folder / "asked.jsonl", [{"prompt": "court statute judge", "id": "a"}, {"prompt": "add twelve"}])
    code = main(["policy", "predict", str(folder / "fitted"), "--input", str(asked), "--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert (0, 2) == (code, len(lines))
    assert ["a", None] == [line.get("id") for line in lines]
    assert [{"large", "middle", "small"}] * 2 == [set(line["quality"]) for line in lines]
    assert lines[0]["cost"]["small"] < lines[0]["cost"]["large"]


def test_predict_for_people_names_the_best(folder, capsys):
    """Without --json a line says which model earns most."""
    asked = written(folder / "asked.jsonl", [{"prompt": "court statute judge liable contract"}])
    main(["policy", "predict", str(folder / "fitted"), "--input", str(asked)])

    assert capsys.readouterr().out.startswith("large  quality 0.")


def test_unknown_prices_are_null_and_said(tmp_path, capsys):
    """A price that nobody told is not zero."""
    rows = written(tmp_path / "rows.jsonl", [{"prompt": "x", "quality": {"a": 1}}])
    main(["policy", "fit", "--train", str(rows), "--out", str(tmp_path / "p")])
    capsys.readouterr()
    main(["policy", "predict", str(tmp_path / "p"), "--input", str(rows), "--json"])
    main(["policy", "predict", str(tmp_path / "p"), "--input", str(rows)])
    first, second = capsys.readouterr().out.splitlines()

    assert {"a": None} == json.loads(first)["cost"]
    assert second.endswith("cost unknown")


def test_fit_tells_its_manifest_as_json(tmp_path, capsys):
    """Programs get the version and the recipe; a prior table may name a model that no row has."""
    rows = written(tmp_path / "rows.jsonl", labelled(30))
    prior = tmp_path / "prior.json"
    prior.write_text('{"*": {"fresh": 0.7}}')
    words = ["policy", "fit", "--train", str(rows), "--out", str(tmp_path / "p"), "--prior", str(prior), "--json"]
    code = main(words)
    found = json.loads(capsys.readouterr().out)

    assert 0 == code
    assert "fresh" in found["models"]
    assert 30 == found["recipe"]["n_rows"]


@pytest.mark.parametrize(
    "words", [("fit", "--train", "bad.jsonl", "--out", "p"), ("predict", "p", "--input", "bad.jsonl")]
)
def test_wrong_input_is_one_sentence(words, tmp_path, monkeypatch, capsys):
    """A wrong row or a missing policy ends with exit code 1 and its file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.jsonl").write_text("{\n")
    code = main(["policy", *words])

    assert 1 == code
    assert capsys.readouterr().err.startswith("thalamus: ")
