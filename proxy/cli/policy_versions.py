"""`thalamus policy`: the versions of what was learned, what each model is good at, and what shall be forgotten.

Each works on the database; a server that runs on it takes the change up within seconds.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer
from sqlalchemy import exists, select

from config.database import open_database
from config.errors import ArtefactError, UnavailableError
from config.tables import api_key
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, note, print_json, print_table, say
from proxy.learning import trust_of
from router.catalog import build_catalog
from router.learning.intake import caught_up
from router.learning.versions import VersionStore, version_json
from router.similar.forgetting import forget_questions
from router.tables import decision

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from config.database import Database
    from config.settings import Settings
    from config.types import Json
    from router.learning.learner import Learner
    from router.learning.state import State
    from router.learning.versions import Version

ACTOR: Final = "command line"
TRIES: Final = 5
SOON: Final = "A running server takes it up within seconds."


def list_versions(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the versions of what was learned, the newest first; one is active."""
    versions = asyncio.run(_all(read_settings(config)))
    if as_json:
        for each in versions:
            print_json(version_json(each))
        return
    print_table(("version", "state", "made", "by", "why", "lessons", "success"), [_row(each) for each in versions])


def promote(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="As `thalamus policy list` names it, or its beginning.")
    ],
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a version in force: one that learned in shadow, or an earlier one again."""
    _changed(asyncio.run(_promote(read_settings(config), version)), as_json=as_json)


def rollback(
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="The version to go back to; without it the one before.")
    ] = None,
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Go back to an earlier version; what was learned since is not learned again, but what is said from now on is."""
    _changed(asyncio.run(_rollback(read_settings(config), version)), as_json=as_json)


