"""The fitting and measuring code, on a collection small enough to see through."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retrieval.evaluate import baselines, main, measure, plain_tokens, speed_ms
from retrieval.evidence import FEATURES
from retrieval.fit import as_json, fit
from retrieval.model import SIGNS, shipped_model
from retrieval.questions import FOLDERS, gather_cases, on_first_side, read_collection
from retrieval.report import wilson, write_report

PLACES = ("Aldra", "Brenn", "Corvo", "Dunmar", "Eskil", "Farrow")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for folder in FOLDERS:
        (root / folder).mkdir()
        documents, questions = [], []
        for number, place in enumerate(PLACES):
            name = f"{folder}{place}"
            text = (
                f"{name} lies by the sea. {name} was founded in {1700 + number}. It has {number} harbours and one mill."
            )
            start = text.index(f"{1700 + number}")
            documents.append({"doc_id": name, "title": name, "text": text})
            questions.append(
                {
                    "qid": name,
                    "question": f"When was {name} founded?",
                    "doc_id": name,
                    "spans": [[start - 1, start + 4]],
                }
            )
        questions[0]["alternatives"] = [[[0, 2]]]
        for kind, rows in (("documents", documents), ("questions", questions)):
            (root / folder / f"{kind}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return root


@pytest.fixture(scope="module")
def collection(data):
    return read_collection(data)


@pytest.fixture(scope="module")
def cases(collection):
    return gather_cases(collection)


def test_places_are_read_without_outer_space(collection):
    """A span's leading blank is no part of it, and alternatives stand beside their span."""
    first = collection.asked[0]
    (start, end), other = first.parts[0]

    assert ("1700", (0, 2)) == (collection.documents[first.doc].text[start:end], other)


def test_fitting_is_repeatable_and_named(cases):
    """The same cases give the same weights, one for each feature and sign."""
    one, two = as_json(fit(cases)), as_json(fit(cases))

    assert one == two
    assert (set(FEATURES), set(SIGNS)) == (set(one["ranker"]["en"]), set(one["answerability"]))


def test_measuring_finds_what_is_there_and_refuses_what_is_not(collection, cases):
    """On plain facts nearly everything is answered, and refused once its document is away; the page says so."""
    outcomes = measure(collection, cases)
    page = write_report(
        outcomes,
        outcomes,
        baselines(collection, cases),
        recipe={"data_hash": "d", "code_hash": "c", "date": "x", "n_questions": len(cases), "refusal_target": 0.88},
        speed_ms=speed_ms(collection, shipped_model()),
        n_seeds=5,
    )

    assert 5 * len(cases) == len(outcomes)
    assert np.mean([outcome.found for outcome in outcomes]) > 0.8
    assert all(outcome.n_tokens <= 120 for outcome in outcomes)
    assert "reached (goal 75%)" in page


def test_a_document_is_on_one_side_and_two_long_ones_on_opposite_sides(collection):
    """The sides depend on document and seed alone; of two documents there is always one on each side."""
    asked = collection.asked[:2]
    docs = [each.doc for each in asked]

    assert [True] == list({on_first_side(asked[0], s, docs) != on_first_side(asked[1], s, docs) for s in range(5)})
    assert 1 == len({on_first_side(asked[0], 3, [str(n) for n in range(9)]) for _ in range(3)})


def test_the_shipped_numbers_carry_their_recipe():
    """What is shipped says what it was made of and how good it was on unseen documents."""
    recipe = shipped_model().recipe

    assert {"data_hash", "code_hash", "date", "seeds", "n_questions", "answered", "refused"} <= set(recipe)
    assert 0 < shipped_model().threshold < 1


def test_intervals_and_the_second_count():
    """Wilson's interval stays within 0 and 1; wide characters are one token each."""
    low, high = wilson(0.5, 100)

    assert (0.404, 0.596) == (round(low, 3), round(high, 3))
    assert 3 == plain_tokens("渡轮abcd")


def test_the_command_writes_its_page(data, tmp_path, capsys):
    """The named command measures, prints and writes the same page, and leaves the shipped weights alone."""
    before = shipped_model()
    main([str(data), "--report", str(tmp_path / "page.md")])
    shipped_model.cache_clear()

    assert capsys.readouterr().out.strip() == (tmp_path / "page.md").read_text().strip()
    assert before.recipe == shipped_model().recipe
