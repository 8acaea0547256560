"""What names in a question are worth to search, and whether the third measure of savings is fair.

`python -m tests.bench.names DATA --report docs/reports/retrieval.md` measures, and puts its part into the page that
`python -m retrieval.bench` wrote. DATA is as there. The tagger is the shipped one, as in live requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifier.readings import ENTITIES, mentions_of
from config.intents import shipped_intents
from config.settings import RetrievalSettings
from config.types import Mention
from proxy.lookup import look_up
from proxy.understanding import Understanding
from retrieval.bench import FOLDERS
from retrieval.bench_names import compared, measure_dense, measure_names
from retrieval.bench_names_page import parts
from retrieval.bench_report import write_page
from retrieval.building import build_index
from retrieval.questions_file import read_documents_file, read_gold_file
from retrieval.scoped import Naming
from tests.bench.route import QUESTIONS, Row, covered, library

Figures = dict[str, Any]
SERVICES = "five services"


def run(data: Path, boost: float) -> Figures:
    """Return the figures of both parts."""
    documents = {folder: read_documents_file(data / folder / "documents.jsonl") for folder in FOLDERS}
    by_name = {each.name: each for folder in FOLDERS for each in documents[folder]}
    gold = {folder: read_gold_file(data / folder / "questions.jsonl", by_name) for folder in FOLDERS}
    english, chinese = build_index(documents["en"]), build_index((*documents["zh"], *documents["zh_hant"]))
    indexes = {folder: english if folder == "en" else chinese for folder in FOLDERS}
    rows: list[Row] = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if line]
    understanding = Understanding()
    understanding.load_now()
    heard = _mentions(understanding, [each.text for folder in FOLDERS for each in gold[folder]])

    def naming(question: str) -> Naming | None:
        return Naming(heard[question], boost) if heard[question] else None

    sets = {folder: measure_names(indexes[folder], gold[folder], naming) for folder in FOLDERS}
    sets[SERVICES] = asyncio.run(services(understanding, rows, boost))
    return {
        "names": {"boost": boost, "sets": sets},
        "dense_at_equal_coverage": {folder: measure_dense(indexes[folder], gold[folder]) for folder in FOLDERS},
    }


async def services(understanding: Understanding, rows: Sequence[Row], boost: float) -> Figures:
    """Return how much of the answers about the five services is sent, without and with the lift."""
    here, named = library("hybrid"), {each.name: each.documents for each in shipped_intents().intents}
    heard = _mentions(understanding, [row["question"] for row in rows])
    settings = RetrievalSettings(entity_boost=boost)
    shares: dict[str, list[float]] = {"without": [], "with": []}
    try:
        for row in rows:
            intent = (await understanding.ask(row["question"])).intent
            for name, mentions in (("without", ()), ("with", heard[row["question"]])):
                found = look_up(here, row["question"], intent=intent, named=named, settings=settings, mentions=mentions)
                n_covered, n_parts = covered(row, found)
                shares[name].append(n_covered / n_parts)
    finally:
        await understanding.aclose()
    plain, lifted = (np.array(shares[name]) for name in ("without", "with"))
    return {
        "n": len(rows),
        "n_naming": sum(bool(heard[row["question"]]) for row in rows),
        "rows": {
            "parts of the answer sent": compared(plain, lifted),
            "wholly sent": compared(plain == 1, lifted == 1),
        },
        "ms": {"without": None, "with": None},
    }


def _mentions(understanding: Understanding, questions: Sequence[str]) -> dict[str, tuple[Mention, ...]]:
    """Return what the tagger finds in each question."""
    read = {text: understanding.read_one(ENTITIES, text) for text in questions}
    return {text: () if each is None else mentions_of({ENTITIES: each}) for text, each in read.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and put it into the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--report", type=Path, help="the page that `retrieval.bench` wrote, its figures beside it")
    parser.add_argument("--boost", type=float, default=RetrievalSettings().entity_boost)
    options = parser.parse_args(arguments)
    found = run(options.data, options.boost)
    print("\n".join(parts(found)))
    if options.report:
        figures = options.report.with_suffix(".json")
        whole = {**json.loads(figures.read_text(encoding="utf-8")), **found}
        options.report.write_text(write_page(whole), encoding="utf-8")
        figures.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
