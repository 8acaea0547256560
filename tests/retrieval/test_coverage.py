"""Measuring: reading the files, coverage and tokens by hand-counted cases, intervals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from config.errors import CorpusError
from retrieval.building import build_index
from retrieval.coverage import Measured, mean, measure, measure_budgets, resamples, tables, tokens_until
from retrieval.coverage_table import budget_rows, rows_of, share, tokens
from retrieval.hybrid import Recipe
from retrieval.ingest import Document
from retrieval.questions_file import GoldQuestion, read_documents_file, read_gold_file, read_questions_file

DOCUMENTS = [
    {"doc_id": "harbour", "title": "Harbour", "text": "The ferry leaves at seven. Dogs travel free. It rains often."},
    {"doc_id": "面包", "title": "面包", "text": "面团揉十分钟。然后让它休息两小时。"},
]
QUESTIONS = [
    {
        "qid": "1",
        "question": "When does the ferry leave?",
        "doc_id": "harbour",
        "spans": [[0, 26]],
        "alternatives": [[]],
    },
    {"qid": "2", "question": "面团休息多久？", "doc_id": "面包", "spans": [[7, 17]]},
]


@pytest.fixture
def files(tmp_path):
    for name, rows in (("documents", DOCUMENTS), ("questions", QUESTIONS)):
        lines = "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(f"\ufeff{lines}\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def gold(files):
    documents = read_documents_file(files / "documents.jsonl")
    return build_index(documents, recipe=Recipe(60)), read_gold_file(
        files / "questions.jsonl", {document.name: document for document in documents}
    )


def test_files_are_read_as_they_are(files, gold):
    """A byte order mark and empty lines are passed over; offsets are those of the text."""
    assert [row["qid"] for row in QUESTIONS] == [row.qid for row in read_questions_file(files / "questions.jsonl")]
    assert (((0, 26),),) == gold[1][0].parts


@pytest.mark.parametrize(
    ("kind", "line", "said"),
    [
        ("documents", "{", "2: this line is not a row"),
        ("documents", '{"doc_id": "x"}', "2: this line is not a row"),
        ("documents", '{"doc_id": "harbour", "text": ""}', "second time"),
        ("questions", '{"qid": "3", "question": "?", "doc_id": "away", "spans": [[0, 1]]}', "no document has"),
        ("questions", '{"qid": "3", "question": "?", "doc_id": "harbour", "spans": []}', "must not be empty"),
        ("questions", '{"qid": "3", "question": "?", "doc_id": "harbour", "spans": [[0, 9999]]}', "outside the text"),
        ("questions", b'{"qid": "\xff"}', "2: this line is not a row"),
    ],
)
def test_a_wrong_line_is_named(files, kind, line, said):
    """Which file, which line, and what is wrong with it."""
    path = files / f"{kind}.jsonl"
    first = path.read_bytes().splitlines()[0]
    path.write_bytes(first + b"\n" + (line if isinstance(line, bytes) else line.encode()))
    documents = {row["doc_id"]: Document(row["doc_id"], row["text"]) for row in DOCUMENTS}

    with pytest.raises(CorpusError, match=said) as told:
        read_documents_file(path) if kind == "documents" else read_gold_file(path, documents)
    assert str(path) in str(told.value)


@pytest.mark.parametrize("kind", ["documents", "questions"])
def test_an_empty_file_is_told(tmp_path, kind):
    """A file without a row is an error, not an empty table."""
    path = tmp_path / "empty.jsonl"
    path.write_text("\n")

    with pytest.raises(CorpusError, match="there is no"):
        read_documents_file(path) if kind == "documents" else read_gold_file(path, {})


@pytest.mark.parametrize("method", ["hybrid", "dense", "bm25", "documents"])
def test_plain_questions_are_covered_by_every_method(gold, method):
    """The whole answer is in what is sent, tokens never fall, and the first passage is of the right document."""
    measured = measure(*gold, method, n_steps=5)

    assert measured.whole[:, -1].all()
    assert measured.first.all()
    assert (np.diff(measured.tokens, axis=1) >= 0).all()
    assert np.allclose(1, measured.covered[:, -1])


def test_half_an_answer_is_half_covered(gold):
    """Characters are counted; an alternative place is as good; a part in another document is none."""
    index, _ = gold
    text = DOCUMENTS[0]["text"]
    questions = [
        GoldQuestion("half", "ferry", "harbour", (((0, 10), (0, 5)), ((len(text) - 5, len(text)),))),
        GoldQuestion("away", "ferry", "面包", (((0, 2),),)),
    ]
    measured = measure(build_index(index_documents(index), recipe=Recipe(30)), questions, "bm25", n_steps=1)

    assert [10 / 15, 0.0] == measured.covered[:, 0].tolist()
    assert not measured.whole.any()


def index_documents(index):
    return [Document(each.name, each.text, each.title) for each in index.documents]


def test_budgets_are_kept(gold):
    """What is sent within a budget stays within it."""
    measured = measure_budgets(*gold, budgets=(5, 60))

    assert (measured.tokens <= np.array([5, 60])).all()
    assert [False, True] == measured.whole.all(axis=0).tolist()


def test_tokens_until_a_share_is_covered():
    """The smallest k that covers enough questions, with the mean tokens there; never is told as never."""
    whole = np.array([[1, 1], [0, 1], [0, 0], [1, 1]], dtype=bool)
    measured = Measured(whole.astype(float), whole, np.array([[10.0, 20.0]] * 4), whole[:, 0])
    draws = resamples(4, n_resamples=50)

    assert (2, 20.0) == (tokens_until(measured, 0.75, draws)[0], tokens_until(measured, 0.75, draws)[1].value)
    assert (None, None) == (tokens_until(measured, 0.99, draws)[0], tokens_until(measured, 0.99, draws)[1].value)


def test_intervals_hold_the_mean_and_are_repeatable():
    """The same seed gives the same interval, and it lies around the mean."""
    values = np.array([0, 1, 1, 1, 0, 1, 1, 0], dtype=bool)
    one, two = mean(values, resamples(8)), mean(values, resamples(8))

    assert one == two
    assert one.low < one.value < one.high


def test_tables_are_json_and_text(gold):
    """The same figures serve programs and people."""
    found = tables({"hybrid": measure(*gold, "hybrid", n_steps=3)}, measure_budgets(*gold), ks=(1, 3, 20))
    head, rows = rows_of(json.loads(json.dumps(found)))

    assert ["1", "3"] == list(found["methods"]["hybrid"]["k"])
    assert all(len(head) == len(row) for row in rows)
    assert ["500", "1200", "1900"] == [row[0] for row in budget_rows(found)[1]]


def test_what_is_never_reached_says_so():
    """A missing figure is no zero, and an open end is named."""
    never = {"value": None, "low": None, "high": None}

    assert ("never", "never") == (share(never), tokens(never))
    assert "10 (5 to never)" == tokens({"value": 10, "low": 5, "high": None})
