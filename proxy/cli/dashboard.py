"""`thalamus dashboard`: who may log in to it, and the first password."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from admin.users import FIRST_NAME, UserStore
from config.database import open_database
from config.errors import StorageError
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, note, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from admin.page import Role
    from admin.users import UserInfo
    from config.database import Database

WHO = "cli"
"""Who changes something, in the audit log."""
RETRY_S = 5.0


def password(
    *,
    name: Annotated[str, typer.Option(help="Whose.")] = FIRST_NAME,
    role: Annotated[
        Literal["viewer", "admin"] | None,
        typer.Option(help="What the user may do: look, or change things too. Unsaid it stays as it is."),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a user, or give one a new password, and show it this once; the user's sessions end within seconds."""

    async def make() -> tuple[str, Role]:
        async with _users(config) as users:
            return await users.set_password(name, role=role, changed_by=WHO)

    try:
        made, its_role = asyncio.run(make())
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from error
    if as_json:
        print_json({"name": name, "role": its_role, "password": made})
    else:
        say(made)
        note(f"The password of '{name}' ({its_role}). It is not shown again.")


def list_users(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List who may log in."""

    async def read() -> list[UserInfo]:
        async with _users(config) as users:
            return await users.users()

    found = asyncio.run(read())
    if as_json:
        print_json({"users": [_as_json(each) for each in found]})
    elif found:
        rows = [(each.name, each.role, f"{each.changed_ts:%Y-%m-%d}", str(each.n_sessions)) for each in found]
        print_table(("name", "role", "password of", "sessions"), rows)
    else:
        say("Nobody can log in yet; make a password with: thalamus dashboard password")


def remove(
    name: Annotated[str, typer.Argument(help="Whose access ends.")],
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """End a user's access; the user's sessions end within seconds."""

    async def end() -> bool:
        async with _users(config) as users:
            return await users.remove(name, changed_by=WHO)

    if not asyncio.run(end()):
        raise CommandError(f"there is no user '{name}'; see: thalamus dashboard users")
    if as_json:
        print_json({"removed": name})
    else:
        say(f"Removed '{name}'.")


VERBS = (
    ("password", "thalamus dashboard password --name mei --role viewer", password),
    ("users", "thalamus dashboard users --json", list_users),
    ("remove", "thalamus dashboard remove mei", remove),
)


async def tell_first_password(database: Database) -> None:
    """Make the first user and print its password, where there is no user yet; it is never shown again, nor logged.

    Waits for a database that is away.
    """
    users = UserStore(database)
    while True:
        try:
            made = await users.first_password() if await users.is_empty() else None
        except StorageError:
            await asyncio.sleep(RETRY_S)
        else:
            break
    if made is not None:
        say(f"  login      {FIRST_NAME} with the password {made} (shown only now)")
    sys.stdout.flush()


@asynccontextmanager
async def _users(config: Path | None) -> AsyncGenerator[UserStore]:
    database = open_database(read_settings(config).database_url)
    try:
        await database.upgrade()
        yield UserStore(database)
    finally:
        await database.aclose()


def _as_json(user: UserInfo) -> dict[str, object]:
    return {
        "name": user.name,
        "role": user.role,
        "created": user.created_ts.isoformat(),
        "changed": user.changed_ts.isoformat(),
        "sessions": user.n_sessions,
    }
