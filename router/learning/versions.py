"""Versions of what was learned, in the table `policy_version`: kept, promoted, rolled back. None is ever deleted.

One of them is active. What came after the active one is read from the books again, so a version needs not be written
for each lesson. To roll back is to go on from an old version: a copy of it becomes active, with a floor below which no
lesson is read any more.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import msgspec
from sqlalchemy import select, update

from config.errors import ArtefactError, NotFoundError
from router.learning.encoding import ENCODING
from router.learning.learner import Learner
from router.learning.lineage import back_to, before
from router.learning.profiles import success
from router.learning.state import FORM, State, state_from, state_json, without_caller
from router.tables import policy_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from config.database import Database
    from config.types import Json

KIND: Final = "learner"
ACTIVE, SHADOW, RETIRED = "active", "shadow", "retired"
THE_GATEWAY: Final = "gateway"
MIN_PREFIX: Final = 2
MAX_TRIED: Final = 20
_T = policy_version.c


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it is listed."""

    id: str
    parent_id: str | None
    state: str
    created: datetime
    activated: datetime | None
    created_by: str
    recipe: Json
    metrics: Json


def version_json(version: Version) -> Json:
    """Return a version as programs read it."""
    return {
        "id": version.id,
        "parent": version.parent_id,
        "state": version.state,
        "created": version.created.isoformat(),
        "activated": version.activated.isoformat() if version.activated else None,
        "created_by": version.created_by,
        "recipe": version.recipe,
        "metrics": version.metrics,
    }


