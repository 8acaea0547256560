"""Keeps what the survival tests measured; `python -m tests.survival.report` makes the page of it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

REPORTS = Path(__file__).parents[2] / "docs" / "reports"
INTO = "THALAMUS_SURVIVAL_INTO"
"""Variable that names the folder for figures; without it nothing is kept."""
PAGE = """# Survival

Made by `make survive` on {when}: the real command in a process of its own, scripted upstreams on loopback, SQLite,
two shared cores.

| what | figures |
|---|---|
{table}

Acknowledged is a decision whose whole answer a client has had for longer than one group commit when the server is
killed. A leak is a socket that is still open, or memory that has grown by more than 5 %, once all is quiet again.
"""


def tell(name: str, **figures: float) -> None:
    """Keep the figures of one test where `make survive` wants them."""
    folder = os.environ.get(INTO)
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.json").write_text(json.dumps(figures))


def main() -> None:
    """Write docs/reports/survival.md from the kept figures."""
    lines: list[str] = []
    for file in sorted(Path(os.environ[INTO]).glob("*.json")):
        figures = json.loads(file.read_text())
        said = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in figures.items())
        lines.append(f"| {file.stem} | {said} |")
    text = PAGE.format(when=time.strftime("%Y-%m-%d"), table="\n".join(lines))
    (REPORTS / "survival.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