def reset(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Whose record is to go, for its version changed.")],
    *,
    keep: Annotated[
        float, typer.Option(min=0.0, max=0.99, help="How much of it goes on counting; 0 is nothing.")
    ] = 0.0,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Forget what was learned of one model, or let it count less; the books keep every row."""
    _changed(asyncio.run(_reset(read_settings(config), model, keep)), as_json=as_json)


def forget(
    key: Annotated[
        str, typer.Argument(metavar="KEY_PREFIX", help="The shown part of a key, as `thalamus keys list` has it.")
    ],
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Forget a key's own taste and what it taught, in every version, and its questions as neighbours of others."""
    settings = read_settings(config)
    told = asyncio.run(_forget(settings, key))
    if settings.learning.mode == "off":
        note(f"As learning is off, the books were not read: once it is on, what {key} said is learned. Forget it then.")
    if as_json:
        print_json(told)
        return
    n = told["versions"]
    say(f"Forgot {key}; it stood in {n} versions. {SOON}" if n else f"Nothing was learned of {key}.")
    if told["questions"]:
        say(f"Deleted the vectors of {told['questions']} questions; a server that runs forgets them in ten minutes.")


def profile(
    *,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only this one.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what each model was found to be good at, by domain and language, with n and a 95 % interval.

    As JSON it can be edited and named as `learning.starting_values`.
    """
    rows = [row for row in asyncio.run(_profile(read_settings(config))) if model in {None, row["model"]}]
    if as_json:
        print_json({"rows": rows})
        return
    print_table(("model", "domain", "language", "n", "success", "95 % interval", "signs"), [_line(row) for row in rows])


VERBS = (
    ("list", "thalamus policy list", list_versions),
    ("promote", "thalamus policy promote v-3fa9c1d2", promote),
    ("rollback", "thalamus policy rollback", rollback),
    ("reset", "thalamus policy reset gpt", reset),
    ("forget", "thalamus policy forget sk-thal-abc123", forget),
    ("profile", "thalamus policy profile --json", profile),
)


def _changed(told: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        say(f"Version {told['active']} is in force. {SOON}")


def _row(version: Version) -> tuple[str, ...]:
    recipe, metrics = cast("Any", version.recipe), cast("Any", version.metrics)
    rate = metrics["success_rate"]
    success = "no opinions yet" if rate is None else f"{rate:.0%} ({metrics['low']:.0%} to {metrics['high']:.0%})"
    made = version.created.strftime("%Y-%m-%d %H:%M")
    return version.id, version.state, made, version.created_by, recipe["why"], str(recipe["n_lessons"]), success


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    rate = row["success_rate"]
    return (
        row["model"],
        row["domain"] or "any",
        row["language"] or "any",
        str(row["n"]),
        "-" if rate is None else f"{rate:.0%}",
        f"{row['low']:.0%} to {row['high']:.0%}",
        str(row["n_implicit"]),
    )


async def _all(settings: Settings) -> tuple[Version, ...]:
    async with _books(settings) as database:
        return await VersionStore(database).all()


async def _promote(settings: Settings, version: str) -> Json:
    async with _books(settings) as database:
        return {"active": await VersionStore(database).promote(version, by=ACTOR)}


async def _rollback(settings: Settings, version: str | None) -> Json:
    async with _books(settings) as database:
        store = VersionStore(database)
        try:
            _, now = await _in_force(settings, database)
        except ArtefactError as error:  # what is damaged is left behind; there is nothing to keep beside
            note(str(error))
            now = None
        return {"active": await store.rollback(version, by=ACTOR, now=now)}


async def _reset(settings: Settings, model: str, keep: float) -> Json:
    why = f"reset {model}" if keep == 0 else f"{model} counts {keep:g} of before"

    def change(learner: Learner) -> bool:
        if not learner.knows(model):
            raise CommandError(f"Nothing was learned of a model {model!r}; see `thalamus policy profile`.")
        learner.meet(build_catalog(settings).models)
        learner.reset(model, keep=keep)
        return True

    async with _books(settings) as database:
        return {"active": await _change(settings, database, change, why=why)}


async def _forget(settings: Settings, key: str) -> Json:
    async with _books(settings) as database:
        if not await _is_key(database, key):
            raise CommandError(f"There is no key {key!r}, and none of that name ever asked; see `thalamus keys list`.")
        kept = await VersionStore(database).active_id()
        if kept is not None or settings.learning.mode != "off":
            kept = await _change(settings, database, lambda learner: learner.forget_caller(key), why="forgot a key")
        n_versions = await VersionStore(database).forget_caller(key)
        return {"active": kept, "versions": n_versions, "questions": await forget_questions(database, key)}


async def _profile(settings: Settings) -> list[dict[str, Any]]:
    async with _books(settings) as database:
        _, now = await _now(settings, database)
        return now.learner.profiles.rows()


async def _change(settings: Settings, database: Database, change: Callable[[Learner], bool], *, why: str) -> str:
    """Change what is in force and return the new version, or the one there is where `change` says that it did nothing.

    What was said until now is not looked at again.
    """
    for _ in range(TRIES):
        active, now = await _in_force(settings, database)
        if not change(now.learner):
            return active
        kept = await VersionStore(database).keep(replace(now, floor=now.cursor), parent=active, by=ACTOR, why=why)
        if kept is not None:
            return kept
    raise UnavailableError("The server wrote versions at the same time; try again.", code="busy")


async def _in_force(settings: Settings, database: Database) -> tuple[str, State]:
    """Return the active version, and what a server of these settings has learned on it by now."""
    if settings.learning.mode != "off":
        return await _now(settings, database)
    store = VersionStore(database)
    active = await store.begin()
    return active, await store.load(active)


async def _now(settings: Settings, database: Database) -> tuple[str, State]:
    """Return the active version, and what a server that learns would have learned on it by now."""
    store = VersionStore(database)
    active = await store.begin()
    trust = await trust_of(build_catalog(settings), database)
    state, _ = await caught_up(database, await store.load(active), until=datetime.now(UTC), trust=trust)
    return active, state


async def _is_key(database: Database, prefix: str) -> bool:
    """Return whether there is such a key, or one of that name ever asked or spoke."""
    made, asked = (exists().where(column == prefix) for column in (api_key.c.prefix, decision.c.key_prefix))
    async with database.reading() as connection:
        return bool((await connection.execute(select(made | asked))).scalar_one())


@asynccontextmanager
async def _books(settings: Settings) -> AsyncGenerator[Database]:
    database = open_database(settings.database_url, busy_timeout_s=30.0)
    try:
        await database.upgrade()
        yield database
    finally:
        await database.aclose()
