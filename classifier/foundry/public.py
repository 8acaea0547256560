"""Measures the method on public data: five splits of each set, thresholds from held-out training rows, intervals.

Run as `python -m classifier.foundry.public DATA --report docs/reports/classifier.md`. The published figures are of the
sets' own test parts, which are not here; ours are of our own splits of the published training parts, and named so.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from classifier.calibration import fit_false_alarm
from classifier.foundry.blueprint import Features, Targets, shipped_artefacts
from classifier.foundry.corpus import data_hash, gold_matrix, read_rows
from classifier.foundry.evaluate import judge, served
from classifier.foundry.forge import forge
from classifier.foundry.orders import OUT_OF_SCOPE, Order, labels_of
from classifier.foundry.public_figures import Outcome, figures_of, fit_refusal
from classifier.foundry.public_report import written
from classifier.foundry.public_table import goals_table
from classifier.foundry.tuning import deal
from classifier.micromodel import MicroModel
from classifier.text import clip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from classifier.foundry.corpus import Row
    from config.types import Json

SEEDS = (1, 2, 3, 4, 5)
FALSE_ALARMS = 0.04
PARTS = 20
"""Two parts are for testing, some for validation, the rest for training."""


@dataclass(frozen=True, slots=True)
class PublicSet:
    """A public set, what was published on it and what is to be reached."""

    name: str
    files: tuple[str, ...]
    multi: bool
    goals: tuple[tuple[str, float], ...]
    published: str
    selective: float = 0.99
    n_validation_parts: int = 1
    costs: tuple[float, ...] = (0.7, 1.5, 3.0)
    """To choose among, by the first seed."""
    idf_powers: tuple[float, ...] = (0.5, 1.0)
    bound: float = 0.5
    """Level of the binomial bound; half, for cross-fitted models saw less and so are the more careful already."""


SETS = (
    PublicSet(
        "BANKING77",
        ("banking77_train",),
        multi=False,
        goals=(("accuracy", 0.91), ("selective_accuracy", 0.985), ("coverage", 0.75)),
        published="bge-small + SVC 93.08 (model card); fine-tuned encoders about 93 to 94",
        selective=0.985,
    ),
    PublicSet(
        "CLINC150 with out-of-scope",
        ("clinc150_train", "clinc150_val", "clinc150_oos_train", "clinc150_oos_val"),
        multi=False,
        goals=(("in_scope_accuracy", 0.92), ("out_of_scope_recall_at_4", 0.77)),
        published="Larson 2019, in scope / OOS recall: SVM 91.0 / 14.5, MLP 93.5 / 47.4, BERT 96.9 / 40.3; "
        "mpnet + SVC 92.0 / 81.5 at 3.96 % false alarms (model card)",
        n_validation_parts=2,
        costs=(2.0,),
        idf_powers=(1.0,),
    ),
    PublicSet(
        "HWU64",
        ("hwu64_kfold1_train",),
        multi=False,
        goals=(),
        published="LinearSVC on TF-IDF, fold 1: 88.9",
    ),
    PublicSet(
        "NLU++ banking",
        ("nlupp_banking_folds2-19",),
        multi=True,
        goals=(("micro_f1", 0.87),),
        published="LinearSVC on TF-IDF, folds 0 and 1: micro-F1 85.1, exact 56.9",
    ),
    PublicSet(
        "CrossWOZ user acts",
        ("crosswoz_useracts_val",),
        multi=True,
        goals=(("micro_f1", 0.92),),
        published="logistic regression on TF-IDF, test part: micro-F1 91.3, exact 79.5",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and write the report; return 1 where a goal is missed, 2 where data is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the public files")
    parser.add_argument("--report", type=Path, help="Markdown file to write; a JSON file goes beside it")
    parser.add_argument("--only", nargs="*", default=[], help="names of sets, each by its first letters")
    parser.add_argument("--page-only", action="store_true", help="write the page from the JSON file beside it")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    asked = parser.parse_args(argv)
    if asked.page_only and asked.report:
        _keep((), asked.report)
        return 0
    chosen = [each for each in SETS if not asked.only or each.name.lower().startswith(tuple(asked.only))]
    missing = [name for each in chosen for name in each.files if not (asked.data / f"{name}.jsonl").is_file()]
    if missing:
        sys.stderr.write(f"{asked.data}: {', '.join(missing)} missing; see docs/foundry.md for where they come from\n")
        return 2
    results: list[Json] = []
    for each in chosen:
        sys.stderr.write(f"{each.name} ...\n")
        results.append(measured(each, asked.data, SEEDS[: asked.seeds]))
        sys.stderr.write(f"  {json.dumps(results[-1]['figures'])}\n")
        if asked.report:  # after each set: the whole takes a quarter of an hour
            _keep(results, asked.report)
    sys.stdout.write(written(results))
    return 0 if all(goal["reached"] for each in results for goal in _goals(each)) else 1


def _keep(results: Sequence[Json], report: Path) -> None:
    """Write what was measured; sets that were not measured now stay as the JSON file beside the report has them."""
    beside = report.with_suffix(".json")
    before = cast("list[Json]", json.loads(beside.read_text("utf-8"))) if beside.is_file() else []
    known = {each["name"]: each for each in (*before, *results)}
    whole = [known[each.name] for each in SETS if each.name in known]
    table = goals_table(whole, artefacts=shipped_artefacts(), reports=report.parent)
    report.write_text(written(whole, table=table), "utf-8")
    beside.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")


def measured(each: PublicSet, data: Path, seeds: Sequence[int]) -> Json:
    """Return the figures of one set over the seeds, each with an interval, beside its goals."""
    files = [data / f"{name}.jsonl" for name in each.files]
    rows = read_rows(files)
    labels, out_of_scope = labels_of(rows, multi=each.multi)
    outcomes: list[Outcome] = []
    features = Features(costs=each.costs, idf_powers=each.idf_powers)
    for seed in seeds:
        outcome, recipe = _outcome(each, rows, (labels, out_of_scope), features, seed)
        outcomes.append(outcome)
        features = Features(
            max_features=recipe["max_features"],
            costs=(recipe["cost"],),
            idf_powers=(recipe["idf_power"],),
            levels=recipe["levels"],
        )
    figures = figures_of(outcomes)
    goals = [{"measure": name, "goal": goal, "reached": figures[name].value >= goal} for name, goal in each.goals]
    return {
        "name": each.name,
        "rows": len(rows),
        "labels": len(labels) - bool(out_of_scope),
        "test_texts_also_in_training": round(float(np.mean([o.seen for o in outcomes])), 4),
        "sha256": data_hash(files),
        "seeds": list(seeds),
        "figures": {name: [round(part, 4) for part in (it.value, it.low, it.high)] for name, it in figures.items()},
        "by_seed": [round(float(o.right[o.in_scope].mean()), 4) for o in outcomes],
        "gzipped_kib": max(o.gzipped_kib for o in outcomes),
        "p50_ms": round(float(np.median([o.p50_ms for o in outcomes])), 3),
        "goals": goals,
        "published": each.published,
    }


def _outcome(
    each: PublicSet, rows: Sequence[Row], scope: tuple[tuple[str, ...], str], features: Features, seed: int
) -> tuple[Outcome, dict[str, Any]]:
    """Return what one split gave, and the recipe that was chosen on its training rows."""
    labels, out_of_scope = scope
    gold = gold_matrix(rows, labels, out_of_scope=out_of_scope)
    parts = deal(gold, PARTS, seed=seed)
    if out_of_scope:  # of 200 rows, 80 are learnt from, 40 tune, 80 test
        outside = np.random.default_rng(seed).permutation(np.flatnonzero(gold[:, -1]))
        turn = np.arange(len(outside)) % 5
        parts[outside] = np.where(turn < 2, 0, np.where(turn == 2, 2, PARTS - 1))  # noqa: PLR2004
    last = 1 + each.n_validation_parts
    train = _part(rows, parts > last)
    present = {label for row in train for label in row.labels}
    known = tuple(label for label in labels if label in present or label == OUT_OF_SCOPE)
    order = Order(
        name=each.name,
        task="multi" if each.multi else "single",
        labels=known,
        train=train,
        validation=_known(_part(rows, (parts > 1) & (parts <= last)), present),
        test=_known(_part(rows, parts <= 1), present),
        out_of_scope=out_of_scope,
        features=features,
        targets=Targets(selective_accuracy=each.selective, bound=each.bound),
        seeds=(seed,),
    )
    with tempfile.TemporaryDirectory() as folder:
        card = forge(order, Path(folder) / "model").card
        model = MicroModel.load(Path(folder) / "model")
    return _judged(model, order, card), cast("dict[str, Any]", card["recipe"])


def _part(rows: Sequence[Row], flags: NDArray[np.bool_]) -> tuple[Row, ...]:
    return tuple(row for row, flag in zip(rows, flags.tolist(), strict=True) if flag)


def _known(rows: Sequence[Row], labels: set[str]) -> tuple[Row, ...]:
    """Return the rows without the labels that no training row has: nobody could find them."""
    return tuple(replace(row, labels=tuple(label for label in row.labels if label in labels)) for row in rows)


def _judged(model: MicroModel, order: Order, card: Json) -> Outcome:
    preproc = model.preproc
    gold = gold_matrix(order.test, order.labels, out_of_scope=order.out_of_scope)
    judged = judge(served(model, [row.text for row in order.test]), gold, preproc)
    trained = {clip(row.text) for row in order.train}
    tuned_on = served(model, [row.text for row in order.validation])
    held = gold_matrix(order.validation, order.labels, out_of_scope=order.out_of_scope)
    validated = judge(tuned_on, held, preproc)
    sure = validated.confidence[[bool(row.labels) for row in order.validation]]
    refused = np.asarray(~judged.found.any(axis=1), np.bool_)
    threshold = fit_refusal(validated)
    size, latency = cast("dict[str, float]", card["size"]), cast("dict[str, float]", card["latency"])
    return Outcome(
        right=judged.right,
        answered=judged.answered,
        found=judged.found,
        gold=judged.gold,
        in_scope=judged.in_scope,
        refused=refused,
        refused_by_threshold=refused | (judged.confidence < threshold),
        refused_at_4=judged.confidence < fit_false_alarm(sure, rate=FALSE_ALARMS),
        seen=float(np.mean([clip(row.text) in trained for row in order.test])),
        gzipped_kib=size["gzipped_kib"],
        p50_ms=latency["p50_ms"],
    )


def _goals(result: Json) -> list[Json]:
    return cast("list[Json]", result["goals"])


if __name__ == "__main__":
    sys.exit(main())
