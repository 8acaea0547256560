"""The sums that pages read: per hour, day, deployment, model, domain, intent. Pure: rows in, rows to be added out."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from router.providers.json_values import as_number, as_objects, as_text
from router.rows import slice_of
from router.tables import (
    DURATION_BUCKETS_MS,
    model_performance,
    rollup_deployment_hour,
    rollup_hour,
    rollup_intent_day,
    rollup_saving_day,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Table

    from config.types import Json

SETTLED_CLASSES = frozenset({"caller", "policy", "context"})
"""Failures that say nothing about how well a model works: the request was at fault."""
_CHARGED = ("classifier_tokens", "judge_tokens", "missed_answer_tokens")
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


def deployments(payloads: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return one row to add to `rollup_deployment_hour` for each hour, deployment and end among the attempts."""
    sums = _Sums(rollup_deployment_hour)
    for payload in payloads:
        hour = _hour(payload["decision"]["ts"])
        for row in payload["attempts"]:
            bucket = BUCKET_COLUMNS[bisect_left(DURATION_BUCKETS_MS, row["duration_ms"])]
            key = (hour, row["deployment"], row["failure_class"] or "")
            sums.add(
                key,
                n_attempts=1,
                n_committed=int(row["committed"]),
                duration_ms_sum=row["duration_ms"],
                ttft_ms_sum=row["ttft_ms"] or 0.0,
                n_ttft=int(row["ttft_ms"] is not None),
                cost_usd=row["cost_usd"] or 0.0,
                **{bucket: 1},
            )
            sums.name(key, model=row["model"])
    return sums.rows()


def intents(payloads: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return one row to add to `rollup_intent_day` for each day, intent, tier and model among the decisions."""
    sums = _Sums(rollup_intent_day)
    for payload in payloads:
        row = payload["decision"]
        sums.add(
            _intent_key(row),
            n_requests=1,
            n_completed=int(row["status"] == "completed"),
            confidence_sum=row["confidence"] or 0.0,
            n_confidence=int(row["confidence"] is not None),
            input_tokens=row["input_tokens"],
            output_tokens=row["output_tokens"],
            cost_usd=row["cost_usd"] or 0.0,
        )
    return sums.rows()


def intent_ratings(opinions: Iterable[tuple[Mapping[str, Any], float | None, float | None]]) -> list[Json]:
    """Return rows to add to `rollup_intent_day` for (decision, score before, score now); `None` is no score."""
    sums = _Sums(rollup_intent_day)
    for decision, before, after in opinions:
        sums.add(
            _intent_key(decision),
            rating_sum=(after or 0.0) - (before or 0.0),
            rating_square_sum=(after or 0.0) ** 2 - (before or 0.0) ** 2,
            n_ratings=int(after is not None) - int(before is not None),
        )
    return sums.rows()


def savings(payloads: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return one row to add to `rollup_saving_day` for each day, model and arm among completed decisions."""
    sums = _Sums(rollup_saving_day)
    for payload in payloads:
        row = payload["decision"]
        if row["status"] != "completed":
            continue
        saved: Mapping[str, Any] = row.get("savings") or {}
        charged, against = saved.get("charged"), saved.get("against")
        tokens = _tokens(saved, charged, against) if charged and against else {}
        dearest = dearest_usd(row)
        sums.add(
            (_day(row["ts"]), row["served_model"] or row["chosen"] or "", saved.get("arm") or ""),
            n_requests=1,
            n_passages=int(bool(tokens)),
            n_priced=int(dearest is not None),
            cost_usd=row["cost_usd"] if dearest is not None else 0.0,
            dearest_usd=dearest or 0.0,
            **tokens,
        )
    return sums.rows()


def dearest_usd(row: Mapping[str, Any]) -> float | None:
    """Return about what the same request had cost at the dearest eligible model, USD; `None` where nobody can know.

    The answer's real cost, times the ratio of what was expected of both when the choice was made.
    """
    features, cost = row["features"], row["cost_usd"]
    found = as_objects(cast("Mapping[str, object]", features).get("candidates")) if isinstance(features, dict) else []
    if cost is None:
        return None
    usds = ((as_text(each.get("model")), as_number(each.get("expected_cost_usd"))) for each in found)
    expected = {model: usd for model, usd in usds if usd is not None}
    own = expected.get(row["served_model"] or row["chosen"])
    return cost * max(expected.values()) / own if own else None


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

    def name(self, key: tuple[object, ...], **values: str) -> None:
        """Keep what is no sum, such as the model behind a deployment."""
        self._rows[key] |= values

    def rows(self) -> list[Json]:
        """Return the sums, ordered by key: two writers that lock rows in one order cannot deadlock."""
        return [dict(zip(self._keys, key, strict=True)) | self._rows[key] for key in sorted(self._rows, key=str)]


def _hour(ts: datetime | str) -> datetime:
    return _moment(ts).replace(minute=0, second=0, microsecond=0)


def _day(ts: datetime | str) -> datetime:
    return _hour(ts).replace(hour=0)


def _tokens(saved: Mapping[str, Any], charged: Mapping[str, Any], against: Mapping[str, Any]) -> dict[str, int]:
    return {
        "sent_tokens": saved.get("sent_tokens", 0),
        "charged_tokens": sum(charged.get(name, 0) for name in _CHARGED),
        "all_documents_tokens": against["all_documents"]["tokens"] if against.get("all_documents") else 0,
    }


def _intent_key(row: Mapping[str, Any]) -> tuple[object, ...]:
    model = row["served_model"] or row["chosen"] or ""
    return _day(row["ts"]), row["intent"] or "", row["intent_source"] or "", model


def _moment(ts: datetime | str) -> datetime:
    return datetime.fromisoformat(ts) if isinstance(ts, str) else ts
