"""A corpus small enough to train on in a test: shop talk in two languages, put together from parts."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING

from classifier.foundry.blueprint import Features, Targets
from classifier.foundry.corpus import Row
from classifier.foundry.orders import Order

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ASKS = {
    "payment": (
        ("refund my money", "charge my card", "pay the invoice", "退款给我", "付款失败", "开一张发票"),
        ("please", "right now", "for last month", "谢谢", "马上", "上个月的"),
    ),
    "inventory": (
        ("stock of red shoes", "how many are left", "restock the shelf", "库存还有多少", "补货", "仓库盘点"),
        ("today", "in the warehouse", "before noon", "今天", "在仓库", "中午之前"),
    ),
    "none": (
        ("tell me a joke", "the weather is nice", "who won the game", "讲个笑话", "天气真好", "谁赢了比赛"),
        ("friend", "my dear", "this evening", "朋友", "亲爱的", "今晚"),
    ),
}


def single_rows() -> tuple[Row, ...]:
    """Rows with one label each."""
    return tuple(
        Row(f"{opening} {closing}", (label,), "zh" if opening > "z" else "en")
        for label, (openings, closings) in ASKS.items()
        for opening, closing in product(openings, closings)
    )


def multi_rows() -> tuple[Row, ...]:
    """Rows with one label, and with two."""
    pays, stocks = ASKS["payment"][0], ASKS["inventory"][0]
    both = (Row(f"{pay}, {stock}", ("payment", "inventory"), "en") for pay, stock in product(pays, stocks))
    return (*single_rows(), *both)


def written(path: Path, rows: Iterable[Row], *, keys: tuple[str, str] = ("text", "intents")) -> Path:
    """Write rows in the shape that is asked for and return where."""
    text, labels = keys
    lines = (json.dumps({text: row.text, labels: list(row.labels)}, ensure_ascii=False) for row in rows)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def order(rows, *, task="single", **more) -> Order:
    """An order with every fifth row for testing."""
    labels = tuple(sorted({label for row in rows for label in row.labels}))
    parts = {"train": tuple(r for at, r in enumerate(rows) if at % 5), "test": tuple(rows[::5])}
    return Order(
        **{
            "name": "small",
            "task": task,
            "labels": labels,
            **parts,
            "features": Features(costs=(1.0,)),
            "targets": Targets(selective_accuracy=0.8),
            **more,
        }
    )
