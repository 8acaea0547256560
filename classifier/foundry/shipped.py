"""Measures every shipped micro-model on its held-out rows as it is served, and writes one table of all.

Run as `python -m classifier.foundry.shipped`; nothing is trained and no artefact changes. Size and p50 are the card's,
for those were taken when it was forged.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from classifier.artefact import CARD
from classifier.calibration import Interval, binomial_interval, bootstrap, ece
from classifier.foundry.blueprint import read_blueprint, shipped_artefacts, shipped_blueprints
from classifier.foundry.corpus import gold_matrix, read_rows
from classifier.foundry.evaluate import ROUNDS, judge, micro_f1, plain_share, served, share_at
from classifier.foundry.shipped_page import PAGE, page
from classifier.micromodel import MicroModel
from classifier.ner.entitymodel import EntityModel
from classifier.ner.measures import scored
from classifier.ner.spans import Span, read_span_rows
from classifier.readings import BILSTM_CRF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from config.types import Json

BOUND: Final = 0.8
"""Level of the one-sided binomial bound, as that of the blueprints."""
ACCURACY: Final = 0.99
SURE_SHARE: Final = 0.8
"""The share that is to be answered at `ACCURACY`."""
_MAIN: Final = {"single": "accuracy", "multi": "micro-F1", "sequence": "entity F1"}


@dataclass(frozen=True, slots=True)
class Shipped:
    """One shipped model on its held-out rows, as it is served."""

    name: str
    version: str
    n: int
    measure: str
    main: Interval
    target: float | None
    """Accuracy of what is answered that its blueprint asks for; `None` where it never abstains for want of it."""
    coverage: Interval
    accuracy: Interval
    """Exactly right, of what it answers."""
    at_99: float
    """Share that can be answered, by the bound; the threshold is chosen on these very rows."""
    plain_99: float
    """The same without a bound: right in 99 % of these rows themselves."""
    surest: Interval
    """Exactly right among the surest `SURE_SHARE` of the rows."""
    ece: float
    gzipped_kib: float
    p50_ms: float


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a model said of held-out rows, a value each."""

    right: NDArray[np.bool_]
    confidence: NDArray[np.float64]
    answered: NDArray[np.bool_]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all and write the page. Raises `ArtefactError` and `CorpusError`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PAGE, help="where the page goes")
    parser.add_argument("--artefacts", type=Path, default=shipped_artefacts(), help="folder of artefacts")
    told = parser.parse_args(arguments)
    names = sorted(each.parent.name for each in told.artefacts.glob(f"*/{CARD}"))
    told.out.write_text(page([measured(name, artefacts=told.artefacts) for name in names]), encoding="utf-8")
    return 0


def measured(name: str, *, artefacts: Path | None = None) -> Shipped:
    """Return the figures of one shipped model. Raises `ArtefactError` and `CorpusError`."""
    folder, blueprint = (artefacts or shipped_artefacts()) / name, read_blueprint(shipped_blueprints() / name)
    card = cast("Json", json.loads((folder / CARD).read_bytes()))
    if card.get("trainer") == BILSTM_CRF:
        version, main_figure, rows = _entities(folder, blueprint.test_file)
        target = None
    else:
        version, main_figure, rows = _labels(folder, blueprint.test_file)
        target = blueprint.targets.selective_accuracy
    n, n_answered = len(rows.right), int(rows.answered.sum())
    order = np.argsort(-rows.confidence, kind="stable")[: round(SURE_SHARE * n)]
    size, latency = cast("dict[str, float]", card["size"]), cast("dict[str, float]", card["latency"])
    return Shipped(
        name=name,
        version=version,
        n=n,
        measure=_MAIN[str(card["task"])],
        main=main_figure,
        target=target,
        coverage=binomial_interval(n_answered, n),
        accuracy=binomial_interval(int((rows.right & rows.answered).sum()), n_answered),
        at_99=share_at(rows.confidence, rows.right, accuracy=ACCURACY, bound=BOUND),
        plain_99=plain_share(rows.confidence, rows.right, accuracy=ACCURACY),
        surest=binomial_interval(int(rows.right[order].sum()), len(order)),
        ece=ece(rows.confidence, rows.right),
        gzipped_kib=size["gzipped_kib"],
        p50_ms=latency["p50_ms"],
    )


def _labels(folder: Path, file: Path) -> tuple[str, Interval, _Rows]:
    model, rows = MicroModel.load(folder), read_rows([file])
    gold = gold_matrix(rows, model.labels, out_of_scope=model.preproc.out_of_scope)
    found = judge(served(model, [row.text for row in rows]), gold, model.preproc)
    if model.preproc.task == "multi":
        figure = bootstrap(lambda at: micro_f1(found.found[at], found.gold[at]), len(rows), rounds=ROUNDS)
    else:
        figure = binomial_interval(int(found.right.sum()), len(rows))
    return model.version, figure, _Rows(found.right, found.confidence, found.answered)


def _entities(folder: Path, file: Path) -> tuple[str, Interval, _Rows]:
    """Return the figures of a tagger; a row is right where its entities are all found, and nothing else."""
    model, rows = EntityModel.load(folder), read_span_rows([file])
    read = [model.read(row.text) for row in rows]
    spans = [tuple(Span(each.start, each.end, each.type) for each in found.entities) for found in read]
    right = np.array([set(row.spans) == set(found) for row, found in zip(rows, spans, strict=True)], np.bool_)
    confidence = np.array([found.confidence for found in read])
    return model.version, scored(rows, spans, frozenset()).f1, _Rows(right, confidence, confidence > 0)


if __name__ == "__main__":
    sys.exit(main())
