"""`GET /api/routing/stats`: what each model was found to be good at, and what learning has brought so far."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import get
from sqlalchemy import select

from config.errors import StorageError, UnavailableError
from config.types import Json
from proxy.native_api import HttpRequest, house_of, known_caller
from router.learning.profiles import success
from router.tables import model_performance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.database import Database
    from proxy.house import House


@get("/api/routing/stats", summary="What was learned of each model", tags=["Thalamus"])
async def get_stats(request: HttpRequest) -> Json:
    """Return rows by model, domain and language with n and intervals, and the learning curve by day.

    `success_rate` is the share of people's opinions above the middle; `answered` the share of attempts that did not
    fail. The curve's `static` is what drawing by the configured weights would have earned on the same questions.
    """
    await known_caller(request)
    return await stats(house_of(request))


async def stats(house: House) -> Json:
    """Return the figures. Raises `UnavailableError` while the books cannot be read."""
    learning = house.learning
    try:
        attempts = await _attempts(house.database)
    except StorageError as error:
        raise UnavailableError("The books cannot be read at the moment.", code="storage_unavailable") from error
    rows, curve = await asyncio.to_thread(_figures, house)
    known = {(each["model"], each["domain"], each["language"]): each for each in rows}
    merged = [
        {**known.get(key, _silent(key)), **attempts.get(key, {})} for key in sorted(known.keys() | attempts.keys())
    ]
    return {
        "learning": learning.told(house.settings.learning),
        "experience": house.experience.version,
        "performance": merged,
        "curve": curve,
    }


def _figures(house: House) -> tuple[list[dict[str, Any]], list[Json]]:
    learner = house.learning.live
    with learner.lock:
        return learner.profiles.rows(), learner.profiles.curve()


def _silent(key: tuple[str, str, str]) -> dict[str, Any]:
    model, domain, language = key
    told = {"model": model, "domain": domain, "language": language}
    return {**told, "n": 0, "n_implicit": 0, "mean_reward": None, **success(0, 0)}


async def _attempts(database: Database) -> dict[tuple[str, str, str], Json]:
    async with database.reading() as connection:
        found = (await connection.execute(select(model_performance))).mappings().all()
    return {(row["model"], row["domain"], row["language"]): _attempted(row) for row in found}


def _attempted(row: Mapping[Any, Any]) -> Json:
    n, good = row["n_attempts"], row["n_successes"]
    share = success(good, n)
    return {
        "n_attempts": n,
        "answered": {"rate": share["success_rate"], "low": share["low"], "high": share["high"]},
        "mean_duration_ms": round(row["duration_ms_sum"] / good, 1) if good else None,
        "mean_ttft_ms": round(row["ttft_ms_sum"] / row["n_ttft"], 1) if row["n_ttft"] else None,
        "cost_usd": row["cost_usd_sum"],
    }


ROUTES = [get_stats]
