"""The figures of names and of dense top-k on a small set: each stands with n, interval and verdict."""

from __future__ import annotations

import numpy as np
import pytest

from config.types import Mention
from retrieval.bench_names import compared, measure_dense, measure_names
from retrieval.bench_names_page import dense_part, names_part, parts
from retrieval.building import build_index
from retrieval.ingest import Document
from retrieval.questions_file import GoldQuestion
from retrieval.scoped import Naming

TOWNS = [f"Town{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]


@pytest.fixture(scope="module")
def index():
    return build_index([Document(f"{town}.md", f"{town} was founded in {1700 + n}.") for n, town in enumerate(TOWNS)])


@pytest.fixture(scope="module")
def questions(index):
    texts = {each.name: each.text for each in index.documents}
    return [
        GoldQuestion(town, f"When was {town} founded?", f"{town}.md", (((0, len(texts[f"{town}.md"])),),))
        for town in TOWNS
    ]


def naming(question: str) -> Naming | None:
    """Name every other town."""
    town = question.split()[2]
    return Naming((Mention(town, "place", 0.9),), 0.5) if TOWNS.index(town) % 2 else None


def test_each_figure_stands_without_and_with_the_lift(index, questions):
    """With how many questions name something, and what a search takes."""
    found = measure_names(index, questions, naming)
    page = names_part({"boost": 0.1, "sets": {"towns": found}})

    assert (26, 13) == (found["n"], found["n_naming"])
    assert {1.0} == {row["with"] for row in found["rows"].values()}
    assert found["ms"]["with"] > 0
    assert "| towns (n = 26, 13 name something) | gold document first | 100.0 % | 100.0 % |" in page
    assert "No figure is lower with the lift." in page


def test_what_the_lift_spoils_is_named(index, questions):
    """A loss stands there in bold, with how many questions changed."""
    found = measure_names(index, questions, lambda _: None)
    row = compared(np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.5]))
    page = names_part({"boost": 0.1, "sets": {"towns": found | {"rows": {"gold characters at 1": row}}}})

    assert (1, 1, None) == (row["better"], row["worse"], found["ms"]["with"])
    assert "**Lower: towns, gold characters at 1.**" in page


def test_the_live_measure_stands_beside_marked_answers(index, questions):
    """With how often it reaches, and the k that covers as much for all questions."""
    found = measure_dense(index, questions)
    page = dense_part({"towns": found})

    assert (26, 1.0, 1.0) == (found["n"], found["covers"], found["fixed_covers"])
    assert 1 <= found["fixed_k"] <= 26
    assert f"k = {found['fixed_k']}" in page
    assert "never: 90.0 % at 400" in dense_part({"towns": found | {"fixed_k": None, "fixed_covers": 0.9}})


def test_a_page_without_these_figures_has_no_such_part(index, questions):
    """They are put in by a second command."""
    assert [] == parts({})
    assert 1 == len(parts({"dense_at_equal_coverage": {"towns": measure_dense(index, questions)}}))
