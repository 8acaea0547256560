"""What is to be forged: from a blueprint, or from anybody's own files, to an order that `forge` can carry out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from classifier.foundry.blueprint import RAW, Features, Targets
from classifier.foundry.corpus import ROW_MEND, data_hash, read_rows
from classifier.foundry.refine import Refined, refine, sift
from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from classifier.foundry.blueprint import Blueprint
    from classifier.foundry.corpus import Row
    from classifier.preproc import Task
    from config.types import Json

OWN_COSTS = (0.5, 1.5)
OUT_OF_SCOPE = "out_of_scope"
"""Name of the label of rows without labels, in a single-label corpus that has such rows."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be forged."""

    name: str
    task: Task
    labels: tuple[str, ...]
    train: tuple[Row, ...]
    validation: tuple[Row, ...] = ()
    """Rows to tune on beside cross-fitting; never trained on."""
    test: tuple[Row, ...] = ()
    """Held-out rows that nothing is fitted on; without them the card has the measures of validation only."""
    out_of_scope: str = ""
    features: Features = field(default_factory=Features)
    targets: Targets = field(default_factory=Targets)
    seeds: tuple[int, ...] = (1,)
    sources: Json = field(default_factory=dict[str, object])
    """Hashes of the data, for the card."""
    dropped: dict[str, int] = field(default_factory=dict[str, int])
    """Rows left out of `train` before, by reason; for the card."""


def order_of(blueprint: Blueprint, *, more: tuple[Path, ...] = ()) -> tuple[Order, Refined]:
    """Return the order of a blueprint, and what was kept and dropped of its corpus. Raises `CorpusError`.

    `more` are files of training rows beside the corpus, such as harvested ones.
    """
    if blueprint.trainer != "tfidf_linear":
        raise CorpusError(
            f"the trainer {blueprint.trainer} takes no order for a linear model", file=str(blueprint.folder)
        )
    files = blueprint.corpus_files
    raw = blueprint.folder / RAW
    files = (*files, *((raw,) if raw.is_file() else ()), *more)
    if not files:
        raise CorpusError(
            "holds no *.jsonl with training rows; write some or generate them", file=str(blueprint.folder)
        )
    test = read_rows([blueprint.test_file]) if blueprint.test_file.is_file() else ()
    one_label = blueprint.task == "single"
    refined = refine(read_rows(files), blueprint.labels, one_label=one_label, held_out=test)
    sources: dict[str, object] = {"train_sha256": data_hash(files)}
    if test:
        sources["test_sha256"] = data_hash([blueprint.test_file])
    order = Order(
        name=blueprint.name,
        task=cast("Task", blueprint.task),
        labels=blueprint.labels,
        train=refined.rows,
        test=test,
        out_of_scope=blueprint.out_of_scope,
        features=blueprint.features,
        targets=blueprint.targets,
        seeds=blueprint.seeds,
        sources=sources,
        dropped=refined.reasons(),
    )
    return order, refined


def own_order(train: Path, validation: Path, *, name: str, task: Task, seeds: tuple[int, ...]) -> tuple[Order, Refined]:
    """Return the order for anybody's own rows; labels are those of the training file. Raises `CorpusError`."""
    rows, held_out = _some_rows(train), _some_rows(validation)
    labels, out_of_scope = labels_of(rows, multi=task == "multi")
    if len(labels) < 2:  # noqa: PLR2004  # one label leaves nothing to tell apart
        named = f"only the label {labels[0]!r}" if labels and labels[0] != out_of_scope else "no label"
        raise CorpusError(f"its rows carry {named}; give rows of two or more to tell apart", file=str(train))
    refined = sift(rows, labels, one_label=task == "single")
    needs_one = task == "single" and not out_of_scope
    faults = [_fault(row, set(labels), one_label=task == "single", needs_one=needs_one) for row in held_out]
    kept = tuple(row for row, fault in zip(held_out, faults, strict=True) if not fault)
    left_out = dict(Counter(fault for fault in faults if fault))
    if not kept:
        raise CorpusError(
            f"no row carries the labels of the training rows: {', '.join(labels)} ({_said(left_out)})",
            file=str(validation),
        )
    order = Order(
        name=name,
        task=task,
        labels=labels,
        train=refined.rows,
        validation=kept,
        out_of_scope=out_of_scope,
        features=Features(costs=OWN_COSTS),
        targets=Targets(),
        seeds=seeds,
        sources={"train_sha256": data_hash([train]), "validation_sha256": data_hash([validation])},
        dropped={**refined.reasons(), **left_out},
    )
    return order, refined


def labels_of(rows: Sequence[Row], *, multi: bool) -> tuple[tuple[str, ...], str]:
    """Return the labels of rows in alphabetical order, and the out-of-scope one where it is needed."""
    labels = sorted({label for row in rows for label in row.labels})
    if multi or all(row.labels for row in rows):
        return tuple(labels), ""
    return (*[label for label in labels if label != OUT_OF_SCOPE], OUT_OF_SCOPE), OUT_OF_SCOPE


def _some_rows(path: Path) -> tuple[Row, ...]:
    rows = read_rows([path])
    if not rows:
        raise CorpusError(f"holds no row; {ROW_MEND}", file=str(path))
    return rows


def _fault(row: Row, known: set[str], *, one_label: bool, needs_one: bool) -> str:
    """Return why a validation row cannot be measured on, empty where it can."""
    if one_label and len(row.labels) > 1:
        return "validation rows with more than one label"
    if not set(row.labels) <= known:
        return "validation rows with labels that the training rows do not have"
    return "validation rows without a label" if needs_one and not row.labels else ""


def _said(left_out: dict[str, int]) -> str:
    return ", ".join(f"{n} {reason}" for reason, n in left_out.items())
