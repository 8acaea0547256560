"""Offline: the page `docs/reports/retrieval.md`, from the figures of `bench.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrieval.bench_names_page import parts as parts_beside
from retrieval.coverage import BUDGETS, N_RESAMPLES, SEED
from retrieval.coverage_table import budget_rows, rows_of, share, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GOAL_COVERED = 0.92
GOAL_TOKENS = 1200
GOAL_FIRST = 0.99
GOAL_SPAN = 0.98
GOAL_SCRIPT = 0.03
GOAL_LOSS = -0.01
GOAL_P50_MS = 2
GOAL_BUILD_S = 60
TITLES = {"en": "English", "zh": "Chinese, simplified", "zh_hant": "Chinese, traditional"}
Figures = dict[str, Any]
"""Decoded JSON: this page is the border at which it becomes words."""


def write_page(found: Figures) -> str:
    """Return the page."""
    folders = found["folders"]
    parts = [
        _HEAD.format(
            data=found["data_hash"], embedder=found["embedder"], seed=SEED, resamples=N_RESAMPLES,
            verdict=_table(("measure", "to reach", "measured", ""), _verdict(found)),
        ),
        *(
            f"## {TITLES[name]} (n = {folders[name]['n']})\n{_table(*rows_of(folders[name]))}\n\n"
            f"Within a budget of tokens:\n\n{_table(*budget_rows(folders[name]))}\n"
            for name in folders
        ),
        f"## Hybrid against the better of its legs\n{_table(_GAIN_HEAD, _gains(found))}\n",
        f"## Questions in the other script\n{_table(('questions', 'as they are', 'converted'), _scripts(found))}\n",
        f"## As the library grows\n{_GROWTH}\n{_table(('documents', 'questions', 'hybrid', 'BM25'), _growth(found))}\n",
        f"## Rules of fusion\n{_FUSIONS}\n{_table(_FUSION_HEAD, _fusions(found))}\n",
        *parts_beside(found),
        _speed(found["speed"]),
    ]  # fmt: skip
    return "\n".join(parts)


def _verdict(found: Figures) -> list[tuple[str, ...]]:
    """Return each goal with what was measured, reached or missed."""
    en, zh, hant = (found["folders"][name] for name in ("en", "zh", "zh_hant"))
    five = en["methods"]["hybrid"]["k"]["5"]["covered"]
    until = en["methods"]["hybrid"]["tokens_until"]["95%"]["tokens"]
    rows = [
        ("en, 5 passages cover gold characters", "86 %, aim 92 %", share(five), _met(five["value"] >= GOAL_COVERED)),
        (
            "en, tokens until 95 % of questions are wholly covered",
            "1,900, aim 1,200",
            tokens(until),
            _met(until["value"] is not None and until["value"] <= GOAL_TOKENS),
        ),
    ]
    for name, each in (("zh", zh), ("zh_hant", hant)):
        first = each["methods"]["hybrid"]["first"]
        whole = each["budgets"][str(BUDGETS[0])]["whole"]
        drop = found["other_script"][name]["own"]["value"] - found["other_script"][name]["converted"]["value"]
        rows += [
            (f"{name}, gold passage first", "99 %", share(first), _met(first["value"] >= GOAL_FIRST)),
            (f"{name}, answer covered at 500 tokens", "98 %", share(whole), _met(whole["value"] >= GOAL_SPAN)),
            (
                f"{name}, questions in the other script",
                "within 3 points",
                f"{100 * drop:+.1f} lost",
                _met(drop <= GOAL_SCRIPT),
            ),
        ]
    gains = [at["gain"]["value"] for each in found["against_legs"].values() for at in each.values()]
    average = 100 * sum(gains) / len(gains)
    rows += [
        ("hybrid less its better leg, worst", "-1 point", f"{100 * min(gains):+.1f}", _met(min(gains) >= GOAL_LOSS)),
        ("hybrid less its better leg, average", "above 0", f"{average:+.2f}", _met(average > 0)),
        ("falls no faster than BM25 as the library grows", "", *_falls(found["growth"])),
    ]
    speed = found["speed"]
    return [
        *rows,
        ("search, median", "2 ms", f"{speed['p50_ms']} ms", _met(speed["p50_ms"] <= GOAL_P50_MS)),
        (
            f"index of {speed['windows']:,} passages",
            "60 s",
            f"{speed['built_s']} s",
            _met(speed["built_s"] <= GOAL_BUILD_S),
        ),
    ]


def _falls(growth: Sequence[Mapping[str, float]]) -> tuple[str, str]:
    hybrid, bm25 = (growth[0][name] - growth[-1][name] for name in ("hybrid", "bm25"))
    return f"{100 * hybrid:.1f} against {100 * bm25:.1f} points", _met(hybrid <= bm25 + 1e-9)


def _met(reached: bool) -> str:  # noqa: FBT001  # says it in a word
    return "reached" if reached else "**missed**"


def _gains(found: Figures) -> list[tuple[str, ...]]:
    return [
        (folder, k, at["better_leg"], " ".join(f"{100 * at['gain'][name]:+.1f}" for name in ("value", "low", "high")))
        for folder, each in found["against_legs"].items()
        for k, at in each.items()
    ]


def _scripts(found: Figures) -> list[tuple[str, ...]]:
    return [(name, share(each["own"]), share(each["converted"])) for name, each in found["other_script"].items()]


def _growth(found: Figures) -> list[tuple[str, ...]]:
    return [
        (str(row["documents"]), str(row["n"]), f"{100 * row['hybrid']:.1f} %", f"{100 * row['bm25']:.1f} %")
        for row in found["growth"]
    ]


_GAIN_HEAD = ("questions", "k", "better leg", "gain in gold characters, points, and its interval")
_FUSION_HEAD = (
    "rule", "en: characters at 5", "en: whole at 10", "zh: first", "zh: whole at 5", "zh_hant: first",
    "zh_hant: whole at 5",
)  # fmt: skip


def _fusions(found: Figures) -> list[tuple[str, ...]]:
    return [
        (
            name,
            *(
                f"{100 * row[folder][figure]:.1f} %"
                for folder, figure in (
                    ("en", "covered_5"), ("en", "whole_10"), ("zh", "first"), ("zh", "whole_5"), ("zh_hant", "first"),
                    ("zh_hant", "whole_5"),
                )
            ),
        )
        for name, row in found["fusions"].items()
    ]  # fmt: skip


def _speed(speed: Figures) -> str:
    return (
        f"## Speed\n{speed['windows']:,} windows: indexed in {speed['built_s']} s; one search takes {speed['p50_ms']} "
        f"ms (median of {speed['n']:,}), {speed['p95_ms']} ms (95th percentile), {speed['p99_ms']} ms (99th). The "
        "library is the documents above and further ones made of their sentences in other orders; two cores.\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


_HEAD = """# Hybrid search: figures

Written by `make bench-retrieval DATA=folder`; do not edit by hand. The same figures as JSON stand beside this page.

Data {data}, embedder {embedder}. A question is wholly covered when every character of every needed span (or of one of
the span's alternatives) is in what is sent. Tokens are estimated (`config.tokens`). Intervals are 95 %, by {resamples}
bootstrap resamples of the questions (seed {seed}); with two English documents they say little about a third. English
is searched in its own pool, both Chinese scripts in one. The constants were chosen on these same questions.

## Goals
{verdict}
"""
_GROWTH = (
    "The same questions, whose documents are in the smallest pool, as other documents join: gold document first.\n"
)
_FUSIONS = "How the scores of words and vectors become one (`docs/decisions` says why):\n"
