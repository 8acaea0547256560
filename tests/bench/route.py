"""What `POST /route` saves and misses on the questions to the example library, and how long it takes by itself.

`python -m tests.bench.route` prints it. The intents are those that the classifier finds, not those of the questions; a
part of an answer counts as covered where its marked place stands in the passages that a model would be sent, an answer
where all its parts do. Settings were chosen on one half of the questions, drawn by a seeded hash; the other tells.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from config.embedder_settings import EmbedderSettings
from config.intents import shipped_intents
from config.settings import RetrievalSettings
from proxy.lookup import Library, Lookup, look_up
from proxy.savings import savings_of
from proxy.understanding import Understanding
from retrieval.answer import ExtractiveAnswerer
from retrieval.front_matter import read_front_matter
from retrieval.ingest import Document, read_documents
from retrieval.report import wilson
from retrieval.scoped import LexicalScopedSearch, ScopedSearch, Shelf
from retrieval.search import LibrarySearch
from tests.e2e.gateway import running_gateway

EXAMPLES = Path("retrieval/examples").resolve()
QUESTIONS = Path("tests/retrieval/services/questions.jsonl")
LAST_RESORT = "[server]\nport = 0\n[health]\nfind_ollama = false\n"
MAX_P95_MS = 50.0
SEED = "thalamus-services"
Row = dict[str, Any]


def library(kind: str, embedder: EmbedderSettings | None = None) -> Library:
    """Return the example library behind one of the searches, hybrid search with the built-in embedder or another."""
    read = [(each, *read_front_matter(each.text)) for each in read_documents(EXAMPLES)]
    documents = [Document(each.name, text, said.title, said.intents or ()) for each, said, text in read]
    lexical = LibrarySearch(lambda: documents)
    search: ScopedSearch = LexicalScopedSearch(lexical)
    if kind == "hybrid":
        from retrieval.searcher import HybridBuilder, HybridScopedSearch  # noqa: PLC0415  # FAISS: only where measured

        settings = RetrievalSettings(embedder=embedder or EmbedderSettings())
        search = HybridScopedSearch(HybridBuilder.of(settings).index(documents))
    shelf = Shelf.of((each.name, each.text, each.intents) for each in documents)
    return Library(search, shelf, ExtractiveAnswerer(lexical.index).holds)


def covered(row: Row, found: Lookup) -> tuple[int, int]:
    """Return how many parts of the answer stand in the passages, at one of the places that are as good, and of how many."""
    in_order = sorted(found.placed, key=lambda each: (each.doc, each.start))
    said = _plain(" ".join(each.text for each in in_order))
    parts = [places for part in (row, *row.get("more", ())) for places in _parts(part)]
    return sum(any(_plain(place) in said for place in places) for places in parts), len(parts)


def is_development(row: Row) -> bool:
    """Return whether settings were chosen on this question."""
    return hashlib.sha256(f"{SEED}:{row['question']}".encode()).digest()[0] % 2 == 0


def _parts(part: Row) -> list[list[str]]:
    """Return the places of each part of an answer, by their text."""
    n = len(part["quotes"])
    alternatives, elsewhere = part.get("alternative_quotes") or [[]] * n, part.get("elsewhere") or [[]] * n
    return [
        [quote, *others, *(each["quote"] for each in far)]
        for quote, others, far in zip(part["quotes"], alternatives, elsewhere, strict=True)
    ]


def _plain(text: str) -> str:
    return "".join(text.split())


@dataclass(frozen=True, slots=True)
class Told:
    """One question, measured."""

    n_covered: int
    n_parts: int
    saved_percent: float
    """Before what may have been missed is charged."""
    sent_tokens: int
    has_right_intents: bool


async def measured(kind: str, rows: list[Row], settings: RetrievalSettings) -> dict[str, list[Told]]:
    """Return what each question was given, by its kind."""
    understanding, here = Understanding(), library(kind)
    understanding.load_now()
    named = {each.name: each.documents for each in shipped_intents().intents}
    found: dict[str, list[Told]] = defaultdict(list)
    try:
        for row in rows:
            intent = (await understanding.ask(row["question"])).intent
            told = look_up(here, row["question"], intent=intent, named=named, settings=settings)
            body: dict[str, object] = {"messages": [{"role": "user", "content": row["question"]}]}
            saved = savings_of(body, told, passages=told.placed, placed=True, p_miss=0.0)
            right = set(intent.labels) == set(row["intents"])
            result = Told(*covered(row, told), saved.saved_percent, saved.sent_tokens, right)
            half = "development" if is_development(row) else "held out"
            n_asked = "one intent" if len(row["intents"]) == 1 else "several"
            for name in ("all", half, f"{half}, {n_asked}", f"{half}, {row['lang']}, {n_asked}"):
                found[name].append(result)
    finally:
        await understanding.aclose()
    return found


async def timed(n: int, rows: list[Row]) -> tuple[list[float], list[float]]:
    """Return the milliseconds of `n` requests to `/route` with the extractive model, and those of the processor.

    The model needs no upstream. On a busy machine the first say how busy it is, the second what a request costs.
    """
    took: list[float] = []
    worked: list[float] = []
    settings = f'[retrieval]\nlibrary = "{EXAMPLES}"\n'
    with tempfile.TemporaryDirectory() as folder:
        async with running_gateway(Path(folder), settings, head=LAST_RESORT, env={}) as gateway:
            prompts = [row["question"] for row in rows]
            while (await gateway.http.get("/health")).json()["components"]["classifier"]["status"] == "loading":  # noqa: ASYNC110  # as a probe does
                await asyncio.sleep(0.05)
            for at in range(n + 5):
                began, busy = time.perf_counter(), time.process_time()
                answer = await gateway.http.post("/route", json={"prompt": prompts[at % len(prompts)]})
                assert 200 == answer.status_code, answer.text
                took.append(1000 * (time.perf_counter() - began))
                worked.append(1000 * (time.process_time() - busy))
    return sorted(took[5:]), sorted(worked[5:])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--search", choices=("lexical", "hybrid"), nargs="*", default=["lexical", "hybrid"])
    parser.add_argument("--requests", type=int, default=200, help="timed requests; 0 times none")
    parser.add_argument("--most", type=int, help="passages for one intent and for several; default: the settings'")
    parser.add_argument("--budget", type=int, help="tokens of passages; default: the settings'")
    wanted = parser.parse_args()
    settings = RetrievalSettings()
    if wanted.most:
        settings = replace(settings, top_k=wanted.most, top_k_one_intent=wanted.most)
    if wanted.budget:
        settings = replace(settings, token_budget=wanted.budget)
    rows = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if line]
    for kind in wanted.search:
        print(f"{kind}: questions, parts covered, wholly covered (95 %), right intents, share saved, tokens sent")
        for name, found in sorted(asyncio.run(measured(kind, rows, settings)).items()):
            _print(name, found)
    if wanted.requests:
        for what, took in zip(("", ", processor"), asyncio.run(timed(wanted.requests, rows)), strict=True):
            p95 = took[int(0.95 * len(took))]
            verdict = "within" if p95 < MAX_P95_MS else "beyond"
            p50 = took[len(took) // 2]
            print(f"/route, extractive{what}: p50 {p50:.1f} ms, p95 {p95:.1f} ms ({verdict} {MAX_P95_MS:g} ms)")


def _print(name: str, found: list[Told]) -> None:
    n, n_whole = len(found), sum(each.n_covered == each.n_parts for each in found)
    parts = sum(each.n_covered for each in found) / sum(each.n_parts for each in found)
    low, high = wilson(n_whole / n, n)
    right, sent = sum(each.has_right_intents for each in found) / n, sum(each.sent_tokens for each in found) / n
    saved = sum(each.saved_percent for each in found) / n
    whole = f"{n_whole / n:6.1%} ({low:.1%} to {high:.1%})"
    print(f"  {name:28} {n:4}  {parts:6.1%}  {whole}  {right:6.1%}  {saved:5.1f} %  {sent:6.0f}")


if __name__ == "__main__":
    main()
