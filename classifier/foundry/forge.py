"""The foundry's pipeline: rows -> refined -> trained -> pruned -> tuned -> exported -> measured -> a card.

A new artefact is made aside, loaded and measured as it will be served, and only then put in its place.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from classifier.decision import decide
from classifier.foundry.card import describe, put_in_place
from classifier.foundry.corpus import gold_matrix
from classifier.foundry.evaluate import judge, micro_f1, over_seeds
from classifier.foundry.export import gzipped_bytes, onnx_bytes, quantised, write_artefact
from classifier.foundry.progress import Silent
from classifier.foundry.tfidf import Linear, LinearOptions, fit_linear
from classifier.foundry.tuning import Tuned, chosen, cross_scores, deal, tune
from classifier.micromodel import MicroModel
from classifier.preproc import HASH_BYTES, Preproc, encode
from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from classifier.foundry.corpus import Row
    from classifier.foundry.orders import Order
    from classifier.foundry.progress import Progress
    from config.types import Json

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

ENOUGH_VALIDATION = 1500
"""Rows of a validation file from which no cross-fitting is added to them."""
COARSER = (31, 15)
"""Steps of a weight to try where the artefact is too large; then terms go. On BANKING77 no accuracy is lost by it."""
_CHOOSING_FOLDS = 4
_FEWEST_TERMS = 256
_MARGIN = 0.97
_MOST_FITTINGS = 6
_GOLDEN_ROWS = 12
ODD_TEXTS = ("", "ＡＢＣ　ｄｅｆ！", "支付 failed, 退款 please?", "don\u2019t 😀 it", "שלום a\x00b", "ﬁnal ﷺ", "a" * 50)


@dataclass(frozen=True, slots=True)
class Forged:
    """What came of it."""

    folder: Path
    card: Json


@dataclass(frozen=True, slots=True)
class _Cast:
    """One seed's model with what was fitted for it."""

    linear: Linear
    tuned: Tuned
    held_out: Judgeable


@dataclass(frozen=True, slots=True)
class Judgeable:
    """Scores of held-out rows and what holds."""

    scores: Floats
    gold: Flags
    read: Flags
    """Which of them hold a term that the model knows; of the others it abstains, as in serving."""


def forge(order: Order, out: Path, *, progress: Progress | None = None) -> Forged:
    """Make the artefact of an order in `out` and return its card. Raises `CorpusError`, `ArtefactError`.

    What was in `out` keeps its place until the new artefact has been loaded and measured.
    """
    progress = progress or Silent()
    train = order.train
    if not train:
        raise CorpusError(f"no row is left to learn from: {_said(order.dropped)}", file=order.name)
    gold = gold_matrix(train, order.labels, out_of_scope=order.out_of_scope)
    options = _options(order, train, gold, progress)
    casts = [_cast(order, train, gold, replace(options, seed=seed), progress) for seed in order.seeds]
    shipped = casts[0]
    seeds = _seeds(order, casts)
    golden = (*ODD_TEXTS, *(row.text for row in _spread(order.test or order.validation or train, _GOLDEN_ROWS)))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as aside:
        folder = Path(aside)
        served = quantised(shipped.linear)
        card, _ = write_artefact(folder, served, shipped.tuned.preproc, card={}, golden_texts=golden)
        model = MicroModel.load(folder)
        card = {**card, **describe(order, model, shipped.linear, shipped.tuned, options), "seeds": seeds}
        put_in_place(folder, out, card)
    return Forged(out, card)


def _options(order: Order, train: Sequence[Row], gold: Flags, progress: Progress) -> LinearOptions:
    """Return the cost that is best on a held-out fourth, and as many terms as the size allows."""
    texts, features = [row.text for row in train], order.features
    candidates = [
        LinearOptions(
            max_features=features.max_features,
            min_rows=features.min_rows,
            cost=cost,
            idf_power=power,
            levels=features.levels,
            seed=order.seeds[0],
            contrast=contrast,
            pair_weight=features.pair_weight,
            edges=features.edges,
        )
        for cost, power, contrast in product(features.costs, features.idf_powers, features.contrasts)
    ]
    progress.begin("choosing", len(candidates) + _MOST_FITTINGS)
    inside = deal(gold, _CHOOSING_FOLDS, seed=order.seeds[0]) > 0
    figures: list[float] = []
    for each in candidates:
        figures.append(_held_out_figure(order, texts, gold, inside, each) if len(candidates) > 1 else 0.0)
        progress.advance()
    options: LinearOptions = candidates[int(np.argmax(figures))]
    model: Linear = fit_linear(texts, gold, options)
    for _ in range(_MOST_FITTINGS):
        progress.advance()
        size = _size_kib(order, model)
        for levels in (each for each in COARSER if each < options.levels):
            if size > order.targets.size_kib_gz:
                options, model = replace(options, levels=levels), model.coarser(levels)
                size = _size_kib(order, model)
        if size <= order.targets.size_kib_gz:
            return options
        if len(model.terms) <= _FEWEST_TERMS:
            break
        fewer = int(len(model.terms) * _MARGIN * order.targets.size_kib_gz / size)
        options = replace(options, max_features=max(_FEWEST_TERMS, fewer))
        model = fit_linear(texts, gold, options)
    return options


