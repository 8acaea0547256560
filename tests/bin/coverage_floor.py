"""Fails unless the tests take enough branches of the rooms that carry every request; reads `.coverage`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import coverage

FLOOR_PERCENT = 95.0
ROOMS = ("router", "proxy")


def main(data_file: str = ".coverage") -> int:
    """Print branch coverage per room and the files that pull it down; return 1 when a room is below the floor."""
    files = branches_by_file(data_file)
    below = False
    for room in ROOMS:
        own = {name: counts for name, counts in files.items() if name.startswith(f"{room}/")}
        percent = percent_taken(own.values())
        below |= percent < FLOOR_PERCENT
        print(f"{room}: {percent:.1f} % of branches taken (floor {FLOOR_PERCENT:.0f} %)")
        for name, (taken, known) in sorted(own.items(), key=lambda item: item[1][0] - item[1][1])[:5]:
            if taken < known:
                print(f"  {name}: {known - taken} of {known} not taken")
    return int(below)


def branches_by_file(data_file: str) -> dict[str, tuple[int, int]]:
    """Return (taken, known) branches of every measured file; one never imported counts with none taken."""
    measured = coverage.Coverage(data_file=data_file)
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(report), include=[f"{room}/*" for room in ROOMS])
        found: dict[str, Any] = json.loads(report.read_text())
    return {
        name: (each["summary"]["covered_branches"], each["summary"]["num_branches"])
        for name, each in found["files"].items()
    }


def percent_taken(counts: Any) -> float:
    """Return the share of branches taken, in percent; no branches at all are all taken."""
    pairs = list(counts)
    known = sum(each[1] for each in pairs)
    return 100.0 * sum(each[0] for each in pairs) / known if known else 100.0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
