"""Compares ways to find intents on one file of labelled rows: how often right, how fast, at what cost in tokens.

Each row is asked alone, after a few rows that do not count. Who abstains is measured twice: all guesses against all
rows, and only the answers. The report says what was not measured, and why; `thalamus classifier compare` writes it.
"""

from __future__ import annotations

import platform
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from classifier.calibration import Interval, binomial_interval, bootstrap, ece
from classifier.qwen.decision import flags_of
from classifier.qwen.report import markdown
from classifier.qwen.rows import data_hash, require_labels
from classifier.qwen.scores import Scores, scores_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from classifier.qwen.contenders import Contender, Guess
    from classifier.qwen.rows import Row
    from classifier.qwen.seen import Studied
    from config.types import Json

WARM_UP = 3
ROUNDS = 500


@dataclass(frozen=True, slots=True)
class Measured:
    """How one contender did."""

    name: str
    about: str
    scores: Scores
    """Of all guesses, those of who abstained included."""
    micro_f1_interval: Interval
    by_language: dict[str, Scores]
    coverage: float
    """Share of the rows it answered."""
    answered_exact: Interval
    """Of the rows it answered, the share that was exactly right."""
    ece: float | None
    """Expected calibration error of all guesses, 0 to 1; `None` where it does not say how sure it is."""
    p50_ms: float
    p95_ms: float
    input_tokens: float
    """Mean a row."""
    output_tokens: float
    """Mean a row."""
    tokens_saved: float
    """Share of the tokens that it does without, against the contender that takes most."""


