"""`GET /api/routing/stats`: what each model was found to be good at, and what learning has brought so far.

Who may administer sees all of it; a key sees what was said of the answers that it got itself, and nothing of others.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from litestar import get
from sqlalchemy import select

from config.errors import StorageError, UnavailableError
from config.types import Json
from proxy.native_api import HttpRequest, house_of, known_caller
from router.learning.lessons import Trust
from router.learning.own_words import own_lessons, profiles_of
from router.learning.profiles import success
from router.tables import model_performance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from config.database import Database
    from config.key_identity import KeyIdentity
    from proxy.house import House
    from router.snapshot import Catalog

    Asker = tuple[str, frozenset[str] | None]
    Cell = tuple[str, str, str]

KEEP_S: Final = 5.0
"""Seconds for which a key is told the same: its own lessons are read from the books once in that time."""
MAX_KEPT: Final = 256
"""Answers that are kept; beyond it the one that was asked for longest ago is forgotten."""


@get("/api/routing/stats", summary="What was learned of each model", tags=["Thalamus"])
async def get_stats(request: HttpRequest) -> Json:
    """Return rows by model, domain and language with n and intervals, and the learning curve by day.

    `success_rate` is the share of people's opinions above the middle; `answered` the share of attempts that did not
    fail. The curve's `static` is what drawing by the configured weights would have earned on the same questions. An
    admin's key sees all. Any other one sees what was said of its own answers, of models that it may use, and nothing
    of others; no attempts and no costs; what was said last shows after five seconds.
    """
    caller = await known_caller(request)
    house = house_of(request)
    if caller is None or "admin" in caller.scopes:
        return await stats(house)
    lease = house.limiter.lease(caller, house.settings.limits)
    if lease is not None:
        lease.take_request()
    kept = cast("OwnStats", request.app.state.setdefault("own_stats", OwnStats(house.learning.monotonic)))
    return await kept.of(house, caller)


@dataclass(slots=True)
class _Kept:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the books are read, so that one key's questions read them once, however many come together."""
    answer: Json | None = None
    until: float = 0.0


@dataclass(slots=True)
class OwnStats:
    """What keys were told in the last seconds. One a server; used on its loop."""

    clock: Callable[[], float] = time.monotonic
    max_kept: int = MAX_KEPT
    _kept: OrderedDict[Asker, _Kept] = field(default_factory=OrderedDict["Asker", _Kept])

    async def of(self, house: House, caller: KeyIdentity) -> Json:
        """Return the figures that a key may know, at most `KEEP_S` old. Raises `UnavailableError`, see `stats_for`."""
        asker: Asker = (caller.prefix, _models_of(house.catalog, caller))
        kept = self._kept.setdefault(asker, _Kept())
        self._kept.move_to_end(asker)
        if len(self._kept) > self.max_kept:
            self._kept.popitem(last=False)
        async with kept.lock:
            if kept.answer is None or self.clock() >= kept.until:
                kept.answer = await stats_for(house, caller)
                kept.until = self.clock() + KEEP_S
            return kept.answer


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
    catalog = house.catalog
    weights = dict(zip((each.name for each in catalog.live_models()), catalog.auto_weights(), strict=True))
    trust = Trust(weights=weights, canonical=catalog.canonical)  # who administers makes no difference to its own words
    try:
        own = await own_lessons(house.database, caller.prefix, models=_models_of(catalog, caller), trust=trust)
    except StorageError as error:
        raise _away() from error
    profiles = profiles_of(own)
    learning = house.learning.told(house.settings.learning)
    unknown = dict.fromkeys(("n_unkept", "n_refused"))
    return {
        "learning": {name: learning[name] for name in ("status", "version")}
        | {"n_lessons": len(own), **unknown, "learned_until": learning["learned_until"]},
        "experience": house.experience.version.partition(".")[0],  # the rest changes with every word of anybody
        "performance": profiles.rows(),
        "curve": profiles.curve(),
    }


def _merged(rows: Iterable[Json], more: Mapping[Cell, Json]) -> list[Json]:
    """Return a row for whatever either knows of, in order."""
    known = {(str(each["model"]), str(each["domain"]), str(each["language"])): each for each in rows}
    return [{**known.get(key, _silent(key)), **more.get(key, {})} for key in sorted(known.keys() | more.keys())]


def _models_of(catalog: Catalog, caller: KeyIdentity) -> frozenset[str] | None:
    """Return the models of the catalogue that a key may use, `None` for all."""
    return None if caller.models is None else frozenset(catalog.only(caller.models).models)


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