def _held_out_figure(order: Order, texts: Sequence[str], gold: Flags, inside: Flags, options: LinearOptions) -> float:
    known = np.flatnonzero(gold[inside].any(axis=0) & ~gold[inside].all(axis=0))
    model = fit_linear(chosen(texts, inside), gold[inside][:, known], options)
    scores, held = model.scores(chosen(texts, ~inside)), gold[~inside][:, known]
    if order.task == "single":
        return float((held[np.arange(len(held)), scores.argmax(axis=1)]).mean())
    cut = float(np.quantile(scores, 1 - float(held.mean())))
    return micro_f1(scores >= cut, held)


def _cast(order: Order, train: Sequence[Row], gold: Flags, options: LinearOptions, progress: Progress) -> _Cast:
    texts = [row.text for row in train]
    progress.begin(f"training, seed {options.seed}", 6)
    linear = fit_linear(texts, gold, options)
    progress.advance()
    scores = np.zeros((0, len(order.labels)))
    held = np.zeros((0, len(order.labels)), np.bool_)
    if order.validation:
        scores = linear.scores([row.text for row in order.validation])
        held = gold_matrix(order.validation, order.labels, out_of_scope=order.out_of_scope)
    if len(order.validation) < ENOUGH_VALIDATION:
        crossed = cross_scores(texts, gold, options, seed=options.seed, step=progress.advance)
        scores, held = np.concatenate([scores, crossed]), np.concatenate([held, gold])
    bare = Preproc(
        name=order.name,
        task=order.task,
        terms=linear.terms,
        idf=tuple(linear.idf.tolist()),
        labels=order.labels,
        sha256_model=bytes(HASH_BYTES),
        unknown_idf=linear.unknown_idf,
        out_of_scope=order.out_of_scope,
    )
    tuned = tune(bare, scores, held, order.targets)
    last = order.test or order.validation
    held_out = Judgeable(
        linear.scores([row.text for row in last]) if last else scores,
        gold_matrix(last, order.labels, out_of_scope=order.out_of_scope) if last else held,
        _read(linear, last) if last else np.ones(len(held), np.bool_),
    )
    return _Cast(linear, tuned, held_out)


def _seeds(order: Order, casts: Sequence[_Cast]) -> Json:
    """Return the main measures over the seeds, each seed with its own folds, thresholds and weights."""
    figures: dict[str, list[float]] = {"micro_f1": [], "exact": [], "coverage": [], "selective_accuracy": []}
    for each in casts:
        preproc = each.tuned.preproc
        decisions = [
            made if read else replace(made, confidence=0.0, abstained=True)
            for row, read in zip(each.held_out.scores, each.held_out.read.tolist(), strict=True)
            for made in (decide(row, preproc),)
        ]
        judged = judge(decisions, each.held_out.gold, preproc)
        figures["micro_f1"].append(micro_f1(judged.found, judged.gold))
        figures["exact"].append(float(judged.right.mean()))
        figures["coverage"].append(float(judged.answered.mean()))
        answered = judged.right[judged.answered]
        figures["selective_accuracy"].append(float(answered.mean()) if len(answered) else 0.0)
    return {"values": list(order.seeds), **{name: over_seeds(values) for name, values in figures.items()}}


def _read(linear: Linear, rows: Sequence[Row]) -> Flags:
    vectoriser = linear.vectoriser()
    return np.array([len(vectoriser.features(row.text)[0]) > 0 for row in rows], np.bool_)


def _size_kib(order: Order, model: Linear) -> float:
    preproc = Preproc(order.name, order.task, model.terms, tuple(model.idf.tolist()), order.labels)
    return gzipped_bytes(onnx_bytes(quantised(model), order.labels), encode(preproc)) / 1024


def _spread(rows: Sequence[Row], n: int) -> Sequence[Row]:
    step = max(1, len(rows) // n)
    return rows[::step][:n]


def _said(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "there was none"
