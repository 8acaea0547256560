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
FILES = ("frozen", "more", "development", "blind", "further", "regression")
SEEN = ("frozen", "more", "development", "blind")
"""The four files that the goals were set on."""
BLUEPRINTS = Path("classifier/foundry/blueprints")
HEAD = """# Reflex

Made by `python -m classifier.reflex_report`. A case counts as found only with the right action; a wrong action is a
miss and a false alarm. Intervals: 95 %, exact binomial.

{first}

"""
FIRST = """The rules of any older commit are measured on today's cases in the same way:

```
mkdir old && git archive COMMIT classifier config | tar x -C old
PYTHONPATH=old python classifier/reflex_report.py --out old.md
```

`frozen`, `blind` and `further` were written without sight of the rules and never edited since. What history proves of
sentences that no rule had been written on: the rules of commit 8c2c498, older than `blind`, found
**129/160 = 80.6 %** of its orders (73.6-86.4 %), and 129/140 = 92.1 % (86.4-96.0 %) of what fired was right. Of
`frozen` history holds no first figure: the first rules that were committed already gave 150/150. Earlier editions of
this page and of the README quoted 127/150 for `frozen`, and 144/160 = 90.0 % and 144/153 = 94.1 % for `blind`. The
rules that these were measured with were never committed: **the figures cannot be made again** and should not be relied
upon.

{further}

Failures have been read and the rules widened, so the figures below are those of files that have been seen.
`development` and `more` were written by whoever wrote the rules; `regression` holds what was once read wrongly, each
with an order beside it that a mend too broad would lose. Half of these cases must not fire and most were chosen to be
hard; none is a sample of real traffic."""
FURTHER = ""
ORDINARY = ("domain", "sentiment", "complexity", "is_question")
"""Blueprints whose held-out rows ask for anything at all: what fires there is nearly always a false alarm."""
ORDERS_AMONG_THEM = frozenset(
    {
        "I'd like to change the delivery address of order 5531",
        "改一下收货人电话，订单还没发",
        "rename the second sheet to Budget",
        "拉黑这个号码",
        "答疑时间改到周三",
    }
)
"""Held-out rows of these blueprints that fire and were read to be orders."""


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
    both = [each for name, part in parts.items() if name in SEEN for each in part]
    rows = [*((name, part) for name, part in parts.items() if name in SEEN), ("all", both)]
    rows += [(name, part) for name, part in parts.items() if name not in SEEN]
    rows += [
        (f"{name}, {language}", [each for each in part if each.language == language])
        for name, part in (
            ("all", both),
            *((name, parts[name]) for name in ("frozen", "blind", "further") if name in parts),
        )
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
    return HEAD.format(first=FIRST.format(further=FURTHER)) + "\n".join([*lines, *ordinary(BLUEPRINTS)])


def ordinary(blueprints: Path) -> list[str]:
    """Return how often it fires on the held-out rows of models that ask something else."""
    lines = ["## Ordinary requests", "", "| held-out rows of | n | fired | no order |", "|---|---|---|---|"]
    fired: list[str] = []
    n_rows = 0
    reflex = Reflex()
    for name in ORDINARY:
        texts = [
            cast("dict[str, str]", json.loads(line))["text"]
            for line in (blueprints / name / "test.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        hits = [text for text in texts if reflex.look(text) is not None]
        lines.append(f"| {name} | {len(texts)} | {len(hits)} | {len(set(hits) - ORDERS_AMONG_THEM)} |")
        fired += hits
        n_rows += len(texts)
    wrong = len(set(fired) - ORDERS_AMONG_THEM)
    lines += [f"| all | {n_rows} | {_share(len(fired), n_rows)} | {_share(wrong, n_rows)} |", ""]
    return lines


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
