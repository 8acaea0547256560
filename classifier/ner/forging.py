"""From a blueprint with the trainer `bilstm_crf` to its artefact: refine, train each seed, round, export, measure.

A new artefact is made aside, loaded and measured as it will be served, and only then put in its place.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from classifier.artefact import CARD, GOLDEN, MODEL, PREPROC, artefact_version
from classifier.calibration import ece, fit_temperature_multi
from classifier.foundry.card import put_in_place
from classifier.foundry.corpus import data_hash
from classifier.foundry.evaluate import latency_ms, over_seeds, rounded
from classifier.foundry.export import gzipped_bytes
from classifier.foundry.forge import ODD_TEXTS, Forged, Silent
from classifier.foundry.refine import near_pairs
from classifier.ner.entitymodel import EntityModel
from classifier.ner.export import compact, onnx_bytes
from classifier.ner.gazetteer import Gazetteer
from classifier.ner.measures import Scored, forms, scored
from classifier.ner.preproc import EntityPreproc, encode
from classifier.ner.spans import Span, read_span_rows
from classifier.ner.swapping import LEXICON, Forms, read_lexicon
from classifier.ner.training import Recipe, found_by, train
from classifier.text import clip, normalise
from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.foundry.blueprint import Blueprint
    from classifier.foundry.forge import Progress
    from classifier.ner.spans import SpanRow
    from classifier.ner.training import Trained
    from config.types import Json

VALIDATION_SHARE = 10
"""Every tenth training row, by the hash of its text, stops the training and is not learnt from."""
_GOLDEN_ROWS = 12
_DIGITS = 4
_SUM_DIGITS = 5


def forge_entities(blueprint: Blueprint, out: Path, *, progress: Progress | None = None) -> Forged:
    """Make the artefact of a blueprint in `out` and return its card. Raises `CorpusError`, `ArtefactError`.

    What was in `out` keeps its place until the new artefact has been loaded and measured.
    """
    progress = progress or Silent()
    recipe = recipe_of(blueprint)
    test = read_span_rows([blueprint.test_file]) if blueprint.test_file.is_file() else ()
    rows, dropped = refined(read_span_rows(blueprint.corpus_files), blueprint.labels, held_out=test)
    learnt, held = parted(rows)
    if not learnt or not held:
        raise CorpusError("holds too few rows to learn from and to validate on", file=str(blueprint.folder))
    listed = lexicon_of(blueprint)
    runs = [
        train(learnt, held, blueprint.labels, replace(recipe, seed=seed), progress, forms=listed)
        for seed in blueprint.seeds
    ]
    shown = test or held
    card: Json = {
        "task": "sequence",
        "trainer": "bilstm_crf",
        "data": {
            "train_sha256": data_hash(blueprint.corpus_files),
            **({"test_sha256": data_hash([blueprint.test_file])} if test else {}),
            "train_rows": len(learnt),
            "validation_rows": len(held),
            "languages": dict(Counter(row.lang for row in rows)),
            "dropped": dropped,
        },
        "recipe": {**asdict(recipe), "seed": blueprint.seeds[0], "terms": len(runs[0].vocabulary)},
        "evaluated_on": "test" if test else "validation",
    }
    known = forms(learnt)
    card["seeds"] = {
        "values": list(blueprint.seeds),
        "micro_f1": over_seeds([scored(shown, found_by(run, shown), known).f1.value for run in runs]),
        "epochs": [run.epochs for run in runs],
    }
    return _exported(blueprint, out, runs[0], (learnt, held, shown), card)


def lexicon_of(blueprint: Blueprint) -> Forms:
    """Return the forms that may take the place of marked ones in training. Raises `CorpusError`."""
    return read_lexicon(blueprint.folder / LEXICON)


def recipe_of(blueprint: Blueprint) -> Recipe:
    """Return the recipe of a blueprint's table `[training]`. Raises `CorpusError` naming what is wrong in it."""
    kinds = {each.name: each.type for each in fields(Recipe)}
    for key, value in blueprint.training.items():
        allowed = (int,) if kinds.get(key) == "int" else (int, float)
        if key not in kinds:
            known = ", ".join(kinds)
            raise CorpusError(f"unknown key {key!r} in training; known are {known}", file=str(blueprint.folder))
        if not isinstance(value, allowed) or isinstance(value, bool) or value < 0:
            raise CorpusError(f"training.{key} must be a number, 0 or more", file=str(blueprint.folder))
    return replace(Recipe(), **cast("dict[str, int]", dict(blueprint.training)))


def refined(
    rows: Sequence[SpanRow], types: Sequence[str], *, held_out: Sequence[SpanRow] = ()
) -> tuple[tuple[SpanRow, ...], dict[str, int]]:
    """Return the rows worth learning from, and how many were dropped for which reason."""
    reasons: dict[int, str] = {}
    seen: set[str] = set()
    known = set(types)
    for at, row in enumerate(rows):
        form = clip(row.text)
        if not form:
            reasons[at] = "empty text"
        elif not {each.type for each in row.spans} <= known:
            reasons[at] = "unknown type"
        elif form in seen:
            reasons[at] = "the same text again"
        seen.add(form)
    before = len(held_out)
    for earlier, later in near_pairs([row.text for row in (*held_out, *rows)]):
        at = later - before
        if at < 0 or at in reasons:
            continue
        if earlier < before:
            reasons[at] = "near-copy of a held-out text"
        elif earlier - before not in reasons:
            reasons[at] = "near-copy of another text"
    kept = tuple(row for at, row in enumerate(rows) if at not in reasons)
    return kept, dict(Counter(reasons.values()).most_common())


