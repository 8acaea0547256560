"""`thalamus keys`: the proxy keys that clients send."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from config.database import open_database
from config.keys import KeyStore
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import note, print_json, print_table, say
from router.catalog import build_catalog

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from config.key_identity import KeyInfo, Scope
    from config.types import Json

WHO = "cli"
"""Who changes a key, in the audit log."""


def create(
    name: Annotated[str, typer.Argument(help="What the key is for, such as the client's name.")],
    *,
    admin: Annotated[bool, typer.Option("--admin", help="The key may also change settings.")] = False,
    days: Annotated[int | None, typer.Option(min=1, help="Days after which it ends; without it, never.")] = None,
    rpm: Annotated[
        int | None, typer.Option(min=0, help="Requests a minute; 0 for no limit, unsaid: as `limits` in the settings.")
    ] = None,
    tpm: Annotated[int | None, typer.Option(min=0, help="Tokens a minute; likewise.")] = None,
    models: Annotated[
        str | None,
        typer.Option("--models", metavar="NAMES", help="The only models it may use, by comma; without it, all."),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it this once; only its hash is kept."""
    names = _named(models, config)
    scopes: tuple[Scope, ...] = ("chat", "admin") if admin else ("chat",)
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)

    async def make() -> tuple[str, KeyInfo]:
        async with _store(config) as store:
            return await store.create(
                name,
                scopes=scopes,
                expires_ts=expires,
                requests_per_minute=rpm,
                tokens_per_minute=tpm,
                models=names,
                changed_by=WHO,
            )

    try:
        key, info = asyncio.run(make())
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from error
    if as_json:
        print_json({"key": key, **_as_json(info)})
    else:
        say(key)
        note(f"Kept as {info.prefix}… for '{info.name}'. It is not shown again.")


def list_keys(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List every key, newest first, revoked ones too."""

    async def read() -> list[KeyInfo]:
        async with _store(config) as store:
            return await store.list_keys()

    found = asyncio.run(read())
    if as_json:
        print_json({"keys": [_as_json(each) for each in found]})
    elif found:
        rows = [
            (
                each.prefix,
                each.name,
                ", ".join(each.scopes),
                _models(each),
                f"{each.created_ts:%Y-%m-%d}",
                _end(each),
            )
            for each in found
        ]
        print_table(("prefix", "name", "scopes", "models", "made", "ends"), rows)
    else:
        say("There is no key yet; make one with: thalamus keys create NAME")


def allow(
    prefix: Annotated[str, typer.Argument(help="The key's prefix or id, as `thalamus keys list` shows it.")],
    *,
    models: Annotated[
        str | None, typer.Option("--models", metavar="NAMES", help="The only models it may use from now on, by comma.")
    ] = None,
    every: Annotated[bool, typer.Option("--all-models", help="It may use every model again.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say which models a key may use; running gateways notice within half a minute."""
    if (models is None) is not every:
        raise typer.BadParameter("say either --models NAMES or --all-models.")
    names = _named(models, config)

    async def change() -> KeyInfo:
        async with _store(config) as store:
            return await store.limit_models(prefix.rstrip("…"), names, changed_by=WHO)

    try:
        info = asyncio.run(change())
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from error
    if as_json:
        print_json(_as_json(info))
    else:
        say(f"{info.prefix}… of '{info.name}' may use {_models(info)}.")


def revoke(
    prefix: Annotated[str, typer.Argument(help="The key's prefix or id, as `thalamus keys list` shows it.")],
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """End a key for good; running gateways notice within half a minute."""

    async def end() -> KeyInfo:
        async with _store(config) as store:
            return await store.revoke(prefix.rstrip("…"), changed_by=WHO)

    info = asyncio.run(end())
    if as_json:
        print_json(_as_json(info))
    else:
        say(f"Revoked {info.prefix}… of '{info.name}'.")


VERBS = (
    ("create", "thalamus keys create laptop --days 90 --rpm 60 --models gpt-mini,qwen", create),
    ("list", "thalamus keys list --json", list_keys),
    ("allow", "thalamus keys allow sk-thal-Ab3xYz --models gpt-mini,qwen", allow),
    ("revoke", "thalamus keys revoke sk-thal-Ab3xYz", revoke),
)


@asynccontextmanager
async def _store(config: Path | None) -> AsyncGenerator[KeyStore]:
    settings = read_settings(config)
    database = open_database(settings.database_url)
    try:
        await database.upgrade()
        yield KeyStore(database, settings.state_dir)
    finally:
        await database.aclose()


def _named(models: str | None, config: Path | None) -> tuple[str, ...] | None:
    """Return the names of an option, and note those that the settings do not know: they may be discovered later."""
    if models is None:
        return None
    names = tuple(each.strip() for each in models.split(",") if each.strip())
    catalog = build_catalog(read_settings(config))
    unknown = [each for each in names if catalog.canonical(each) not in catalog.models]
    if unknown:
        note(f"The settings have no model {', '.join(unknown)}; the key may use it once there is one of that name.")
    return names


def _models(info: KeyInfo) -> str:
    return "all" if info.models is None else ", ".join(info.models)


def _end(info: KeyInfo) -> str:
    if info.revoked_ts is not None:
        return f"revoked {info.revoked_ts:%Y-%m-%d}"
    return "never" if info.expires_ts is None else f"{info.expires_ts:%Y-%m-%d}"


def _as_json(info: KeyInfo) -> Json:
    return {
        "id": info.id,
        "name": info.name,
        "prefix": info.prefix,
        "scopes": list(info.scopes),
        "created": info.created_ts.isoformat(),
        "expires": info.expires_ts.isoformat() if info.expires_ts else None,
        "revoked": info.revoked_ts.isoformat() if info.revoked_ts else None,
        "requests_per_minute": info.requests_per_minute,
        "tokens_per_minute": info.tokens_per_minute,
        "models": None if info.models is None else list(info.models),
    }
