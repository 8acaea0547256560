"""The recorded run as a page of Markdown: the timeline, the figures of that run, and one decision explained."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.demo.day import UPSTREAMS
from tests.demo.view import COLUMNS, cells, verdict

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.demo.ledger import Ledger
    from tests.demo.traffic import Seen

SHOWN: tuple[str, ...] = (
    "id", "ts", "requested", "chosen", "served_model", "status", "stream", "reasons", "probabilities", "ranked",
    "candidates", "duration_ms", "ttft_ms", "attempts",
)  # fmt: skip
"""Columns of the decision that the page shows, where they are there."""


def write_report(path: Path, ledger: Ledger, options: argparse.Namespace) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(ledger, options), encoding="utf-8")
    print(f"written: {path}")


def page(ledger: Ledger, options: argparse.Namespace) -> str:
    """Return the page."""
    total = ledger.total()
    waits = total.first_s
    lines = [
        "# A bad day, recorded",
        "",
        (
            "One run of `make demo`: four scripted upstreams (`claude` speaks Anthropic's dialect, `gpt` OpenAI's, "
            "`deepseek` a look-alike's, `local` Ollama's), the real gateway as a process of its own before them, and the "
            "official `openai` client without retries of its own. Two thirds of the requests ask for `auto`, the others name a "
            "model whose fallbacks are all the others; six in ten are streamed; questions are English and Chinese in turn. "
            "All breaker settings are the defaults."
        ),
        "",
        (
            f"Recorded on {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()}: {options.seconds:.0f} s, "
            f"about {options.rate:g} requests a second, seed {options.seed}, on {os.cpu_count()} cores. Run it again with "
            "`make demo`; figures of waits differ from machine to machine."
        ),
        "",
        f"**{verdict(ledger)}**",
        "",
        f"Further attempts: {total.n_attempts - total.n} for {total.n} requests. First content of streams: median "
        f"{waits[len(waits) // 2]:.2f} s, 95 of 100 within {waits[len(waits) * 95 // 100]:.2f} s, longest "
        f"{waits[-1]:.2f} s."
        if waits
        else "",
        "",
        "## What happened, and what the clients saw",
        "",
        *_table(COLUMNS, [*(cells(row) for row in ledger.rows()), [*cells(total)[:-1], ""]]),
        "",
        (
            "*Answered*: by the first who was asked. *After failover*: somebody else had failed before, unseen by the "
            "client; the *added wait* is how long those attempts took. *Broken in mid-stream*: words had been sent, so "
            "nobody else may go on; the client gets an error in the stream. *Nobody could*: no answer, and nobody was well "
            "all the time; such a client gets an error that names who was asked and who was held back, and a 503 says "
            "when to come again. *Failed*: no answer though somebody was well all the time. A request belongs to the line "
            "in which it began."
        ),
        "",
        "## Who answered",
        "",
        *_table(
            ["at", "what happened", *UPSTREAMS],
            [
                [f"{row.at:.0f} s", row.title, *(str(row.served.get(name, 0)) for name in UPSTREAMS)]
                for row in ledger.rows()
            ],
        ),
        *_explained(ledger),
        "",
    ]
    return "\n".join(lines)


def _explained(ledger: Ledger) -> list[str]:
    """Return the section on one failover: the one with most attempts."""
    rescued = [each for each in ledger.seen if each.how == "answered" and len(each.attempts) > 1]
    if not rescued:
        return []
    chosen = max(rescued, key=lambda each: (len(each.attempts), each.stream))
    return [
        "",
        "## One failover, explained",
        "",
        (
            f"At {chosen.began:.1f} s a client asked for `{chosen.model}`, {'streamed' if chosen.stream else 'plain'}, and "
            f"{_heard(chosen)}. What `GET /v1/decisions/{chosen.decision_id}` says of it:"
        ),
        "",
        "```json",
        json.dumps(_shortened(chosen.decision or {}), ensure_ascii=False, indent=2),
        "```",
    ]


def _heard(seen: Seen) -> str:
    return f"heard the first word of `{seen.served}` after {seen.first_s:.2f} s"


def _shortened(decision: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells of the choice and the attempts, without empty fields; times are rounded."""
    shown = {name: decision[name] for name in SHOWN if name in decision}
    shown["attempts"] = [_filled(each) for each in shown.get("attempts", [])]
    return _filled(shown)


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    filled = {name: value for name, value in fields.items() if value not in (None, [], {}, "") and name != "usage_raw"}
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in filled.items()}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
