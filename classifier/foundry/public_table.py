"""Every goal of understanding in one table: what was measured, the page where its figure stands, reached or missed.

Reads the shipped cards and the reports that other commands wrote; measures nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from classifier.artefact import CARD
from classifier.foundry.shipped_page import ACCURACY_LOW, COVERAGE, P50_MS, SIZE_KIB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from config.types import Json

_INTENT: Final = (("micro-F1", "micro_f1", 0.92), ("exact", "exact", 0.80), ("recall", "recall", 0.92))
_SURE: Final = "99 % accuracy (lower bound 98) of 80 % answered"
_POINTS_APART: Final = 3.0
_AIMS: Final = (("in_scope_accuracy_at_4", 0.94), ("out_of_scope_recall_at_4", 0.82))
"""Of CLINC150, beyond what it must reach."""
_VERDICT: Final = re.compile(r"p50 [\d.]+ ms, \*\*(reached|missed)\*\*")
_CALLED: Final = {
    "accuracy": "accuracy",
    "selective_accuracy": "right among the answered",
    "coverage": "answered",
    "in_scope_accuracy": "accuracy in scope",
    "in_scope_accuracy_at_4": "accuracy in scope at the 4 % point",
    "out_of_scope_recall_at_4": "out-of-scope recall at the 4 % point",
    "micro_f1": "micro-F1",
}


@dataclass(frozen=True, slots=True)
class Goal:
    """One row of the table."""

    what: str
    asked: str
    found: str
    reached: bool | None
    """`None` where nothing was measured."""
    page: str


_QWEN: Final = Goal(
    "Qwen3 heads", "better than the micro-model", "no weights here to measure", None, "../classifier.md"
)


def goals_table(results: Sequence[Json], *, artefacts: Path, reports: Path) -> str:
    """Return the table in Markdown; what was not measured is said to be so."""
    cards = {path.parent.name: _read(path) for path in sorted(artefacts.glob(f"*/{CARD}"))}
    rows = (*_intents(cards), *_shipped(cards), *_public(results), *_entities(reports), _overhead(reports), _QWEN)
    lines = ["| what | to reach | measured | | page |", "|---|---|---|---|---|", *map(_line, rows)]
    return "\n".join(lines)


def _intents(cards: Mapping[str, Json]) -> list[Goal]:
    metrics = _part(cards.get("intent", {}), "metrics")
    if not metrics:
        return []
    found = [
        Goal(f"six intents, {head}", _percent(goal), _percent(value), value >= goal, "intent.md")
        for head, key, goal in _INTENT
        for value in (_value(metrics, key),)
    ]
    languages = _part(metrics, "languages")
    apart = {
        name: 100 * (_value(_part(languages, name), "micro_f1") - _value(metrics, "micro_f1")) for name in languages
    }
    told = ", ".join(f"{name} {points:+.1f}" for name, points in sorted(apart.items()))
    within = all(abs(points) <= _POINTS_APART for points in apart.values())
    return [*found, Goal("each language, points of micro-F1 from the whole", "within 3", told, within, "intent.md")]


def _shipped(cards: Mapping[str, Json]) -> list[Goal]:
    if not cards:
        return []
    sizes = {name: cast("float", _part(card, "size").get("gzipped_kib", 0.0)) for name, card in cards.items()}
    times = {name: cast("float", _part(card, "latency").get("p50_ms", 0.0)) for name, card in cards.items()}
    n_sure = sum(_is_sure(_part(card, "metrics")) for card in cards.values())
    errors = [cast("float", _part(card, "metrics").get("ece", 0.0)) for card in cards.values()]
    largest, slowest = max(sizes, key=sizes.__getitem__), max(times, key=times.__getitem__)
    page, n = "micromodels.md", len(cards)
    size = f"at most {sizes[largest]} (`{largest}`)"
    time = f"at most {times[slowest]} (`{slowest}`)"
    return [
        Goal(f"shipped models, {_SURE}", "all", f"{n_sure} of {n}", n_sure == n, page),
        Goal("shipped models, ECE", "reported", f"{min(errors):.3f} to {max(errors):.3f}", reached=True, page=page),
        Goal("shipped models, size", f"{SIZE_KIB:.0f} KiB", size, sizes[largest] <= SIZE_KIB, page),
        Goal("shipped models, p50", f"{P50_MS} ms", time, times[slowest] <= P50_MS, page),
    ]


def _public(results: Sequence[Json]) -> list[Goal]:
    found: list[Goal] = []
    for each in results:
        figures, name = cast("dict[str, list[float]]", each["figures"]), str(each["name"])
        goals = [(str(goal["measure"]), cast("float", goal["goal"])) for goal in cast("list[Json]", each["goals"])]
        for key, goal in goals:
            found.append(_of_set(name, key, goal, figures))
        if name.startswith("CLINC"):
            found += [_of_set(f"{name}, aim", key, goal, figures) for key, goal in _AIMS if key in figures]
            if "in_scope_accuracy_by_threshold" not in figures:
                what = f"{name}, with the paper's threshold"
                found.append(Goal(what, "beside Larson 2019", "measured by the next run", None, "below"))
    return found


def _of_set(name: str, key: str, goal: float, figures: Mapping[str, Sequence[float]]) -> Goal:
    value = figures[key][0]
    return Goal(f"{name}, {_CALLED[key]}", _percent(goal), _percent(value), value >= goal, "below")


def _entities(reports: Path) -> list[Goal]:
    found = _read(reports / "ner.json")
    goals: list[Goal] = []
    for each in cast("list[Json]", found.get("sets", [])):
        of_language = _part(_part(_part(each, "apart"), "figures"), str(each["lang"]))
        value, goal = _value(of_language, "micro_f1"), cast("float", each["goal"])
        goals.append(Goal(f"names, {each['file']}, F1", _percent(goal), _percent(value), value >= goal, "ner.md"))
    return goals


def _overhead(reports: Path) -> Goal:
    """Return how often the page of the cascade says that its goal is reached."""
    page = reports / "cascade.md"
    said = _VERDICT.findall(page.read_text("utf-8")) if page.is_file() else []
    told = f"reached in {said.count('reached')} of {len(said)} readings of p50" if said else "not measured"
    return Goal("what the cascade adds", "0.5 ms", told, None if not said else "missed" not in said, page.name)


def _line(goal: Goal) -> str:
    verdict = "not measured" if goal.reached is None else "reached" if goal.reached else "**missed**"
    page = goal.page if goal.page == "below" else f"[{goal.page.removeprefix('../')}]({goal.page})"
    return f"| {goal.what} | {goal.asked} | {goal.found} | {verdict} | {page} |"


def _is_sure(metrics: Json) -> bool:
    accuracy = _part(metrics, "selective_accuracy")
    low = accuracy.get("low")
    return (
        _value(metrics, "coverage") >= COVERAGE
        and _value(metrics, "selective_accuracy") >= 0.99  # noqa: PLR2004  # the goal's own name
        and isinstance(low, float)
        and low >= ACCURACY_LOW
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _value(figures: Json, key: str) -> float:
    value = _part(figures, key).get("value")
    return float(value) if isinstance(value, int | float) else 0.0


def _part(whole: Json, key: str) -> Json:
    value = whole.get(key)
    return cast("Json", value) if isinstance(value, dict) else {}


def _read(path: Path) -> Json:
    return cast("Json", json.loads(path.read_bytes())) if path.is_file() else {}