class VersionStore:
    """The versions of one database. Its methods raise `StorageError` while that is away."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._clock = clock

    async def active_id(self) -> str | None:
        """Return which version is in force, `None` before the first one."""
        async with self._database.reading() as connection:
            return await _active_id(connection)

    async def newest_shadow_id(self) -> str | None:
        """Return the version that learns without being in force, `None` where there is none."""
        query = select(_T.id).where(_T.kind == KIND, _T.state == SHADOW).order_by(_T.created_ts.desc()).limit(1)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def load(self, version_id: str) -> State:
        """Return what a version holds. Raises `NotFoundError`, and `ArtefactError` where it is damaged."""
        async with self._database.reading() as connection:
            try:
                row = (await connection.execute(select(_T.parameters).where(_T.id == version_id))).one_or_none()
            except msgspec.DecodeError as error:  # a NaN, or half a row: JSON knows neither
                raise ArtefactError("is no JSON", file=version_id, mend="roll back to another version") from error
        if row is None:
            raise NotFoundError(f"There is no version '{version_id}'.", param="version")
        told = cast("object", row.parameters)
        if not isinstance(told, dict):
            raise ArtefactError("holds nothing", file=version_id, mend="roll back to another version")
        return state_from(cast("Json", told), name=version_id)

    async def settled(self, first: str) -> frozenset[str] | None:
        """Return which models are not new by what the version `first` was made of, also where it cannot be read.

        Where that does not tell, the newest other version that does, of `MAX_TRIED`; `None` where none tells.
        """
        versions = sorted(await self.all(), key=lambda each: each.id != first)
        for each in versions[:MAX_TRIED]:
            known = each.recipe.get("settled")
            if isinstance(known, list):
                return frozenset(map(str, cast("list[object]", known)))
            with suppress(ArtefactError):
                settled = (await self.load(each.id)).learner.settled
                if settled is not None:
                    return settled
        return None

    async def all(self) -> tuple[Version, ...]:
        """Return the versions, the newest first, without what they hold."""
        columns = [column for column in policy_version.columns if column.name != "parameters"]
        query = select(*columns).where(_T.kind == KIND).order_by(_T.created_ts.desc(), _T.id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return tuple(_version(row) for row in rows)

    async def begin(self, models: Iterable[str] | None = None) -> str:
        """Return the active version, made without any lesson where there is none; `models` are settled in that one."""
        async with self._database.writing() as connection:
            found = await _active_id(connection)
            if found is not None:
                return found
            learner = Learner()
            if models is not None:
                learner.meet(models)
            row = self._row(State(learner), parent=None, state=ACTIVE, by=THE_GATEWAY, why="start")
            await connection.execute(policy_version.insert().values(row))
            return str(row["id"])

    async def keep(
        self,
        state: State,
        *,
        parent: str,
        as_state: Literal["active", "shadow"] = ACTIVE,
        by: str = THE_GATEWAY,
        why: str = "learned",
    ) -> str | None:
        """Write a version that grew out of `parent`, and return its id.

        As active it takes the place of `parent`; `None` where that is not active any more: somebody else was faster.
        As shadow it takes the place of the shadow before.
        """
        async with self._database.writing() as connection:
            if as_state == ACTIVE:
                retired = await connection.execute(
                    update(policy_version).where(_T.id == parent, _T.state == ACTIVE).values(state=RETIRED)
                )
                if retired.rowcount != 1:
                    return None
            else:
                await connection.execute(
                    update(policy_version).where(_T.kind == KIND, _T.state == SHADOW).values(state=RETIRED)
                )
            row = self._row(state, parent=parent, state=as_state, by=by, why=why)
            await connection.execute(policy_version.insert().values(row))
            return str(row["id"])

    async def promote(self, wanted: str, *, by: str) -> str:
        """Put a version in force and return the id of the active one. Raises `NotFoundError`, `ArtefactError`.

        One that learned in shadow goes on from where it is; to go back to a retired one is a rollback.
        """
        version = await self.find(wanted)
        if version.state == ACTIVE:
            return version.id
        if version.state == RETIRED:
            return await self.rollback(version.id, by=by)
        await self.load(version.id)  # a damaged one is not put in force
        async with self._database.writing() as connection:
            await connection.execute(
                update(policy_version).where(_T.kind == KIND, _T.state == ACTIVE).values(state=RETIRED)
            )
            await connection.execute(
                update(policy_version).where(_T.id == version.id).values(state=ACTIVE, activated_ts=self._clock())
            )
        return version.id

    async def rollback(self, wanted: str | None = None, *, by: str, now: State | None = None) -> str:
        """Go back to a version, or to the one before the active one, and return the id of the new active one.

        Without a name it goes farther back each time. What was learned since then is not learned again. With `now`,
        what is in force is kept beside, so that one can come back to it. Raises `NotFoundError` and `ArtefactError`.
        """
        active = await self.begin()
        target = before(await self.all(), active) if wanted is None else (await self.find(wanted)).id
        if target is None:
            raise NotFoundError("There is no version before the active one.", param="version")
        moment = self._clock()
        state = replace(await self.load(target), cursor=moment, floor=moment)
        async with self._database.writing() as connection:
            if now is not None:
                parked = self._row(now, parent=active, state=RETIRED, by=by, why="before a rollback")
                await connection.execute(policy_version.insert().values(parked))
            await connection.execute(
                update(policy_version).where(_T.kind == KIND, _T.state != RETIRED).values(state=RETIRED)
            )
            row = self._row(state, parent=target, state=ACTIVE, by=by, why=back_to(target))
            await connection.execute(policy_version.insert().values(row))
        return str(row["id"])

    async def forget_caller(self, caller: str) -> int:
        """Take a caller's taste and words out of every version, and return in how many they were.

        A version that cannot be read is emptied: nobody can use it, and nobody knows whose words are in it.
        """
        n = 0
        async with self._database.writing() as connection:
            for each in (await connection.execute(select(_T.id).where(_T.kind == KIND))).scalars().all():
                before = await _held(connection, each)
                after: Json = {} if before is None else without_caller(before, caller)
                if after != before:
                    n += 1
                    await connection.execute(update(policy_version).where(_T.id == each).values(parameters=after))
        return n

    async def find(self, wanted: str) -> Version:
        """Return a version by its id, or by as much of it as names one only. Raises `NotFoundError`."""
        versions = await self.all()
        exact = [each for each in versions if each.id == wanted]
        found = exact or [each for each in versions if len(wanted) >= MIN_PREFIX and each.id.startswith(wanted)]
        if len(found) != 1:
            why = "There is no version" if not found else f"{len(found)} versions begin with"
            raise NotFoundError(f"{why} '{wanted}'; see `thalamus policy list`.", param="version")
        return found[0]

    def _row(self, kept: State, *, parent: str | None, **more: str) -> dict[str, Any]:
        now = self._clock()
        learner = kept.learner
        return {
            "id": f"v-{secrets.token_hex(4)}",
            "parent_id": parent,
            "kind": KIND,
            "state": more["state"],
            "created_ts": now,
            "activated_ts": now if more["state"] == ACTIVE else None,
            "created_by": more["by"],
            "parameters": state_json(kept),
            "recipe": {
                "why": more["why"],
                "form": FORM,
                "encoding": ENCODING,
                "data": learner.data,
                "n_lessons": learner.n_lessons,
                "until": kept.cursor.isoformat(),
                "seed": None,
                "settled": None if learner.settled is None else sorted(learner.settled),
            },
            "metrics": _metrics(learner),
        }


async def _active_id(connection: AsyncConnection) -> str | None:
    query = select(_T.id).where(_T.kind == KIND, _T.state == ACTIVE).order_by(_T.activated_ts.desc()).limit(1)
    return (await connection.execute(query)).scalar_one_or_none()


async def _held(connection: AsyncConnection, version_id: str) -> Json | None:
    """Return what a version holds as it is stored, `None` where that is no JSON object."""
    try:
        found = (await connection.execute(select(_T.parameters).where(_T.id == version_id))).scalar_one()
    except msgspec.DecodeError:
        return None
    return cast("Json", found) if isinstance(found, dict) else None


def _metrics(learner: Learner) -> Json:
    """Return what people said of the answers so far, by model and in all, with intervals."""
    with learner.lock:
        sums: dict[str, tuple[int, int]] = {}
        for (model, _, _), cell in learner.profiles.cells.items():
            good, n = sums.get(model, (0, 0))
            sums[model] = (good + cell.n_successes, n + cell.n)
    good, n = (sum(each[at] for each in sums.values()) for at in (0, 1))
    models = {model: {"n": each[1], **success(*each)} for model, each in sums.items()}
    return {"n": n, **success(good, n), "models": models}


def _version(row: Mapping[Any, Any]) -> Version:
    return Version(
        id=row["id"],
        parent_id=row["parent_id"],
        state=row["state"],
        created=row["created_ts"],
        activated=row["activated_ts"],
        created_by=row["created_by"],
        recipe=row["recipe"],
        metrics=row["metrics"],
    )
