"""Writes what `classifier/foundry/public.py` measured as a page for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json

_NAMES = {
    "accuracy": "accuracy",
    "in_scope_accuracy": "accuracy in scope, with out of scope as a label",
    "out_of_scope_recall": "out-of-scope recall, with out of scope as a label",
    "in_scope_accuracy_by_threshold": "accuracy in scope, with a threshold from validation",
    "out_of_scope_recall_by_threshold": "out-of-scope recall, with a threshold from validation",
    "in_scope_accuracy_at_4": "accuracy in scope at the 4 % point",
    "false_alarms_at_4": "false alarms at the 4 % point",
    "out_of_scope_recall_at_4": "out-of-scope recall at the 4 % point",
    "micro_f1": "micro-F1",
    "exact": "exact sets",
    "coverage": "answered",
    "selective_accuracy": "right among the answered",
}
_HEAD = """# Understanding: every goal, and micro-models on public data

{table}

Each page says by which command it is made, on how many rows and with which intervals. The six intents were read on two
more parts that nobody had learnt from; on one of them [the goals are missed](intent-method.md).

## The public sets

Made by `make bench-classifier DATA=folder`. Each set's published training part is split anew by each seed: 85 % to
train, 5 % to validate, 10 % to test (CLINC150: 80, 10, 10). Cost and size are chosen on training rows of the first
seed; all thresholds come from validation rows and from cross-fitting in the training part. Nothing is chosen on test
rows. A figure is the mean over the seeds, in per cent, with a 95 % interval for the test rows of one seed. Published
figures are of the sets' own test parts: they stand beside ours, not against. Every model is measured as it is shipped:
int8, ONNX Runtime, one thread, featuriser included.

"""


def written(results: Sequence[Json], *, table: str = "") -> str:
    """Return the report in Markdown; `table` is that of every goal."""
    return _HEAD.format(table=table) + "\n".join(_section(each) for each in results)


def _section(result: Json) -> str:
    figures = cast("dict[str, list[float]]", result["figures"])
    goals = {str(goal["measure"]): goal for goal in cast("list[Json]", result["goals"])}
    seeds = ", ".join(str(seed) for seed in cast("list[int]", result["seeds"]))
    counts = f"{result['rows']} rows, {result['labels']} labels, seeds {seeds}"
    seen = 100 * cast("float", result["test_texts_also_in_training"])
    counts += f", {seen:.1f} % of the test texts said in training too"
    lines = [
        f"### {result['name']}",
        "",
        f"{counts}; at most {result['gzipped_kib']} KiB gzipped, p50 {result['p50_ms']} ms.",
        "",
        "| measure | ours | 95 % | to reach |",
        "|---|---|---|---|",
    ]
    for name, (value, low, high) in figures.items():
        goal = goals.get(name)
        reach = f"{100 * cast('float', goal['goal']):g}{'' if goal['reached'] else ' (missed)'}" if goal else ""
        lines.append(f"| {_NAMES[name]} | {100 * value:.1f} | {100 * low:.1f} to {100 * high:.1f} | {reach} |")
    first = cast("dict[str, list[float]]", result.get("first_seed", {}))
    for name, (value, low, high) in first.items():
        if name not in figures:
            span = f"{100 * low:.1f} to {100 * high:.1f}"
            lines.append(f"| {_NAMES[name]} (seed 1 alone) | {100 * value:.1f} | {span} |  |")
    return "\n".join([*lines, "", f"Published: {result['published']}.", ""])
