"""`thalamus docs search` and `docs evaluate`, on good input and on bad."""

from __future__ import annotations

import json

import pytest

from proxy.cli import main

DOCUMENTS = [
    {"doc_id": "harbour", "title": "Harbour", "text": "The ferry leaves at seven. Dogs travel free. It rains often."},
    {"doc_id": "面包", "title": "面包", "text": "面团揉十分钟。然后让它休息两小时。"},
]
QUESTIONS = [
    {"qid": "1", "question": "When does the ferry leave?", "doc_id": "harbour", "spans": [[0, 26]]},
    {"qid": "2", "question": "面團休息多久？", "doc_id": "面包", "spans": [[7, 17]]},
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with both files, and nothing set around it."""
    monkeypatch.delenv("THALAMUS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    for name, rows in (("docs", DOCUMENTS), ("questions", QUESTIONS)):
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """Runs one command of `docs`; returns its exit code, stdout and stderr."""

    def run(*words):
        code = main(["docs", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_every_question_gets_its_line(run):
    """A line a question, with places that give back the document's own text."""
    code, out, _ = run("search", "--documents", "docs.jsonl", "--input", "questions.jsonl", "--k", "3", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    best = [line["passages"][0] for line in lines]

    assert (0, ["1", "2"]) == (code, [line["qid"] for line in lines])
    assert ["harbour", "面包"] == [passage["doc_id"] for passage in best]
    assert {"doc_id", "start", "end", "score", "tokens"} == set(best[0])
    assert all("ferry" in DOCUMENTS[0]["text"][each["start"] : each["end"]] for each in best[:1])


def test_a_budget_bounds_the_tokens(run):
    """No question is given more than its budget."""
    _, out, _ = run("search", "--documents", "docs.jsonl", "--input", "questions.jsonl", "--budget", "2")

    assert [[], []] == [json.loads(line)["passages"] for line in out.splitlines()]


def test_one_question_is_answered_in_words(run):
    """Where it stands, what it costs, and how it reads."""
    code, out, _ = run("search", "--documents", "docs.jsonl", "Do dogs travel free?", "--k", "1")

    assert 0 == code
    assert out.startswith("harbour:1-1  Harbour  (1.00, ")
    assert "Dogs travel free." in out


def test_the_library_of_the_settings_is_searched_without_a_file(run, folder):
    """What the settings name is read; the shipped guide where they name none."""
    (folder / "own").mkdir()
    (folder / "own" / "tea.md").write_text("# Tea\n\nSteep the tea for four minutes.")
    (folder / "thalamus.toml").write_text('[retrieval]\nlibrary = "own"\n')

    assert "tea.md:1-3" in run("search", "How long to steep tea?")[1]
    (folder / "thalamus.toml").unlink()
    code, out, err = run("search", "How do I add a provider key?")
    assert (0, True, True) == (code, "quickstart.md" in out, "no document of yours" in err)


def test_what_was_added_is_searched(run, folder):
    """Folders and files of `docs add`, in the index that requests are answered from; another window builds its own."""
    (folder / "shop").mkdir()
    (folder / "shop" / "returns.md").write_text("# Returns\n\nReturn the parcel within 14 days.")
    (folder / "茶.md").write_text("# 茶\n\n绿茶泡三分钟。", encoding="utf-8")

    assert 0 == run("add", "shop", "茶.md")[0]
    code, out, err = run("search", "How many days to return a parcel?")
    assert (0, "") == (code, err)
    assert out.startswith("shop/returns.md:1-3  ")
    assert "茶.md:1-3" in run("search", "绿茶泡多久？")[1]
    line = json.loads(run("search", "return a parcel", "--json", "--window", "60")[1])
    assert ("1", "shop/returns.md") == (line["qid"], line["passages"][0]["doc_id"])


def test_what_is_not_there_is_told(run, folder):
    """A missing folder, an empty one, and words that are nowhere."""
    (folder / "thalamus.toml").write_text('[retrieval]\nlibrary = "own"\n')
    missing = run("search", "tea")
    (folder / "own").mkdir()
    empty = run("search", "tea")

    assert (2, True) == (missing[0], "library" in missing[2])
    assert (0, True, True) == (empty[0], "holds no documents" in empty[2], "Nothing in the documents" in empty[1])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("search",), 2, "give one question"),
        (("search", "tea", "--input", "questions.jsonl"), 2, "give one question"),
        (("search", "tea", "--documents", "away.jsonl"), 1, "away.jsonl: No such file"),
        (("search", "--documents", "questions.jsonl", "--input", "questions.jsonl"), 1, "questions.jsonl:1: this line"),
        (("evaluate", "--documents", "docs.jsonl", "--questions", "docs.jsonl"), 1, "docs.jsonl:1: this line"),
        (("search", "tea", "--k", "0"), 2, "--k"),
    ],
)
def test_wrong_use_is_one_sentence(run, words, code, said):
    """Which file and line, or which option."""
    found = run(*words)

    assert (code, "") == found[:2]
    assert said in found[2]


def test_evaluation_prints_tables(run):
    """Every method, every k, every budget, with n and the number of windows."""
    code, out, _ = run("evaluate", "--documents", "docs.jsonl", "--questions", "questions.jsonl")

    assert 0 == code
    assert "2 questions over 2 documents" in out
    for row in ("hybrid, 20", "vectors only, 1", "BM25 only, 5", "whole documents, 3", "hybrid, until 95% covered"):
        assert row in out


def test_evaluation_speaks_json(run):
    """The same figures for programs."""
    words = ("evaluate", "--documents", "docs.jsonl", "--questions", "questions.jsonl", "--json", "--window", "60")
    found = json.loads(run(*words)[1])

    assert (2, "lsa", 1.0) == (found["n"], found["embedder"], found["methods"]["hybrid"]["first"]["value"])
    assert {"hybrid", "dense", "bm25", "documents"} == set(found["methods"])
    assert 1.0 == found["methods"]["hybrid"]["k"]["5"]["whole"]["value"]


def test_an_embedder_that_is_away_is_one_sentence(run, folder):
    """The settings' embedder is the one that is used, and its failure says where it was looked for."""
    (folder / "thalamus.toml").write_text(
        '[retrieval.embedder]\nkind = "ollama"\nmodel = "m"\nbase_url = "http://127.0.0.1:9"\n'
    )
    code, out, err = run("search", "--documents", "docs.jsonl", "Do dogs travel free?")

    assert (1, "") == (code, out)
    assert "http://127.0.0.1:9/api/embed cannot be reached" in err
