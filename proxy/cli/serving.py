"""`thalamus serve` and `thalamus stop`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from config.checks import is_loopback
from config.database import open_database
from config.errors import SettingsError, StorageError, UnavailableError
from config.key_refusals import KEYS_LOST
from config.keys import KeyStore
from config.loader import load_settings, reload
from config.log_events import EventTap
from proxy.cli.dashboard import tell_first_password
from proxy.cli.logs import set_up_logging
from proxy.cli.options import AsJson, ConfigFile, dotenv_file, read_settings, settings_file
from proxy.cli.places import open_door
from proxy.cli.printing import CommandError, note, print_json, say
from proxy.cli.running import announced, end_well_on_sigterm, running_gateways, wait_until_gone
from proxy.version import product_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.settings import ServerSettings, Settings
    from proxy.house import House

LOOK_AT_FILE_S = 1.0
BETWEEN_SIGNALS_S = 0.5
"""Seconds between the two: signals that wait together arrive in the order of their numbers, not of their sending."""
GRACE_S = 15.0
"""Seconds that a gateway may take to close its books after its streams have ended."""

log = structlog.stdlib.get_logger("thalamus.proxy.cli")


def serve(
    *,
    config: ConfigFile = None,
    host: Annotated[
        str | None, typer.Option(help="Address to bind; beyond loopback a proxy key must exist.", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="TCP port, 8000 by default; 0 takes a free one.")
    ] = None,
    reload_on_change: Annotated[
        bool, typer.Option("--reload-on-change", help="Read the settings again when their file changes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Serve until Ctrl-C, SIGTERM or `thalamus stop`. SIGHUP reads the settings again."""
    env = environment_with(os.environ, host=host, port=port)
    path = settings_file(config, env)
    settings = load_settings(path, env, dotenv_file(path))
    tap = EventTap()
    set_up_logging(settings.logging, tap=tap)
    refuse_open_door(settings, env)
    refuse_taken_port(settings.server)
    end_well_on_sigterm()  # uvicorn raises it again once everything is closed
    # Only now: the application takes most of a second to import.
    from proxy.app import create_app  # noqa: PLC0415
    from proxy.server import run  # noqa: PLC0415

    app = create_app(settings, read_settings=partial(_read_again, path, env))
    app.state.house.tap = tap
    app.state.house.config_file = path.resolve() if path is not None else None
    with ExitStack() as stack:

        def ready(url: str, house: House) -> None:
            stack.enter_context(announced(settings.state_dir, url))
            _introduce(url, house, as_json=as_json)
            if house.dashboard_url is not None and not as_json:
                stack.callback(asyncio.ensure_future(tell_first_password(house.database)).cancel)
            if reload_on_change and path is not None:
                stack.callback(asyncio.ensure_future(_follow(path, house)).cancel)

        run(settings, app, on_ready=ready)


