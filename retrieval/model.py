"""The fitted numbers of the extractive answerer: read from `extractive.json`, which also holds their recipe."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.evidence import FEATURES
from retrieval.terms import HAN_MARK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from config.types import Json, Language
    from retrieval.evidence import Evidence

SIGNS = (
    "bias", "best_share", "best_near", "best_around", "best_passage", "best_with_title", "best_fuzzy", "longest_run",
    "score_by_total", "margin", "top_p", "expected_share", "expected_with_title", "unknown", "rarest_met",
    "passage_squared", "log_terms", "english", "english_passage", "english_around", "english_rarest",
)  # fmt: skip
"""What answerability is judged by; one weight each."""
N_RAREST = 3


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of the ranker (one per feature) for each language, of answerability (one per sign), and a threshold."""

    ranker: dict[Language, NDArray[np.float64]]
    answerability: NDArray[np.float64]
    threshold: float
    recipe: Json


@lru_cache(maxsize=1)
def shipped_model() -> Model:
    """Return the model that is shipped with the product. Raises `OSError` or `KeyError` where the file is broken."""
    raw = json.loads(Path(__file__).with_name("extractive.json").read_text(encoding="utf-8"))
    return Model(
        ranker={
            "zh": np.array([raw["ranker"]["zh"][name] for name in FEATURES]),
            "en": np.array([raw["ranker"]["en"][name] for name in FEATURES]),
        },
        answerability=np.array([raw["answerability"][name] for name in SIGNS]),
        threshold=float(raw["threshold"]),
        recipe=raw["recipe"],
    )


def p_units(model: Model, evidence: Evidence) -> NDArray[np.float64]:
    """Return, for each unit, the probability that it holds the answer, if one of them does; they sum to 1."""
    if not evidence.units:
        return np.zeros(0)
    logits = evidence.features @ model.ranker[evidence.question.language]
    odds = np.exp(logits - logits.max())
    return odds / odds.sum()


def signs(evidence: Evidence, p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what answerability is judged by, in the order of `SIGNS`; nothing but a bias where nothing is found."""
    values = np.zeros(len(SIGNS))
    values[0] = 1.0
    if not evidence.units:
        return values
    columns = {name: evidence.features[:, at] for at, name in enumerate(FEATURES)}
    top = {name: float(column.max()) for name, column in columns.items()}
    question, scores = evidence.question, [score for _, score in evidence.found]
    known = {term for unit in evidence.units for term in unit.sentence.terms}
    rarest = sorted(question.weights, key=lambda term: -question.weights[term])[:N_RAREST]
    first = {term for unit in evidence.units if unit.entry == evidence.found[0][0] for term in unit.sentence.terms}
    english = float(question.language == "en")
    met = sum(term in first for term in rarest) / N_RAREST
    values[1:] = (
        top["share"], top["near_share"], top["share_around"], top["share_passage"], top["share_with_title"],
        top["fuzzy_share"], top["longest_run"],
        scores[0] / question.total, (scores[0] - scores[1]) / scores[0] if len(scores) > 1 else 1.0,
        float(p.max()), float(p @ columns["share"]), float(p @ columns["share_with_title"]),
        sum(weight for term, weight in question.weights.items() if term not in known), met,
        top["share_passage"] ** 2, float(np.log1p(len(question.weights))) / 4,
        english, english * top["share_passage"], english * top["share_around"], english * met,
    )  # fmt: skip
    return values


def answerability(model: Model, evidence: Evidence, p: NDArray[np.float64]) -> float:
    """Return the probability, 0 to 1, that the documents hold the answer.

    0 where no passage shares a word, and for a bare word such as a greeting that asks nothing and heads nothing.
    """
    if not evidence.units or _is_bare_word(evidence):
        return 0.0
    return float(1 / (1 + np.exp(-(signs(evidence, p) @ model.answerability))))


def _is_bare_word(evidence: Evidence) -> bool:
    """Return whether the text is one word that neither asks nor stands in a heading of what was found."""
    said = {term for term in evidence.question.weights if not term.startswith(HAN_MARK)}
    if evidence.question.asks or len(said) > 1:
        return False
    return not any(said & set(unit.heading) for unit in evidence.units)
