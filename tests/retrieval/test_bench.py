"""The bench on a small bilingual set: every table is there, and what is missed is named."""

from __future__ import annotations

import json

import pytest

from retrieval.bench import main
from retrieval.bench_report import write_page
from retrieval.folding import fold, unfold

FACTS = {
    "en": "{name} lies by the sea. It was founded in {year}. It has {n} harbours.",
    "zh": "{name}位于海边。它建于{year}年。它有{n}个港口。",
    "zh_hant": "{name}位於海邊。它建於{year}年。它有{n}個港口。",
}
ASKED = {"en": "When was {name} founded?", "zh": "{name}建于哪一年？", "zh_hant": "{name}建於哪一年？"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for folder, fact in FACTS.items():
        (root / folder).mkdir()
        documents, questions = [], []
        for n, mark in enumerate("甲乙丙丁戊己庚辛"):
            name = f"{folder}{n}" if folder == "en" else f"{mark}{folder}島"
            text = fact.format(name=name, year=1700 + n, n=n)
            at = text.index(str(1700 + n))
            documents.append({"doc_id": name, "title": name, "text": text})
            questions.append(
                {"qid": name, "question": ASKED[folder].format(name=name), "doc_id": name, "spans": [[at, at + 4]]}
            )
        for kind, rows in (("documents", documents), ("questions", questions)):
            (root / folder / f"{kind}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return root


def test_the_command_writes_page_and_figures(data, tmp_path, capsys):
    """What is printed is what is written, and the figures beside it give the same page."""
    report = tmp_path / "page.md"
    main([str(data), "--report", str(report), "--windows", "100"])
    page = report.read_text(encoding="utf-8")
    figures = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))

    assert capsys.readouterr().out.strip() == page.strip() == write_page(figures).strip()
    assert {"en", "zh", "zh_hant"} == set(figures["folders"])
    for part in ("## Goals", "## Hybrid against", "## Questions in the other script", "## Rules of fusion", "## Speed"):
        assert part in page
    assert "reached" in page


def test_what_is_missed_is_named(data, tmp_path):
    """A goal that is not reached stands there as missed."""
    report = tmp_path / "page.md"
    main([str(data), "--report", str(report), "--windows", "100"])
    figures = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))
    figures["speed"]["p50_ms"] = 9.5

    assert "| search, median | 2 ms | 9.5 ms | **missed** |" in write_page(figures)


def test_characters_turn_and_turn_back():
    """The other script of a simplified text folds to the same text again."""
    assert "國際貿易" == unfold("国际贸易")
    assert "国际贸易" == fold(unfold("国际贸易"))
