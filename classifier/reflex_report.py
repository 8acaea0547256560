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
FILES = ("frozen", "more", "development", "blind")
HEAD = """# Reflex

Made by `python -m classifier.reflex_report`. A case counts as found only with the right action; a wrong action is a
miss and a false alarm. Intervals: 95 %, exact binomial.

{first}

"""
FIRST = """`frozen` and `blind` were written without sight of the rules and never edited. Each was measured once before
anybody looked at what failed, and **these two first figures say what to expect of sentences unlike those the rules were
written on**:

| first look | n | recall | precision |
|---|---|---|---|
| frozen, the first rules | 300 | 127/150 = 84.7% (77.9%-90.0%) | 127/136 = 93.4% (87.8%-96.9%) |
| blind, the rules made general | 320 | 144/160 = 90.0% (84.3%-94.2%) | 144/153 = 94.1% (89.1%-97.3%) |
| blind, en | 160 | 73/80 = 91.2% (82.8%-96.4%) | 73/74 = 98.6% (92.7%-100.0%) |
| blind, zh | 160 | 71/80 = 88.8% (79.7%-94.7%) | 71/79 = 89.9% (81.0%-95.5%) |

The goal of 97 % on sentences never seen is missed; about one order in ten that is worded in an unforeseen way passes.
Afterwards the failures were read and the rules widened, so the figures below are those of files that have been seen.
`development` was written in batches by whoever wrote the rules, each judged before the rules met it (recall and
precision in turn: 56/86, 84/87, 84/88, 76/86, 77/89, 97/94, 91/95, 94/89, 95/95, 94/96 %; after the look at `blind`
87/90 and 80/91 %); four debatable cases were then labelled anew or dropped. `more` is the file of the first rules.
Half of all cases must not fire and most were chosen to be hard; none is a sample of real traffic."""


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
    parts = {name: judge(file) for name in FILES if (file := folder / f"{name}.jsonl").exists()}
    both = [each for part in parts.values() for each in part]
    rows = [*parts.items(), ("all", both)]
    rows += [
        (f"{name}, {language}", [each for each in part if each.language == language])
        for name, part in (("all", both), *((name, parts[name]) for name in ("frozen", "blind") if name in parts))
        for language in ("en", "zh")
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
    return HEAD.format(first=FIRST) + "\n".join(lines)


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
