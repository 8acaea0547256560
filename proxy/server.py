"""Runs the application under uvicorn: signals, graceful end, reload on SIGHUP."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from typing import TYPE_CHECKING, cast

import structlog
import uvicorn

from config.errors import SettingsError
from proxy.protocol import BoundedHttpProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import FrameType

    from litestar import Litestar
    from litestar.types import ASGIApp

    from config.settings import Settings
    from proxy.house import House

log = structlog.stdlib.get_logger("thalamus.proxy.server")

GC_YOUNG_OBJECTS = 5_000
"""Allocations between two looks at young objects; a request makes a few hundred, hardly any of them in cycles."""
SWITCH_INTERVAL_S = 0.001
"""The thread that writes the books holds the interpreter no longer than this while requests wait."""
KEEP_ALIVE_S = 75
"""How long an idle connection is kept: longer than clients keep theirs. Where both end at 5 seconds, as uvicorn and
httpx do by default, a request may go out on a connection that is just being closed, and fails."""


def run(settings: Settings, app: Litestar, *, on_ready: Callable[[str, House], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; open streams get `server.drain_s` seconds to complete.

    `on_ready` is called with the base URL once the port is bound. Raises `OSError` when the port is taken.
    """
    GatewayServer(
        uvicorn_config(settings, app), app.state.house, own_port=own_port_config(settings, app), on_ready=on_ready
    ).run()


def own_port_config(settings: Settings, app: Litestar) -> uvicorn.Config | None:
    """Return how the dashboard is served on a port of its own, `None` where it has none."""
    port = settings.server.admin_port
    if port is None or not settings.dashboard.enabled:
        return None
    return uvicorn_config(settings, cast("ASGIApp", app.state.own_port), port=port)


def uvicorn_config(settings: Settings, app: Litestar | ASGIApp, *, port: int | None = None) -> uvicorn.Config:
    """Return how an application is served; port 0 takes any free one, `None` that of the settings."""
    server = settings.server
    return uvicorn.Config(
        app,
        host=server.host,
        port=server.port if port is None else port,
        loop="auto",
        http=BoundedHttpProtocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(server.trusted_proxies),
        forwarded_allow_ips=list(server.trusted_proxies),
        ssl_certfile=server.tls_cert_file,
        ssl_keyfile=server.tls_key_file,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(server.drain_s)),
    )


class GatewayServer(uvicorn.Server):
    """uvicorn, with readiness that ends at the first signal and a reload on SIGHUP."""

    def __init__(
        self,
        config: uvicorn.Config,
        house: House,
        *,
        own_port: uvicorn.Config | None = None,
        on_ready: Callable[[str, House], None] | None = None,
    ) -> None:
        super().__init__(config)
        self._house = house
        self._own_port = own_port
        self._on_ready = on_ready
        self._reloads: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind, then tell where."""
        await super().startup(sockets)
        if not self.started:
            return
        await self._serve_dashboard()
        # What is built by now lives as long as the process: the collector need not walk it again with every request.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_YOUNG_OBJECTS)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        if hasattr(signal, "SIGHUP"):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
        if self._on_ready is not None:
            self._on_ready(self.base_url(), self._house)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of everything: who runs one server after another in a process gets the memory back."""
        self._house.draining = True  # also where no signal said so: live pages end, and nobody waits for them
        await super().shutdown(sockets)
        gc.unfreeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop being ready, then let uvicorn finish what is open."""
        self._house.draining = True
        super().handle_exit(sig, frame)

    def base_url(self) -> str:
        """Return the address that was bound."""
        return self._url(next((each for server in self.servers for each in server.sockets), None))

    async def _serve_dashboard(self) -> None:
        """Open the dashboard's own port, where it has one: with the same connections to end and the same bounds."""
        base_url = self.base_url()
        config = self._own_port
        if config is not None:
            config.load()

            def create_protocol() -> asyncio.Protocol:
                return BoundedHttpProtocol(config, self.server_state, self.lifespan.state)

            try:
                server = await asyncio.get_running_loop().create_server(
                    create_protocol, host=config.host, port=config.port, ssl=config.ssl, backlog=config.backlog
                )
            except OSError as error:  # the requests of clients are served all the same
                log.error("admin_port_not_served", port=config.port, reason=error.strerror)  # noqa: TRY400
            else:
                self.servers.append(server)
                base_url = self._url(server.sockets[0])
        if self._house.settings.dashboard.enabled:
            self._house.dashboard_url = f"{base_url}/dashboard"

    def _url(self, bound: socket.socket | None) -> str:
        port = bound.getsockname()[1] if bound is not None else self.config.port
        scheme = "https" if self.config.ssl_certfile else "http"
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"{scheme}://{host}:{port}"

    def _reload(self) -> None:
        task = asyncio.get_running_loop().create_task(self._reload_and_tell())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reload_and_tell(self) -> None:
        try:
            needs_restart = await self._house.reload()
        except SettingsError as error:
            log.error("reload_refused", reason=str(error))  # noqa: TRY400  # the operator reads the sentence, not a trace
        else:
            log.info("reloaded", needs_restart=needs_restart)
