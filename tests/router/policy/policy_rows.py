"""Labelled prompts with a truth that tests know: which of three models is good at what, and what it costs."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SUBJECTS = {
    "sums": ["add", "subtract", "multiply", "fraction", "integer", "equation", "solve", "number", "twelve", "percent"],
    "law": ["court", "statute", "plaintiff", "contract", "tort", "appeal", "judge", "liable", "clause", "treaty"],
    "退货": ["退货", "退款", "快递", "订单", "换货", "运费", "发票", "仓库", "签收", "保修"],
}
TRUTH = {
    "sums": {"small": 0.9, "middle": 0.6, "large": 0.95},
    "law": {"small": 0.2, "middle": 0.7, "large": 0.95},
    "退货": {"small": 0.3, "middle": 0.9, "large": 0.6},
}
PRICES = {"small": 1e-7, "middle": 1e-6, "large": 2e-5}


def labelled(n: int, *, seed: int = 0, subjects: tuple[str, ...] = tuple(SUBJECTS), graded: bool = False) -> list[dict]:
    """Return `n` rows whose rewards are drawn by `TRUTH`."""
    draw = random.Random(seed)
    rows = []
    for at in range(n):
        subject = subjects[at % len(subjects)]
        text = " ".join(draw.choices(SUBJECTS[subject], k=draw.randint(5, 30)))
        quality = {model: float(draw.random() < p) for model, p in TRUTH[subject].items()}
        if graded:
            quality = {model: round(0.8 * p + 0.2 * draw.random(), 3) for model, p in TRUTH[subject].items()}
        cost = {model: price * len(text) + price for model, price in PRICES.items()}
        rows.append({"id": f"r{at}", "suite": "s", "task": subject, "prompt": text, "quality": quality, "cost": cost})
    return rows


def written(path: Path, rows: list[dict]) -> Path:
    """Write rows as JSON Lines and return the path."""
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
    return path
