"""The card of an artefact: what it learnt from, how well it does with which certainty, how large and how fast it is."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from classifier.artefact import CARD, GOLDEN, MODEL, PREPROC
from classifier.decision import decide
from classifier.foundry.corpus import gold_matrix
from classifier.foundry.evaluate import judge, latency_ms, measures, plain_share, served, share_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from classifier.foundry.corpus import Row
    from classifier.foundry.orders import Order
    from classifier.foundry.tfidf import Linear, LinearOptions
    from classifier.foundry.tuning import Tuned
    from classifier.micromodel import MicroModel
    from config.types import Json

_DIGITS = 6
_SURE = 0.99
"""Accuracy at which every card says how much could be answered, whatever its own target is."""


def describe(order: Order, model: MicroModel, linear: Linear, tuned: Tuned, options: LinearOptions) -> Json:
    """Return the card of a loaded model, measured as it is served: int8, ONNX Runtime, its own thresholds."""
    rows = order.test or order.validation or order.train
    preproc = model.preproc
    scores = [model.scores(row.text) for row in rows]
    decisions = served(model, [row.text for row in rows])
    gold = gold_matrix(rows, order.labels, out_of_scope=order.out_of_scope)
    judged = judge(decisions, gold, preproc)
    sure = (judged.confidence, judged.right)
    in_floats = linear.exact_scores([row.text for row in rows])
    agree = [decide(a, preproc).labels == b.labels for a, b in zip(in_floats, decisions, strict=True)]
    return {
        "task": order.task,
        "trainer": "tfidf_linear",
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            **order.sources,
            "train_rows": len(order.train),
            "languages": _languages(order.train),
            "dropped": order.dropped,
        },
        "recipe": {**asdict(options), "terms": len(linear.terms)},
        "evaluated_on": "test" if order.test else "validation" if order.validation else "training",
        "metrics": measures(judged, rows),
        "operating_point": {
            "target": order.targets.selective_accuracy,
            "bound": order.targets.bound,
            **{key: round(float(value), _DIGITS) for key, value in asdict(tuned.operating).items()},
        },
        "at_99": {
            "bound": order.targets.bound,
            "coverage": round(share_at(*sure, accuracy=_SURE, bound=order.targets.bound), _DIGITS),
            "coverage_without_bound": round(plain_share(*sure, accuracy=_SURE), _DIGITS),
        },
        "int8": {
            "label_agreement": round(float(np.mean(agree)), _DIGITS),
            "largest_score_difference": round(float(np.abs(np.array(scores) - in_floats).max()), _DIGITS),
        },
        "latency": {**latency_ms(model.predict, [row.text for row in rows]), "machine": platform.machine()},
    }


def put_in_place(folder: Path, out: Path, card: Json) -> None:
    """Move a checked artefact to where it is served from, the model last."""
    out.mkdir(parents=True, exist_ok=True)
    (folder / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", "utf-8", "backslashreplace")
    for name in (GOLDEN, PREPROC, CARD, MODEL):
        (folder / name).replace(out / name)


def _languages(rows: Sequence[Row]) -> Json:
    languages = sorted({row.lang for row in rows})
    return {lang: sum(row.lang == lang for row in rows) for lang in languages}