def stop(
    *,
    config: ConfigFile = None,
    port: Annotated[int | None, typer.Option(help="Only the gateway on this port.", show_default=False)] = None,
    now: Annotated[bool, typer.Option("--now", help="Cut open streams instead of letting them complete.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop the gateways that were started with the same settings; open streams may complete."""
    settings = read_settings(config)
    wanted = [each for each in running_gateways(settings.state_dir) if port is None or each.url.endswith(f":{port}")]
    for gateway in wanted:
        _signal(gateway.pid, signal.SIGTERM)
        if now and not wait_until_gone(gateway, BETWEEN_SIGNALS_S):
            _signal(gateway.pid, signal.SIGINT)  # a second signal makes uvicorn drop its connections
    left = [each for each in wanted if not wait_until_gone(each, settings.server.drain_s + GRACE_S)]
    if as_json:
        stopped = [{"pid": each.pid, "base_url": f"{each.url}/v1"} for each in wanted if each not in left]
        print_json({"stopped": stopped, "still_running": [each.pid for each in left]})
    elif not wanted:
        say("No gateway was running.")
    for each in wanted if not as_json else ():
        say(f"{'Still running' if each in left else 'Stopped'}: {each.url} (process {each.pid})")
    if left:
        raise CommandError("some streams are still open; cut them with: thalamus stop --now")


def environment_with(env: Mapping[str, str], *, host: str | None, port: int | None) -> dict[str, str]:
    """Return the environment with what the command line says, so that it is checked, and kept by a reload."""
    given = {"THALAMUS_SERVER__HOST": host, "THALAMUS_SERVER__PORT": None if port is None else str(port)}
    return {**env, **{name: value for name, value in given.items() if value is not None}}


def refuse_open_door(settings: Settings, env: Mapping[str, str] = os.environ) -> None:
    """Raise `SettingsError` where others could come in although no proxy key exists."""
    server = settings.server
    if is_loopback(server.host) or server.api_keys:
        return
    if not asyncio.run(_any_key(settings, env)):
        raise SettingsError(f"{open_door(server.host)}.")


def refuse_taken_port(server: ServerSettings) -> None:
    """Raise `CommandError` where nothing can listen at an address; uvicorn would only log it."""
    _refuse_taken(server.host, server.port, "choose another port: thalamus serve --port 0 takes a free one.")
    if server.admin_port is not None:
        mend = "give the dashboard another port (ADMIN_DASHBOARD_PORT, server.admin_port); 0 takes a free one."
        _refuse_taken(server.host, server.admin_port, mend)


def _refuse_taken(host: str, port: int, mend: str) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CommandError(f"cannot listen on {host}:{port} ({error.strerror}); stop what does, or {mend}") from error


async def _any_key(settings: Settings, env: Mapping[str, str]) -> bool:
    database = open_database(settings.database_url)
    try:
        with suppress(StorageError):  # a database that is away stops no start; the store knows what counts then
            await database.upgrade()
        return await KeyStore(database, settings.state_dir, environment=env).any_active()
    except UnavailableError as error:
        # Keys were made here, and beyond loopback nobody comes in without one; a new database has none to come with.
        return error.code != KEYS_LOST
    finally:
        await database.aclose()


def _read_again(path: Path | None, env: Mapping[str, str], running: Settings) -> tuple[Settings, tuple[str, ...]]:
    return reload(path, env, running, dotenv=dotenv_file(path))


def _introduce(url: str, house: House, *, as_json: bool) -> None:
    live = [model.name for model in house.catalog.live_models()]
    if as_json:
        told = {"base_url": f"{url}/v1", "pid": os.getpid(), "models": live, "version": product_version()}
        print_json({**told, "dashboard": house.dashboard_url})
    else:
        say(f"Thalamus {product_version()} serves on {url}/v1")
        say(f"  models     {', '.join(live) or 'none is live'} (and auto)")
        say(f"  documents  {_told_of_documents(house)}")
        say(f"  settings   {house.settings.config_file or 'the defaults; thalamus init writes a file'}")
        say(f"  try        curl {url}/v1/models")
        if house.dashboard_url is not None:
            say(f"  dashboard  {house.dashboard_url}")
    sys.stdout.flush()


def _told_of_documents(house: House) -> str:
    """Return whose documents are searched, for a person."""
    folder = house.settings.retrieval.library
    if folder is not None:
        return str(folder)
    if house.documents.library.has_sources():
        return "what thalamus docs add took in"
    return "the shipped guide; for your own: thalamus docs add PATH"


async def _follow(path: Path, house: House) -> None:
    """Reload whenever the file's time changes; a wrong file leaves the old settings running."""
    seen = await asyncio.to_thread(_time_of, path)
    while True:
        await asyncio.sleep(LOOK_AT_FILE_S)
        now = await asyncio.to_thread(_time_of, path)
        if now in {seen, None}:
            continue
        seen = now
        try:
            needs_restart = await house.reload()
        except SettingsError as error:
            log.error("reload_refused", reason=str(error))  # noqa: TRY400  # the reason is enough
        else:
            log.info("reloaded", needs_restart=needs_restart)


def _time_of(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        note(f"Process {pid} has ended by itself.")
