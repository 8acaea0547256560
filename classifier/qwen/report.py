"""Writes a comparison for people: one table, one chart of bars, what was measured on, and what was not measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from config.types import Json

BAR_CHARS = 40
_COLUMNS = (
    "contender",
    "micro-F1 (95 %)",
    "macro-F1",
    "exact",
    "recall",
    "zh",
    "en",
    "answers",
    "of these exact (95 %)",
    "ECE",
    "p50 ms",
    "p95 ms",
    "tokens read + written",
    "tokens saved",
)


def markdown(report: Json) -> str:
    """Return the report as Markdown; figures are shares of the rows, in percent."""
    found = cast("dict[str, Any]", report)
    contenders: list[dict[str, Any]] = found["contenders"]
    return "\n".join([
        "# Intent classifiers compared",
        "",
        *_about_the_rows(found["test"]),
        *(line for warning in found["warnings"] for line in ("", f"**{warning.removesuffix('.')}.**")),
        "",
        f"| {' | '.join(_COLUMNS)} |",
        "|" + "---|" * len(_COLUMNS),
        *(_table_row(each) for each in contenders),
        "",
        "ECE is the calibration error of all guesses: how far the confidence is from the share that is exactly right.",
        "",
        "Micro-F1 of all guesses, those of who abstains included; the line is 0 to 100 %:",
        "",
        "```text",
        *_bars(contenders),
        "```",
        "",
        *(f"- **{each['name']}**: {each['about']}." for each in contenders),
        *(f"- **{name}** was not measured: {why}" for name, why in found["left_out"].items()),
        "",
        "Measured with " + ", ".join(f"{name} {value}" for name, value in sorted(found["setting"].items())) + ".",
        "",
    ])  # fmt: skip


def _about_the_rows(test: dict[str, Any]) -> list[str]:
    languages = ", ".join(f"{n} {lang}" for lang, n in test["by_language"].items())
    lines = [f"{test['n']} rows of `{test['file']}` ({languages}), sha256 `{test['sha256'][:12]}`, one at a time."]
    clean = [name for name, parts in test["seen_rows"].items() if not any(parts.values())]
    if clean:
        checked = "none of them, word for word but for case, width and spaces, is among the rows that"
        lines += ["", f"Checked row by row: {checked} {' or '.join(clean)} learnt from."]
    lines += [f"\nNot checked for rows that {name} learnt from: {why}." for name, why in test["not_checked"].items()]
    if test["seen_in_training"]:
        seen = ", ".join(test["seen_in_training"])
        lines += ["", f"**These rows were seen in training ({seen}): the figures say nothing about other rows.**"]
    return lines


def _table_row(each: dict[str, Any]) -> str:
    scores, interval, answered = each["scores"], each["micro_f1_interval"], each["answered_exact"]
    cells = [
        each["name"],
        f"{_percent(scores['micro_f1'])} ({_percent(interval['low'])}-{_percent(interval['high'])})",
        *(_percent(scores[name]) for name in ("macro_f1", "exact", "recall")),
        *(
            _percent(each["by_language"][lang]["micro_f1"]) if each["by_language"][lang]["n"] else "-"
            for lang in ("zh", "en")
        ),
        _percent(each["coverage"]),
        f"{_percent(answered['value'])} ({_percent(answered['low'])}-{_percent(answered['high'])})",
        "-" if each["ece"] is None else _percent(each["ece"]),
        f"{each['p50_ms']:.2f}",
        f"{each['p95_ms']:.2f}",
        f"{each['input_tokens']:.1f} + {each['output_tokens']:.1f}",
        _percent(each["tokens_saved"]),
    ]
    return f"| {' | '.join(cells)} |"


def _bars(contenders: list[dict[str, Any]]) -> list[str]:
    width = max((len(each["name"]) for each in contenders), default=0)
    return [
        f"{each['name']:<{width}} {'█' * filled}{'·' * (BAR_CHARS - filled)} {_percent(each['scores']['micro_f1'])}"
        for each in contenders
        for filled in [round(each["scores"]["micro_f1"] * BAR_CHARS)]
    ]


def _percent(share: float) -> str:
    return f"{share * 100:.1f}"
