"""Turns what mutmut left behind into docs/reports/mutation.md: per file, how many mutants the tests killed."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

REPORT = Path(__file__).parents[2] / "docs" / "reports" / "mutation.md"
GOAL = 0.80
SURVIVED, NOT_CHECKED = 0, None
NO_TESTS, SKIPPED, TIMEOUT = frozenset({5, 33}), frozenset({34}), frozenset({36, 24, 152, 255, -24})
"""Exit codes of mutmut 3; a mutant that makes the tests hang was noticed."""
PAGE = """# Mutation testing

Made by `make mutate` on {when} with mutmut 3: every operator, constant, call and comparison of these files was changed,
one at a time, and the tests of their room were run against it.

| file | mutants | killed | timed out | survived | killed share |
|---|---|---|---|---|---|
{table}

Goal: at least {goal:.0%} killed. {verdict} `mutmut show NAME` prints a survivor.
"""


def main() -> None:
    """Read the folder that is named on the command line and write the report."""
    folder = Path(sys.argv[1])
    counts = {file: count(file) for file in sorted(folder.rglob("*.meta"))}
    counts = {file: found for file, found in counts.items() if found.total()}
    lines = [line(str(file.relative_to(folder)).removesuffix(".meta"), found) for file, found in counts.items()]
    everything = sum(counts.values(), Counter[str]())
    reached = share(everything) >= GOAL
    text = PAGE.format(
        when=time.strftime("%Y-%m-%d"),
        table="\n".join([*lines, line("**all**", everything)]),
        goal=GOAL,
        verdict="Reached." if reached else "**Missed.**",
    )
    REPORT.write_text(text)
    print(text)
    if everything["not checked"]:
        sys.exit(f"{everything['not checked']} mutants were not checked: run `make mutate` again, it goes on")


def count(meta: Path) -> Counter[str]:
    """Return how the mutants of one file fared."""
    found = Counter[str]()
    for code in json.loads(meta.read_text())["exit_code_by_key"].values():
        if code in SKIPPED:
            continue
        found[fate(code)] += 1
    return found


def fate(code: int | None) -> str:
    """Return what an exit code means."""
    if code is NOT_CHECKED:
        return "not checked"
    if code == SURVIVED or code in NO_TESTS:
        return "survived"
    return "timed out" if code in TIMEOUT else "killed"


def share(found: Counter[str]) -> float:
    """Return the share of the checked mutants that the tests noticed."""
    checked = found.total() - found["not checked"]
    return (found["killed"] + found["timed out"]) / checked if checked else 0.0


def line(name: str, found: Counter[str]) -> str:
    """Return one table row."""
    n = found.total() - found["not checked"]
    cells = (name, str(n), str(found["killed"]), str(found["timed out"]), str(found["survived"]), f"{share(found):.1%}")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
