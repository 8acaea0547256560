"""The five services: how much of the answers is sent, for which share of all documents, and where the rest is lost.

`python -m tests.bench.services --report docs/reports/services.md` measures the written questions as `POST /route` would
answer them, prints the page and writes it; `--embedder openai --model NAME --url URL` does so with another embedder
(`--beside FILE` keeps its figures for the page). Settings were chosen on one half of the questions (`route.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from config.embedder_settings import EmbedderSettings
from config.intents import shipped_intents
from config.settings import RetrievalSettings
from config.types import Intent
from proxy.lookup import Library, Lookup, look_up
from proxy.savings import savings_of
from proxy.understanding import Understanding
from tests.bench.route import QUESTIONS, Row, covered, is_development, library
from tests.bench.services_page import page

if TYPE_CHECKING:
    from numpy.typing import NDArray

Figures = dict[str, Any]
BUDGETS = (1000, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 7000)
N_RESAMPLES, SEED = 1000, 11
SAVED_GOAL, COVERED_GOAL = 0.75, 0.98


@dataclass(frozen=True, slots=True)
class Sent:
    """What all questions were given; one entry a question."""

    n_covered: NDArray[np.float64]
    n_parts: NDArray[np.float64]
    saved: NDArray[np.float64]
    """Share of the tokens of all documents, before what may be missed is charged."""
    tokens: NDArray[np.float64]

    def over(self, rows: NDArray[np.bool_]) -> Figures:
        """Return the figures of some of the questions, with intervals by bootstrap over questions."""
        n = int(rows.sum())
        draws = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)
        got, parts = self.n_covered[rows], self.n_parts[rows]
        whole = (got == parts).astype(float)
        return {
            "n": n,
            "n_parts": int(parts.sum()),
            "parts": _interval(got.sum() / parts.sum(), (draws @ got) / (draws @ parts)),
            "whole": _interval(whole.mean(), draws @ whole / n),
            "saved": _interval(self.saved[rows].mean(), draws @ self.saved[rows] / n),
            "tokens": round(float(self.tokens[rows].mean())),
        }


def _interval(value: float, drawn: NDArray[np.float64]) -> list[float]:
    return [round(float(each), 4) for each in (value, *np.quantile(drawn, [0.025, 0.975]))]


def send(
    here: Library, rows: list[Row], intents: list[Intent], settings: RetrievalSettings
) -> tuple[Sent, list[Lookup]]:
    """Return what each question is given with these intents and settings."""
    named = {each.name: each.documents for each in shipped_intents().intents}
    found: list[tuple[float, ...]] = []
    told: list[Lookup] = []
    for row, intent in zip(rows, intents, strict=True):
        look = look_up(here, row["question"], intent=intent, named=named, settings=settings)
        body: dict[str, object] = {"messages": [{"role": "user", "content": row["question"]}]}
        saved = savings_of(body, look, passages=look.placed, placed=True, p_miss=0.0)
        found.append((*covered(row, look), saved.saved_percent / 100, saved.sent_tokens))
        told.append(look)
    return Sent(*np.array(found, dtype=float).T), told


def lost(rows: list[Row], sent: Sent, told: list[Lookup]) -> Figures:
    """Return how many of the missed parts were lost at which stage."""
    found: Counter[str] = Counter()
    for row, got, n, look in zip(rows, sent.n_covered, sent.n_parts, told, strict=True):
        gold = {part["doc_id"] for part in (row, *row.get("more", ()))}
        at = "document" if gold - {each.doc for each in look.placed} else "passage"
        found[at if look.placed else "nothing"] += int(n - got)
    return dict(found)


def frontier(rows: list[Figures]) -> Figures:
    """Return, between the measured budgets, what is covered at the saving to reach, and saved at the coverage."""
    saved = np.array([each["saved"][0] for each in rows])[::-1]
    parts = np.array([each["parts"][0] for each in rows])[::-1]
    at_saving = float(np.interp(SAVED_GOAL, saved, parts))
    falling = np.maximum.accumulate(parts[::-1])
    at_coverage = float(np.interp(COVERED_GOAL, falling, saved[::-1])) if falling[-1] >= COVERED_GOAL else None
    return {
        "parts_at_saving": round(at_saving, 4),
        "saved_at_coverage": None if at_coverage is None else round(at_coverage, 4),
    }


async def said_of(rows: list[Row]) -> list[Intent]:
    """Return what the shipped classifier says of each question."""
    understanding = Understanding()
    understanding.load_now()
    try:
        return [(await understanding.ask(row["question"])).intent for row in rows]
    finally:
        await understanding.aclose()


def run(embedder: EmbedderSettings | None = None) -> Figures:
    """Return all figures of one embedder."""
    rows: list[Row] = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if line]
    here, settings = library("hybrid", embedder), RetrievalSettings()
    intents = asyncio.run(said_of(rows))
    held_out = np.array([not is_development(row) for row in rows])
    one = np.array([len(row["intents"]) == 1 for row in rows])
    zh = np.array([row["lang"] == "zh" for row in rows])
    halves = {"all": held_out | True, "chosen on": ~held_out, "held out": held_out}
    groups = halves | {
        "held out, one intent": held_out & one,
        "held out, several": held_out & ~one,
        "held out, en": held_out & ~zh,
        "held out, zh": held_out & zh,
    }
    sent, told = send(here, rows, intents, settings)
    truth = [Intent(tuple(row["intents"]), 1.0, "gold") for row in rows]
    more = replace(settings, top_k=20, top_k_one_intent=20)
    changed = {
        "the intents of the question, not the classifier's": send(here, rows, truth, settings)[0],
        "up to 8 passages, whatever is asked": send(
            here, rows, intents, replace(settings, top_k=8, top_k_one_intent=8)
        )[0],
        "any number of passages": send(here, rows, intents, more)[0],
        "both: its intents, any number of passages": send(here, rows, truth, more)[0],
    }
    budgets = {budget: send(here, rows, intents, replace(settings, token_budget=budget))[0] for budget in BUDGETS}
    table = {str(budget): {half: each.over(mine) for half, mine in halves.items()} for budget, each in budgets.items()}
    return {
        "embedder": "lsa" if embedder is None else embedder.model or embedder.kind,
        "groups": {name: sent.over(mine) for name, mine in groups.items()},
        "lost": lost(rows, sent, told),
        "changed": {name: {half: each.over(mine) for half, mine in halves.items()} for name, each in changed.items()},
        "budgets": table,
        "frontier": {half: frontier([table[str(budget)][half] for budget in BUDGETS]) for half in halves},
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, help="write the page here, and the figures beside it as .json")
    parser.add_argument("--embedder", choices=("lsa", "ollama", "openai", "folder"), default="lsa")
    parser.add_argument("--model", default="", help="of a server")
    parser.add_argument("--url", default=None, help="of a server")
    parser.add_argument("--folder", type=Path, default=None, help="of a sentence-transformers model")
    parser.add_argument("--question-prefix", default="")
    parser.add_argument("--passage-prefix", default="")
    wanted = parser.parse_args()
    other = EmbedderSettings(
        kind=wanted.embedder,
        model=wanted.model,
        base_url=wanted.url,
        folder=wanted.folder,
        question_prefix=wanted.question_prefix,
        passage_prefix=wanted.passage_prefix,
    )
    figures: Path | None = wanted.report and wanted.report.with_suffix(".json")
    known: Figures = json.loads(figures.read_text("utf-8")) if figures and figures.exists() else {}
    known["beside" if wanted.embedder != "lsa" else "built_in"] = run(None if wanted.embedder == "lsa" else other)
    text = page(known)
    print(text)
    if wanted.report and figures:
        wanted.report.write_text(text, encoding="utf-8")
        figures.write_text(json.dumps(known, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
