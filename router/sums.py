"""The sums that pages read: per hour, and per model, domain and language. Pure: rows in, rows to be added out."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from router.rows import slice_of
from router.tables import DURATION_BUCKETS_MS, model_performance, rollup_hour

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Table

    from config.types import Json

SETTLED_CLASSES = frozenset({"caller", "policy", "context"})
"""Failures that say nothing about how well a model works: the request was at fault."""
BUCKET_COLUMNS = (*(f"n_le_{bound}_ms" for bound in DURATION_BUCKETS_MS), "n_slower")


def hourly(payloads: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return one row to add to `rollup_hour` for each hour, model, status, key and arm among the decisions."""
    sums = _Sums(rollup_hour)
    for payload in payloads:
        row = payload["decision"]
        key = (
            _hour(row["ts"]),
            row["served_model"] or row["chosen"] or "",
            row["status"],
            row["key_prefix"] or "",
            row["arm"] or "",
        )
        bucket = BUCKET_COLUMNS[bisect_left(DURATION_BUCKETS_MS, row["duration_ms"])]
        sums.add(
            key,
            n_requests=1,
            n_attempts=row["n_attempts"],
            n_failovers=int(row["n_attempts"] > 1),
            n_cost_unknown=int(row["cost_usd"] is None),
            input_tokens=row["input_tokens"],
            output_tokens=row["output_tokens"],
            cached_tokens=row["cached_tokens"],
            cost_usd=row["cost_usd"] or 0.0,
            duration_ms_sum=row["duration_ms"],
            ttft_ms_sum=row["ttft_ms"] or 0.0,
            n_ttft=int(row["ttft_ms"] is not None),
            **{bucket: 1},
        )
    return sums.rows()


def performance(payloads: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return one row to add to `model_performance` for each model, domain and language among the attempts."""
    sums = _Sums(model_performance)
    for payload in payloads:
        domain, language = slice_of(payload["decision"]["features"])
        for row in payload["attempts"]:
            if row["failure_class"] in SETTLED_CLASSES:
                continue
            succeeded = row["failure_class"] is None
            has_ttft = succeeded and row["ttft_ms"] is not None
            sums.add(
                (row["model"], domain, language),
                _moment(row["ts"]),
                n_attempts=1,
                n_successes=int(succeeded),
                duration_ms_sum=row["duration_ms"] if succeeded else 0.0,
                ttft_ms_sum=row["ttft_ms"] if has_ttft else 0.0,
                n_ttft=int(has_ttft),
                cost_usd_sum=row["cost_usd"] or 0.0,
            )
    return sums.rows()


def ratings(opinions: Iterable[tuple[Mapping[str, Any], float, int, datetime]]) -> list[Json]:
    """Return rows to add to `model_performance` for (decision, change of score, change of count, time)."""
    sums = _Sums(model_performance)
    for decision, score, count, ts in opinions:
        model = decision["served_model"] or decision["chosen"]
        if model is not None:
            sums.add((model, *slice_of(decision["features"])), ts, rating_sum=score, n_ratings=count)
    return sums.rows()


class _Sums:
    """Adds up the values of rows that have the same primary key."""

    def __init__(self, table: Table) -> None:
        self._keys = [column.name for column in table.primary_key]
        self._zeros: Json = {column.name: 0 for column in table.columns if column.name not in self._keys}
        self._rows: defaultdict[tuple[object, ...], dict[str, Any]] = defaultdict(lambda: dict(self._zeros))

    def add(self, key: tuple[object, ...], updated_ts: datetime | None = None, /, **values: float) -> None:
        row = self._rows[key]
        if updated_ts is not None:
            row["updated_ts"] = max(row["updated_ts"] or updated_ts, updated_ts)
        for name, value in values.items():
            row[name] += value

    def rows(self) -> list[Json]:
        """Return the sums, ordered by key: two writers that lock rows in one order cannot deadlock."""
        return [dict(zip(self._keys, key, strict=True)) | self._rows[key] for key in sorted(self._rows, key=str)]


def _hour(ts: datetime | str) -> datetime:
    return _moment(ts).replace(minute=0, second=0, microsecond=0)


def _moment(ts: datetime | str) -> datetime:
    return datetime.fromisoformat(ts) if isinstance(ts, str) else ts
