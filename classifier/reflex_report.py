"""Measures the reflex on its written cases and writes the report: `python -m classifier.reflex_report`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import cast

from classifier.calibration import binomial_interval
from classifier.reflex import ACTIONS, Reflex

CASES = Path("tests/classifier/reflex_cases")
REPORT = Path("docs/reports/reflex.md")
ROUNDS = 30
HEAD = """# Reflex

Made by `python -m classifier.reflex_report`. A case counts as found only with the right action; a wrong action is a
miss and a false alarm. Intervals: 95 %, exact binomial.

`frozen` was committed before the first rule and never edited. **The first figure on it, measured once before anybody
looked at what failed: recall 127/150 = 84.7 %, precision 127/136 = 93.4 %** (zh: 16 missed, 7 false alarms; en: 7 and
2). That is what to expect of sentences unlike those the rules were written on. Afterwards the failures were read and
the rules widened (homophones, relative clauses, who did it, titles, search-then-act), so the figures below are those
of a file that has been seen. `more` is the file the rules were developed on. Neither is a sample of real traffic.

"""


@dataclass(frozen=True, slots=True)
class Judged:
    """One case: what must fire, what fired, in which language it is written, and how long it took."""

    language: str
    want: str | None
    got: str | None
    seconds: float


def judge(file: Path) -> list[Judged]:
    """Return every case of a file, each timed by its best round."""
    reflex = Reflex()
    judged: list[Judged] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        case = cast("dict[str, str | None]", json.loads(line))
        text = case["text"] or ""
        hit = reflex.look(text)
        best = min(_seconds(reflex, text) for _ in range(ROUNDS))
        judged.append(Judged(case["lang"] or "", case["action"], hit.action if hit else None, best))
    return judged


def report(folder: Path) -> str:
    """Return the whole page."""
    frozen, more = judge(folder / "frozen.jsonl"), judge(folder / "more.jsonl")
    both = [*frozen, *more]
    rows = [
        ("frozen", frozen),
        ("more", more),
        ("all", both),
        *((f"all, {language}", [each for each in both if each.language == language]) for language in ("en", "zh")),
        *((f"frozen, {language}", [each for each in frozen if each.language == language]) for language in ("en", "zh")),
    ]
    lines = ["| cases | n | recall | precision |", "|---|---|---|---|"]
    lines += [f"| {name} | {len(part)} | {_recall(part)} | {_precision(part)} |" for name, part in rows]
    lines += ["", "| action, all cases | n | recall | precision |", "|---|---|---|---|"]
    for action in ACTIONS:
        own = [each for each in both if action in {each.want, each.got}]
        wanted = [each for each in own if each.want == action]
        fired = [each for each in own if each.got == action]
        lines.append(f"| {action} | {len(wanted)} | {_recall(wanted)} | {_precision(fired)} |")
    times = sorted(each.seconds * 1e6 for each in both)
    late = times[int(len(times) * 0.99)]
    lines += ["", f"One look, best of {ROUNDS}: median {median(times):.0f} µs, 99th percentile {late:.0f} µs."]
    lines += ["Nearly all of these cases hold a word of risk; a turn without one costs less.", ""]
    return HEAD + "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, default=CASES)
    parser.add_argument("--out", type=Path, default=REPORT)
    options = parser.parse_args(arguments)
    options.out.write_text(report(options.cases), encoding="utf-8")


def _recall(cases: Sequence[Judged]) -> str:
    wanted = [each for each in cases if each.want is not None]
    return _share(sum(each.want == each.got for each in wanted), len(wanted))


def _precision(cases: Sequence[Judged]) -> str:
    fired = [each for each in cases if each.got is not None]
    return _share(sum(each.want == each.got for each in fired), len(fired))


def _share(n_right: int, n: int) -> str:
    if not n:
        return "none"
    interval = binomial_interval(n_right, n)
    return f"{n_right}/{n} = {n_right / n:.1%} ({interval.low:.1%}-{interval.high:.1%})"


def _seconds(reflex: Reflex, text: str) -> float:
    began = time.perf_counter()
    reflex.look(text)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
