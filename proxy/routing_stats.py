"""`GET /api/routing/stats`: what each model was found to be good at, and what learning has brought so far.

Who may administer sees all of it; a key sees its own words, and of others what no single one of them can be read from.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import get
from sqlalchemy import select

from config.errors import StorageError, UnavailableError
from config.types import Json
from proxy.learning import trust_of
from proxy.native_api import HttpRequest, house_of, known_caller
from router.learning.hearsay import lessons_of_others, own_lessons, profiles_of, sums_of_others
from router.learning.profiles import success
from router.tables import model_performance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from config.database import Database
    from config.key_identity import KeyIdentity
    from proxy.house import House
    from router.similar.values import Record

    Cell = tuple[str, str, str]


@get("/api/routing/stats", summary="What was learned of each model", tags=["Thalamus"])
async def get_stats(request: HttpRequest) -> Json:
    """Return rows by model, domain and language with n and intervals, and the learning curve by day.

    `success_rate` is the share of people's opinions above the middle; `answered` the share of attempts that did not
    fail. The curve's `static` is what drawing by the configured weights would have earned on the same questions. An
    admin's key sees all. Any other one sees what was said of its own answers, of models that it may use, and beside it
    `others`: rounded sums of what at least three other keys said; no attempts and no costs.
    """
    caller = await known_caller(request)
    house = house_of(request)
    if caller is None or "admin" in caller.scopes:
        return await stats(house)
    lease = house.limiter.lease(caller, house.settings.limits)
    if lease is not None:
        lease.take_request()
    return await stats_for(house, caller)


async def stats(house: House) -> Json:
    """Return all figures. Raises `UnavailableError` while the books cannot be read."""
    learning = house.learning
    try:
        attempts = await _attempts(house.database)
    except StorageError as error:
        raise _away() from error
    rows, curve = await asyncio.to_thread(_figures, house)
    return {
        "learning": learning.told(house.settings.learning),
        "experience": house.experience.version,
        "performance": _merged(rows, attempts),
        "curve": curve,
    }


async def stats_for(house: House, caller: KeyIdentity) -> Json:
    """Return the figures that a key may know. Raises `UnavailableError` while the books cannot be read."""
    models = None if caller.models is None else house.catalog.only(caller.models).models.keys()
    try:
        trust = await trust_of(house.catalog, house.database)
        own = await own_lessons(house.database, caller.prefix, trust=trust)
        heard = await lessons_of_others(house.database, caller.prefix, models=models, trust=trust)
    except StorageError as error:
        raise _away() from error
    own = [each for each in own if models is None or each.lesson.model in models]
    profiles = profiles_of(own)
    others = sums_of_others(heard, caller.prefix)
    sums: dict[Cell, Json] = {cell: {"others": _sum(record)} for cell, record in others.items()}
    learning = house.learning.told(house.settings.learning)
    unknown = dict.fromkeys(("n_unkept", "n_refused"))
    return {
        "learning": {name: learning[name] for name in ("status", "version")}
        | {"n_lessons": len(own), **unknown, "learned_until": learning["learned_until"]},
        "experience": house.experience.version.partition(".")[0],  # the rest changes with every word of anybody
        "performance": _merged(profiles.rows(), sums),
        "curve": profiles.curve(),
    }


def _merged(rows: Iterable[Json], more: Mapping[Cell, Json]) -> list[Json]:
    """Return a row for whatever either knows of, in order."""
    known = {(str(each["model"]), str(each["domain"]), str(each["language"])): each for each in rows}
    return [{**known.get(key, _silent(key)), **more.get(key, {})} for key in sorted(known.keys() | more.keys())]


def _sum(record: Record) -> Json:
    return {"n": record.n, "mean_reward": record.mean_reward}


def _away() -> UnavailableError:
    return UnavailableError("The books cannot be read at the moment.", code="storage_unavailable")


def _figures(house: House) -> tuple[list[Json], list[Json]]:
    learner = house.learning.live
    with learner.lock:
        return learner.profiles.rows(), learner.profiles.curve()


def _silent(key: Cell) -> Json:
    model, domain, language = key
    told = {"model": model, "domain": domain, "language": language}
    return {**told, "n": 0, "n_implicit": 0, "mean_reward": None, **success(0, 0)}


async def _attempts(database: Database) -> dict[Cell, Json]:
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