def compare(
    rows: Sequence[Row],
    labels: Sequence[str],
    contenders: Sequence[Contender],
    *,
    tell: Callable[[str, int], None] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[Measured, ...]:
    """Measure each contender on all rows, in turn; `tell` is called with its name and the rows done."""
    found: list[tuple[Contender, list[Guess], list[float]]] = []
    for contender in contenders:
        for row in rows[:WARM_UP]:
            contender.guess(row.text)
        guesses: list[Guess] = []
        times: list[float] = []
        for n_done, row in enumerate(rows, 1):
            began = clock()
            guesses.append(contender.guess(row.text))
            times.append((clock() - began) * 1000)
            if tell:
                tell(contender.name, n_done)
        found.append((contender, guesses, times))
    most = max((_mean_tokens(guesses) for _, guesses, _ in found), default=0.0)
    return tuple(_measured(each, rows, labels, most) for each in found)


def make_report(
    measured: Sequence[Measured],
    rows: Sequence[Row],
    labels: Sequence[str],
    *,
    file: Path,
    recipes: Mapping[str, Json],
    left_out: Mapping[str, str],
    studied: Mapping[str, Studied] | None = None,
    warnings: Sequence[str] = (),
    setting: Mapping[str, object],
) -> Json:
    """Return everything that was measured and what it was measured on.

    `recipes` are those of the trained artefacts and `studied` the prompts they learnt from; rows that one of them saw
    in training are told. `left_out` says why a contender is missing, `warnings` what should be known before figures are
    read. Raises `CorpusError` for labels that no contender can know.
    """
    require_labels(rows, labels, file=file)
    test = _about(rows, recipes, studied or {})
    return {
        "test": {"file": file.name, "labels": list(labels), **test},
        "contenders": [asdict(each) for each in measured],
        "left_out": dict(left_out),
        "warnings": [*warnings, *_silent(measured), *_familiar(rows, studied or {})],
        "recipes": dict(recipes),
        "setting": {
            **setting,
            "machine": platform.machine(),
            "system": platform.system(),
            "date": datetime.now(UTC).date().isoformat(),
        },
    }


def write_report(report: Json, path: Path) -> tuple[Path, Path]:
    """Write `path` as JSON and, beside it, the same for people as Markdown; return both."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    readable = path.with_suffix(".md")
    readable.write_text(markdown(report), encoding="utf-8")
    return path, readable


def _silent(measured: Sequence[Measured]) -> list[str]:
    """Return a sentence on each contender that answered nothing."""
    return [
        f"{each.name} answered none of the {each.scores.n} rows: served, it would take its time and never answer"
        for each in measured
        if not each.coverage and each.scores.n
    ]


def _about(rows: Sequence[Row], recipes: Mapping[str, Json], studied: Mapping[str, Studied]) -> Json:
    """Return what the rows are, and which of them somebody saw before."""
    digest = data_hash(rows)
    return {
        "sha256": digest,
        "n": len(rows),
        "by_language": {lang: sum(row.lang == lang for row in rows) for lang in ("zh", "en")},
        "seen_in_training": _seen(digest, recipes),
        "seen_rows": _seen_rows(rows, studied),
        "not_checked": {name: each.unknown for name, each in studied.items() if each.unknown},
    }


def _seen_rows(rows: Sequence[Row], studied: Mapping[str, Studied]) -> dict[str, dict[str, int]]:
    texts = [row.text for row in rows]
    return {name: each.seen(texts) for name, each in studied.items() if not each.unknown}


def _familiar(rows: Sequence[Row], studied: Mapping[str, Studied]) -> list[str]:
    """Return a sentence on each contender and part whose rows are among the measured ones."""
    ends = {"train": "it was trained on them", "validation": "its checkpoint and thresholds were chosen on them"}
    return [
        f"{name} saw {count} of the {len(rows)} rows before, word for word: {ends[part]}, and its figures are too good"
        for name, parts in _seen_rows(rows, studied).items()
        for part, count in parts.items()
        if count
    ]


def _seen(digest: str, recipes: Mapping[str, Json]) -> list[str]:
    """Return which part of whose training these very rows were."""
    parts = ("train_sha256", "val_sha256")
    return sorted(f"{name}: {part}" for name, own in recipes.items() for part in parts if own.get(part) == digest)


def _measured(
    each: tuple[Contender, list[Guess], list[float]], rows: Sequence[Row], labels: Sequence[str], most: float
) -> Measured:
    contender, guesses, times = each
    gold, said = [row.labels for row in rows], [guess.labels for guess in guesses]
    right, given = flags_of(gold, labels), flags_of(said, labels)
    hits, sizes = (right & given).sum(axis=1), right.sum(axis=1) + given.sum(axis=1)
    answered = [
        set(guess.labels) == set(row.labels) for guess, row in zip(guesses, rows, strict=True) if not guess.abstained
    ]
    tokens = _mean_tokens(guesses)
    return Measured(
        name=contender.name,
        about=contender.about,
        scores=scores_of(gold, said, labels),
        micro_f1_interval=bootstrap(
            lambda at: float(2 * hits[at].sum() / max(1, sizes[at].sum())), len(rows), rounds=ROUNDS
        ),
        by_language={lang: _of_language(lang, rows, said, labels) for lang in ("zh", "en")},
        coverage=len(answered) / len(rows) if rows else 0.0,
        answered_exact=binomial_interval(sum(answered), len(answered)),
        ece=_ece(guesses, rows),
        p50_ms=float(np.quantile(times, 0.5)) if times else 0.0,
        p95_ms=float(np.quantile(times, 0.95)) if times else 0.0,
        input_tokens=float(np.mean([guess.input_tokens for guess in guesses])) if guesses else 0.0,
        output_tokens=float(np.mean([guess.output_tokens for guess in guesses])) if guesses else 0.0,
        tokens_saved=1 - tokens / most if most else 0.0,
    )


def _ece(guesses: Sequence[Guess], rows: Sequence[Row]) -> float | None:
    told = [guess.confidence for guess in guesses]
    sure = np.array([each for each in told if each is not None], np.float64)
    if not guesses or len(sure) < len(told):
        return None
    right = [set(guess.labels) == set(row.labels) for guess, row in zip(guesses, rows, strict=True)]
    return ece(sure, np.array(right, np.bool_))


def _of_language(lang: str, rows: Sequence[Row], said: Sequence[tuple[str, ...]], labels: Sequence[str]) -> Scores:
    kept = [(row.labels, guess) for row, guess in zip(rows, said, strict=True) if row.lang == lang]
    return scores_of([gold for gold, _ in kept], [guess for _, guess in kept], labels)


def _mean_tokens(guesses: Sequence[Guess]) -> float:
    return float(np.mean([guess.input_tokens + guess.output_tokens for guess in guesses])) if guesses else 0.0
