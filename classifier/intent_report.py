"""Writes the report on the shipped intent model from its card: `python -m classifier.intent_report`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import classifier
from classifier.artefact import CARD, read_json_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json

ARTEFACT: Final = Path(classifier.__file__).parent / "artefacts" / "intent"
PAGE: Final = Path("docs/reports/intent.md")
_HEADS: Final = ("micro-F1", "exact", "recall", "coverage", "accuracy when it answers")
_KEYS: Final = ("micro_f1", "exact", "recall", "coverage", "selective_accuracy")
_GOALS: Final = (("micro-F1", "micro_f1", 0.92), ("exact", "exact", 0.80), ("recall", "recall", 0.92))
_COVERAGE, _ACCURACY_LOW, _POINTS_APART = 0.80, 0.98, 3.0
"""Goals: share answered, lower bound on the accuracy of that, and micro-F1 points of a language from the whole."""
_LANGUAGES: Final = f"each language within {_POINTS_APART:.0f} points of micro-F1 of the whole"


def report(card: Json) -> str:
    """Return the page, in Markdown: figures of the held-out rows with 95 % intervals, and which goals are missed."""
    data, size, latency, metrics = (_part(card, key) for key in ("data", "size", "latency", "metrics"))
    languages = _part(metrics, "languages")
    rows = [("all", metrics), *((name, _part(languages, name)) for name in sorted(languages))]
    of_which = (
        f"Version `{card.get('version')}`, on the {metrics.get('rows')} held-out rows (sha256 "
        f"`{data.get('test_sha256')}`); 95 % intervals in brackets."
    )
    trained = (
        f"{size.get('gzipped_kib')} KiB gzipped; p50 {latency.get('p50_ms')} ms; "
        f"trained on {data.get('train_rows')} rows."
    )
    table = (
        f"| {name} | {' | '.join(_interval(_part(found, key)) for key in _KEYS)} | {found.get('ece')} |"
        for name, found in rows
    )
    lines = (
        "# The shipped intent model",
        "",
        "Made by `python -m classifier.intent_report` from the model's card.",
        "",
        of_which,
        "",
        f"| rows | {' | '.join(_HEADS)} | ECE |",
        f"|{'---|' * (len(_HEADS) + 2)}",
        *table,
        "",
        trained,
        _over_seeds(_part(card, "seeds")),
        "",
        _verdict(metrics),
        "",
    )
    return "\n".join(lines)


def _over_seeds(seeds: Json) -> str:
    means = "; ".join(
        f"{head} {_part(seeds, key).get('mean')} ({_part(seeds, key).get('min')} to {_part(seeds, key).get('max')})"
        for head, key in zip(_HEADS, _KEYS, strict=True)
        if key in seeds
    )
    n_seeds = len(cast("list[object]", seeds.get("values", [])))
    return f"Means over {n_seeds} seeds (least to most): {means}."


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page, from any artefact of the kind. Raises `ArtefactError` where there is no card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artefact", type=Path, default=ARTEFACT, help="folder of the model")
    parser.add_argument("--out", type=Path, default=PAGE, help="where the page goes")
    told = parser.parse_args(arguments)
    told.out.write_text(report(read_json_object(told.artefact / CARD)), encoding="utf-8")


def _verdict(metrics: Json) -> str:
    missed = [f"{head} {goal:.2f}" for head, key, goal in _GOALS if _value(metrics, key) < goal]
    sure = _part(metrics, "selective_accuracy").get("low")
    if _value(metrics, "coverage") < _COVERAGE or not isinstance(sure, float) or sure < _ACCURACY_LOW:
        missed.append("80 % coverage at 99 % accuracy (lower bound 98 %)")
    apart = _points_apart(metrics)
    if any(abs(each) > _POINTS_APART for each in apart.values()):
        missed.append(_LANGUAGES)
    read = ", ".join(f"{name} {points:+.1f}" for name, points in apart.items())
    languages = f" Of the languages is asked: {_LANGUAGES}; they are {read}." if read else ""
    if not missed:
        return f"It reaches its goals.{languages}"
    return (
        f"It misses of its goals: {'; '.join(missed)}. Where it is not sure it abstains; its labels are then a guess, "
        f"and are marked so.{languages}"
    )


def _points_apart(metrics: Json) -> dict[str, float]:
    """Return how many points of micro-F1 each language is from the whole."""
    languages = _part(metrics, "languages")
    whole = _value(metrics, "micro_f1")
    return {name: 100 * (_value(_part(languages, name), "micro_f1") - whole) for name in sorted(languages)}


def _interval(found: Json) -> str:
    return f"{found.get('value')} ({found.get('low')} to {found.get('high')})"


def _value(metrics: Json, key: str) -> float:
    value = _part(metrics, key).get("value")
    return float(value) if isinstance(value, int | float) else 0.0


def _part(whole: Json, key: str) -> Json:
    value = whole.get(key)
    return cast("Json", value) if isinstance(value, dict) else {}


if __name__ == "__main__":
    main()