def parted(rows: Sequence[SpanRow]) -> tuple[list[SpanRow], list[SpanRow]]:
    """Return the rows to learn from and those to validate on, by the hash of their texts."""
    held = [row for row in rows if share_of(row.text, VALIDATION_SHARE) == 0]
    return [row for row in rows if share_of(row.text, VALIDATION_SHARE)], held


def share_of(text: str, n: int) -> int:
    """Return which of `n` parts a text falls into, by its SHA-256; the same wherever it is asked."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") % n


def told(figures: Scored) -> Json:
    """Return figures as a card shows them."""
    return {
        "rows": figures.rows,
        "entities": figures.entities,
        "micro_f1": rounded(figures.f1),
        "precision": round(figures.precision, _DIGITS),
        "recall": round(figures.recall, _DIGITS),
        "seen": {
            "n": figures.entities - figures.n_unseen,
            "recall": rounded(figures.seen),
            "f1": round(figures.seen_f1, _DIGITS),
        },
        "unseen": {"n": figures.n_unseen, "recall": rounded(figures.unseen), "f1": round(figures.unseen_f1, _DIGITS)},
        "types": {name: {"f1": round(f1, _DIGITS), "n": n} for name, (f1, n) in figures.by_type.items()},
    }


def _exported(blueprint: Blueprint, out: Path, run: Trained, rows: tuple[Sequence[SpanRow], ...], card: Json) -> Forged:
    learnt, held, shown = rows
    out.parent.mkdir(parents=True, exist_ok=True)
    bare = EntityPreproc(blueprint.name, run.vocabulary, blueprint.labels, run.lexicon.entries)
    golden = [*ODD_TEXTS, *(row.text for row in shown[:: max(1, len(shown) // _GOLDEN_ROWS)][:_GOLDEN_ROWS])]
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as aside:
        folder = Path(aside)
        model_bytes = write_entity_artefact(folder, run, bare, golden)
        first = EntityModel.load(folder)
        write_entity_artefact(folder, run, replace(bare, temperature=_temperature(first, held)), golden)
        model = EntityModel.load(folder)
        size = gzipped_bytes(model_bytes, encode(model.preproc)) / 1024
        if size > blueprint.targets.size_kib_gz:
            raise CorpusError(
                f"the model takes {size:.0f} KiB gzipped, more than size_kib_gz; lower training.max_terms or width",
                file=str(blueprint.folder),
            )
        card = {**model.card, **card, **_measured(model, learnt, shown), "version": model.version}
        card["size"] = {"model_bytes": len(model_bytes), "gzipped_kib": round(size, 1)}
        put_in_place(folder, out, card)
    return Forged(out, card)


def write_entity_artefact(folder: Path, run: Trained, preproc: EntityPreproc, golden: Sequence[str]) -> bytes:
    """Write the four files, with a card that holds no figures yet, and return the bytes of the model.

    The golden vectors are torch's, over the rounded weights: loading proves that the ONNX graph computes the same.
    """
    model_bytes = onnx_bytes(compact(run.tagger))
    sealed = replace(preproc, sha256_model=hashlib.sha256(model_bytes).digest())
    preproc_bytes = encode(sealed)
    card: Json = {
        "name": preproc.name,
        "version": artefact_version(model_bytes, preproc_bytes),
        "labels": list(preproc.types),
    }
    cases = [
        {"text": text, "tags": tags, "sums": [round(float(each), _SUM_DIGITS) for each in sums]}
        for text, (tags, sums) in zip(golden, run.golden(golden), strict=True)
    ]
    golden_json = json.dumps({"cases": cases}, ensure_ascii=False, indent=1) + "\n"
    (folder / GOLDEN).write_text(golden_json, "utf-8", "backslashreplace")  # rows may hold half a surrogate pair
    (folder / PREPROC).write_bytes(preproc_bytes)
    (folder / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (folder / MODEL).write_bytes(model_bytes)
    return model_bytes


def _temperature(model: EntityModel, rows: Sequence[SpanRow]) -> float:
    """Return the temperature that makes the probabilities of entities in validation rows right."""
    p, right = _sureness(model, rows)
    if not len(p):
        return 1.0
    return fit_temperature_multi(np.log(p / (1 - p))[:, None], right[:, None])


def _sureness(model: EntityModel, rows: Sequence[SpanRow]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [
        (each.confidence, Span(each.start, each.end, each.type) in row.spans)
        for row in rows
        for each in model.entities(row.text)
    ]
    return np.array([p for p, _ in pairs], np.float64), np.array([hit for _, hit in pairs], np.bool_)


def _measured(model: EntityModel, learnt: Sequence[SpanRow], shown: Sequence[SpanRow]) -> Json:
    listed = frozenset((normalise(form), name) for name, form in model.preproc.lexicon)
    known, gazetteer = forms(learnt) | listed, Gazetteer(learnt)
    metrics = told(scored(shown, [_spans(model, row) for row in shown], known))
    languages = sorted({row.lang for row in shown})
    for lang in languages if len(languages) > 1 else ():
        part = [row for row in shown if row.lang == lang]
        metrics.setdefault("languages", {})
        cast("Json", metrics["languages"])[lang] = told(scored(part, [_spans(model, row) for row in part], known))
    baseline = scored(shown, [gazetteer.entities(row.text) for row in shown], known)
    p, right = _sureness(model, shown)
    return {
        "metrics": {**metrics, "ece": round(ece(p, right), _DIGITS)},
        "baseline": {"gazetteer_of_the_training_rows": told(baseline)},
        "temperature": round(model.preproc.temperature, _DIGITS),
        "latency": latency_ms(model.entities, [row.text for row in shown]),
    }


def _spans(model: EntityModel, row: SpanRow) -> tuple[Span, ...]:
    return tuple(Span(each.start, each.end, each.type) for each in model.entities(row.text))
