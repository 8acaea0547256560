"""Offline: the honest figures of the extractive answerer, on documents that its weights were not fitted on.

`python -m retrieval.evaluate DATA [--report FILE] [--ship]` measures (five splits, each side fitted and measured once),
writes the report, and with `--ship` fits on everything and writes `extractive.json` beside this file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from config.tokens import estimate_tokens
from retrieval.answer import MAX_TOKENS, ExtractiveAnswerer
from retrieval.compose import compose
from retrieval.evidence import FEATURES
from retrieval.fit import REFUSAL_TARGET, as_json, fit
from retrieval.index import LexicalIndex
from retrieval.model import answerability, p_units
from retrieval.outcome import Outcome
from retrieval.questions import FOLDERS, contains_all, gather_cases, on_first_side, read_collection
from retrieval.report import wilson, write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from config.types import Json
    from retrieval.model import Model
    from retrieval.questions import Case, Collection

SEEDS = (0, 1, 2, 3, 4)
_MEASURED_CODE = (
    "chunk", "compose", "evidence", "fit", "folding", "index", "model", "question", "questions", "search", "segment",
    "terms",
)  # fmt: skip
SHIPPED = Path(__file__).with_name("extractive.json")


def measure(
    collection: Collection, cases: Sequence[Case], *, count_tokens: Callable[[str], int] = estimate_tokens
) -> list[Outcome]:
    """Return the outcomes of all questions under all splits, each judged by weights fitted on the other side."""
    docs = {folder: sorted({a.doc for a in collection.asked if a.folder == folder}) for folder in FOLDERS}
    outcomes: list[Outcome] = []
    for seed in SEEDS:
        side = [on_first_side(case.asked, seed, docs[case.asked.folder]) for case in cases]
        for fitted in (True, False):
            model = fit([case for case, first in zip(cases, side, strict=True) if first == fitted])
            outcomes += [
                _outcome(collection, case, model, count_tokens)
                for case, first in zip(cases, side, strict=True)
                if first != fitted
            ]
    return outcomes


def _outcome(collection: Collection, case: Case, model: Model, count_tokens: Callable[[str], int]) -> Outcome:
    """Return what becomes of one question."""
    p_held, p_removed = p_units(model, case.held), p_units(model, case.removed)
    text, found = _say(collection, case, p_held, count_tokens)
    refused = answerability(model, case.held, p_held) < model.threshold
    return Outcome(
        folder=case.asked.folder,
        found=found,
        answered=found and not refused,
        refused_wrongly=refused,
        refused_rightly=answerability(model, case.removed, p_removed) < model.threshold,
        n_tokens=count_tokens(text),
        n_chars=len(text),
    )


def _say(
    collection: Collection, case: Case, p: NDArray[np.float64], count_tokens: Callable[[str], int]
) -> tuple[str, bool]:
    """Return the composed text for a question whose document is there, and whether it holds and cites all of it."""
    said = compose(case.held.units, p.tolist(), max_tokens=MAX_TOKENS, count_tokens=count_tokens)
    if said is None:
        return "", False
    document = collection.documents[case.asked.doc]
    return said.text, contains_all(said.text, said.citations, case.asked, document)[1]


def baselines(collection: Collection, cases: Sequence[Case]) -> dict[str, list[tuple[str, bool]]]:
    """Return `(folder, found)` of what needs no fitting: the head of the best passage, and the largest overlaps."""
    head: list[tuple[str, bool]] = []
    overlap: list[tuple[str, bool]] = []
    for case in cases:
        in_order = np.exp(-np.arange(len(case.held.units), dtype=np.float64))
        share = case.held.features[:, FEATURES.index("share")]
        head.append((case.asked.folder, _say(collection, case, in_order, estimate_tokens)[1]))
        overlap.append((case.asked.folder, _say(collection, case, share, estimate_tokens)[1]))
    return {"head of the best passage": head, "largest overlap": overlap}


def speed_ms(collection: Collection, model: Model) -> tuple[float, float]:
    """Return median and 99th percentile of the time of one question, in milliseconds, over all questions."""
    index = LexicalIndex.build(collection.documents.values())
    answerer = ExtractiveAnswerer(lambda: index, model=model)
    times: list[float] = []
    for asked in collection.asked:
        began = time.perf_counter()
        answerer.answer(asked.text)
        times.append((time.perf_counter() - began) * 1000)
    return float(np.median(times)), float(np.quantile(times, 0.99))


def plain_tokens(text: str) -> int:
    """Return a second count, by one sentence: one token a character beyond ASCII, and one for every 4 others."""
    n_ascii = sum(char.isascii() for char in text)
    return len(text) - n_ascii + math.ceil(n_ascii / 4)


def _code_hash() -> str:
    """Return a hash of the code that the figures depend on."""
    sources = [Path(__file__).with_name(f"{name}.py").read_bytes() for name in _MEASURED_CODE]
    return hashlib.sha256(b"".join(sources)).hexdigest()[:16]


def _recipe(collection: Collection, outcomes: Sequence[Outcome]) -> Json:
    """Return what the shipped weights are made of, and what the same procedure reaches on unseen documents."""
    n = len(collection.asked)
    answered = sum(outcome.answered for outcome in outcomes) / len(outcomes)
    refused = sum(outcome.refused_rightly for outcome in outcomes) / len(outcomes)
    return {
        "data_hash": collection.data_hash,
        "code_hash": _code_hash(),
        "date": datetime.now(UTC).date().isoformat(),
        "seeds": list(SEEDS),
        "n_questions": n,
        "refusal_target": REFUSAL_TARGET,
        "answered": {"share": round(answered, 3), "interval_95": [round(end, 3) for end in wilson(answered, n)]},
        "refused": {"share": round(refused, 3), "interval_95": [round(end, 3) for end in wilson(refused, n)]},
        "command": "python -m retrieval.evaluate DATA --ship",
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write what was asked for; `arguments` are those of the command line unless given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--report", type=Path, help="write the page here")
    parser.add_argument("--ship", action="store_true", help="fit on everything and replace the shipped weights")
    options = parser.parse_args(arguments)
    collection = read_collection(options.data)
    cases = gather_cases(collection)
    outcomes = measure(collection, cases)
    recipe = _recipe(collection, outcomes)
    model = fit(cases, recipe=recipe)
    if options.ship:
        SHIPPED.write_text(json.dumps(as_json(model), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    text = write_report(
        outcomes,
        measure(collection, cases, count_tokens=plain_tokens),
        baselines(collection, cases),
        recipe=recipe,
        speed_ms=speed_ms(collection, model),
        n_seeds=len(SEEDS),
    )
    print(text)  # noqa: T201  # a command for people
    if options.report:
        options.report.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
