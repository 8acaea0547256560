"""Offline: the figures of hybrid search, on questions whose answers are marked to the character.

`python -m retrieval.bench DATA [--report FILE]` measures, prints the page and writes it, with the same figures as JSON
beside it. DATA has the folders `en`, `zh` and `zh_hant`, each with `documents.jsonl` and `questions.jsonl`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.bench_report import write_page
from retrieval.building import build_index
from retrieval.choose import Limits
from retrieval.coverage import METHODS, as_json, mean, measure, measure_budgets, resamples, tables
from retrieval.embed import make_embedder
from retrieval.folding import fold, unfold
from retrieval.fusion import by_script, convex_by, ranks_by
from retrieval.ingest import Document
from retrieval.questions_file import read_documents_file, read_gold_file
from retrieval.segment import sentences
from retrieval.windows import cut, windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.types import Embedder
    from retrieval.coverage import Measured
    from retrieval.fusion import Fuse
    from retrieval.hybrid import Index
    from retrieval.questions_file import GoldQuestion

FOLDERS = ("en", "zh", "zh_hant")
CHINESE = ("zh", "zh_hant")
COMPARED_KS = (5, 10)
POOL_SHARES = (0.25, 0.5, 1.0)
SPEED_WINDOWS = 10_000
SENTENCES_OF_MADE = 55
WINDOWS_OF_MADE = 52
SEED = 3
FUSIONS: dict[str, Fuse] = {
    "convex, by script (shipped)": by_script,
    "convex 0.1": lambda _question, _embedder: convex_by(0.1),
    "convex 0.25": lambda _question, _embedder: convex_by(0.25),
    "convex 0.5": lambda _question, _embedder: convex_by(0.5),
    "reciprocal rank 60, equal": lambda _question, _embedder: ranks_by(0.5, rank_offset=60),
    "reciprocal rank 60, 1 to 0.3": lambda _question, _embedder: ranks_by(0.23, rank_offset=60),
    "reciprocal rank 5, 1 to 0.1": lambda _question, _embedder: ranks_by(0.09, rank_offset=5),
}


def run(data: Path, embedder: Embedder | None = None, *, speed_windows: int = SPEED_WINDOWS) -> dict[str, object]:
    """Return all figures. Raises `OSError` or `CorpusError` where the data cannot be read."""
    documents = {folder: read_documents_file(data / folder / "documents.jsonl") for folder in FOLDERS}
    by_name = {each.name: each for folder in FOLDERS for each in documents[folder]}
    gold = {folder: read_gold_file(data / folder / "questions.jsonl", by_name) for folder in FOLDERS}
    pools = {"en": documents["en"], "zh": (*documents["zh"], *documents["zh_hant"])}
    indexes = {name: build_index(pool, embedder=embedder) for name, pool in pools.items()}
    measured: dict[str, dict[str, Measured]] = {}
    found: dict[str, object] = {}
    for folder in FOLDERS:
        index = indexes["en" if folder == "en" else "zh"]
        measured[folder] = {method: measure(index, gold[folder], method) for method in METHODS}
        found[folder] = tables(measured[folder], measure_budgets(index, gold[folder]))
    return {
        "data_hash": _data_hash(data),
        "embedder": "lsa" if embedder is None else embedder.fingerprint,
        "folders": found,
        "against_legs": {folder: _against_legs(each) for folder, each in measured.items()},
        "other_script": {folder: _other_script(indexes["zh"], gold[folder], measured[folder]) for folder in CHINESE},
        "growth": _growth(pools["zh"], [each for folder in CHINESE for each in gold[folder]], embedder),
        "fusions": _fusions(indexes, gold),
        "speed": _speed(_large_library([*pools["en"], *pools["zh"]], speed_windows), gold, embedder),
    }


def _against_legs(measured: Mapping[str, Measured]) -> dict[str, object]:
    """Return, at each k, gold coverage of hybrid less that of its better leg, paired by question."""
    found: dict[str, object] = {}
    for k in COMPARED_KS:
        legs = {name: measured[name].covered[:, k - 1] for name in ("dense", "bm25")}
        better = max(legs, key=lambda name: float(legs[name].mean()))
        gain = measured["hybrid"].covered[:, k - 1] - legs[better]
        found[str(k)] = {"better_leg": better, "gain": as_json(mean(gain, resamples(len(gain))))}
    return found


def _other_script(index: Index, questions: Sequence[GoldQuestion], own: Mapping[str, Measured]) -> dict[str, object]:
    """Return how often the gold document comes first for questions as they are and converted to the other script."""
    turned = [
        replace(each, text=fold(each.text) if fold(each.text) != each.text else unfold(each.text)) for each in questions
    ]
    converted = measure(index, turned, "hybrid", n_steps=1)
    draws = resamples(len(questions))
    return {"own": as_json(mean(own["hybrid"].first, draws)), "converted": as_json(mean(converted.first, draws))}


def _growth(
    pool: Sequence[Document], questions: Sequence[GoldQuestion], embedder: Embedder | None
) -> list[dict[str, object]]:
    """Return how often the gold document comes first as the pool grows, hybrid and BM25 on the same questions."""
    order = sorted(pool, key=lambda each: hashlib.sha256(f"{SEED}:{each.name}".encode()).digest())
    smallest = {each.name for each in order[: round(POOL_SHARES[0] * len(order))]}
    mine = [each for each in questions if each.doc in smallest]
    rows: list[dict[str, object]] = []
    for share in POOL_SHARES:
        part = order[: round(share * len(order))]
        index = build_index(part, embedder=embedder)
        first = {leg: float(measure(index, mine, leg, n_steps=1).first.mean()) for leg in ("hybrid", "bm25")}
        rows.append(
            {"documents": len(part), "n": len(mine), **{name: round(value, 4) for name, value in first.items()}}
        )
    return rows


def _fusions(indexes: Mapping[str, Index], gold: Mapping[str, Sequence[GoldQuestion]]) -> dict[str, object]:
    """Return gold coverage at 5 and how often the gold document comes first, for each rule of fusion."""
    found: dict[str, object] = {}
    for name, fuse in FUSIONS.items():
        row: dict[str, object] = {}
        for folder in FOLDERS:
            each = measure(indexes["en" if folder == "en" else "zh"], gold[folder], "hybrid", n_steps=10, fuse=fuse)
            row[folder] = {
                "first": round(float(each.first.mean()), 4),
                "covered_5": round(float(each.covered[:, 4].mean()), 4),
                "whole_5": round(float(each.whole[:, 4].mean()), 4),
                "whole_10": round(float(each.whole[:, 9].mean()), 4),
            }
        found[name] = row
    return found


def _speed(
    library: Sequence[Document], gold: Mapping[str, Sequence[GoldQuestion]], embedder: Embedder | None
) -> dict[str, object]:
    """Return seconds to index a library, and milliseconds of one search in it."""
    began = time.perf_counter()
    index = build_index(library, embedder=embedder)
    built_s = time.perf_counter() - began
    times: list[float] = []
    for question in [each for folder in FOLDERS for each in gold[folder]]:
        began = time.perf_counter()
        index.search(question.text, Limits(5))
        times.append((time.perf_counter() - began) * 1000)
    p50, p95, p99 = (round(float(value), 2) for value in np.quantile(times, [0.5, 0.95, 0.99]))
    return {
        "windows": len(index),
        "built_s": round(built_s, 1),
        "n": len(times),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
    }


def _large_library(documents: Sequence[Document], n_windows: int) -> list[Document]:
    """Return the documents, and as many made of their sentences in other orders as give about `n_windows` windows."""
    drawn = random.Random(SEED)  # noqa: S311  # repeatable, not secret
    said = [each.text[start:end] for each in documents for start, end in sentences(each.text)]
    by_script = [[each for each in said if each.isascii()], [each for each in said if not each.isascii()]]
    n_there = sum(len(windows(each.text, cut(each))) for each in documents)
    n_made = max(0, n_windows - n_there) // WINDOWS_OF_MADE + 1
    made = [
        Document(f"made-{number}", "\n".join(drawn.sample(pool, min(len(pool), SENTENCES_OF_MADE))))
        for number in range(n_made)
        if (pool := by_script[number % 2])
    ]
    return [*documents, *made]


def _data_hash(data: Path) -> str:
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for name in ("documents.jsonl", "questions.jsonl"):
            digest.update((data / folder / name).read_bytes())
    return digest.hexdigest()[:16]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write; `arguments` are those of the command line unless given."""
    from config.embedder_settings import EmbedderSettings  # noqa: PLC0415  # for the command alone

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--report", type=Path, help="write the page here, and the figures beside it as .json")
    parser.add_argument("--embedder", choices=("lsa", "ollama", "openai", "folder"), default="lsa")
    parser.add_argument("--model", default="", help="of a server")
    parser.add_argument("--url", default=None, help="of a server")
    parser.add_argument("--folder", type=Path, default=None, help="of a sentence-transformers model")
    parser.add_argument("--windows", type=int, default=SPEED_WINDOWS, help="of the library in which speed is measured")
    options = parser.parse_args(arguments)
    embedder = make_embedder(
        EmbedderSettings(kind=options.embedder, model=options.model, base_url=options.url, folder=options.folder)
    )
    found = run(options.data, embedder, speed_windows=options.windows)
    page = write_page(found)
    print(page)  # noqa: T201  # a command for people
    if options.report:
        options.report.write_text(page, encoding="utf-8")
        figures = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
        options.report.with_suffix(".json").write_text(figures, encoding="utf-8")


if __name__ == "__main__":
    main()
