"""Figures of `coverage.tables` as rows of text, for the terminal and for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {"hybrid": "hybrid", "dense": "vectors only", "bm25": "BM25 only", "documents": "whole documents"}
Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]


def share(cell: Mapping[str, float | None]) -> str:
    """Return a share with its interval, such as `91.2 % (88.0 to 94.1)`."""
    value, low, high = (cell[name] for name in ("value", "low", "high"))
    if value is None:
        return "never"
    return f"{100 * value:.1f} % ({100 * (low or 0):.1f} to {100 * (high or 0):.1f})"


def tokens(cell: Mapping[str, float | None]) -> str:
    """Return a count of tokens with its interval; an end that is never reached is open."""
    value, low, high = (cell[name] for name in ("value", "low", "high"))
    if value is None:
        return "never"
    return f"{value:,.0f} ({low:,.0f} to {'never' if high is None else format(high, ',.0f')})"


def rows_of(found: Mapping[str, object]) -> Rows:
    """Return head and rows: each method at each k, then what it takes to cover 90, 95 and 99 % of the questions."""
    head = ("sent", "gold characters covered", "questions wholly covered", "tokens")
    rows: list[tuple[str, ...]] = []
    for method, figures in _mapping(found["methods"]).items():
        each = _mapping(figures)
        name = NAMES[method]
        rows.append((f"{name}, first is the gold document", share(_cell(each["first"])), "", ""))
        for k, at in _mapping(each["k"]).items():
            cell = _mapping(at)
            rows.append(
                (
                    f"{name}, {k}",
                    share(_cell(cell["covered"])),
                    share(_cell(cell["whole"])),
                    tokens(_cell(cell["tokens"])),
                )
            )
        for target, at in _mapping(each["tokens_until"]).items():
            cell = _mapping(at)
            reached = "" if cell["k"] is None else f"with {cell['k']}"
            rows.append((f"{name}, until {target} covered", "", reached, tokens(_cell(cell["tokens"]))))
    return head, rows


def budget_rows(found: Mapping[str, object]) -> Rows:
    """Return head and rows: hybrid search where each question sends at most so many tokens."""
    head = ("at most tokens", "gold characters covered", "questions wholly covered", "tokens sent")
    rows = [
        (
            budget,
            *(share(_cell(_mapping(at)[name])) for name in ("covered", "whole")),
            tokens(_cell(_mapping(at)["tokens"])),
        )
        for budget, at in _mapping(found["budgets"]).items()
    ]
    return head, rows


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value)


def _cell(value: object) -> dict[str, float | None]:
    return cast("dict[str, float | None]", value)
