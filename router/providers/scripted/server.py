"""The upstream itself: listens, hands requests to the script, remembers them, and can close its door for a while."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from router.providers.scripted.actions import Action, Send, response_head
from router.providers.scripted.connection import Connection
from router.providers.scripted.load import load_script
from router.providers.scripted.rendering import encode_json
from router.providers.scripted.responder import Responder
from router.providers.scripted.script import Script

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
    from pathlib import Path

    from router.providers.scripted.record import RecordedRequest

REQUESTS_PATH = "/_scripted/requests"


class ScriptedUpstream:
    """A scripted upstream on a real socket, of all three dialects at once.

    `wall_clock` gives Unix seconds for the answers' timestamps. At most `keep_requests` requests are remembered,
    the newest; 0 remembers none, which suits benchmarks.
    """

    def __init__(
        self, script: Script | None = None, *, wall_clock: Callable[[], float] = time.time, keep_requests: int = 10_000
    ) -> None:
        self.requests: list[RecordedRequest] = []
        self._wall_clock = wall_clock
        self._responder = Responder(script or Script(), wall_clock=wall_clock)
        self._keep = keep_requests
        self._serial = 0
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._address = ("", 0)
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Root, without a trailing slash; OpenAI clients want `/v1` behind it. Keeps while the door is closed."""
        host, port = self._address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one. Raises `OSError` where the port is taken."""
        self._address = (host, port)
        await self.open_door()

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        self.stop_listening()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, *(c.aclose() for c in list(self._connections)), return_exceptions=True)

    def stop_listening(self) -> None:
        """Close the door: connecting is refused from now on, open connections stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def open_door(self) -> None:
        """Listen again, on the same port."""
        if self._server is None:
            host, port = self._address
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: Connection(self, self._connections), host, port)
            self._address = (host, self._server.sockets[0].getsockname()[1])

    def follow(self, script: Script) -> None:
        """Take another script for the requests to come, its counters at zero; what is under way goes on as it began."""
        self._responder = Responder(script, wall_clock=self._wall_clock)

    async def wait_for_requests(self, n: int, timeout_s: float = 5.0) -> None:
        """Return once `n` requests have come in all. Raises `TimeoutError`."""
        if self._serial < n:
            arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((n, arrived))
            async with asyncio.timeout(timeout_s):
                await arrived

    def admit(self, request: RecordedRequest) -> Sequence[Action]:
        """Number and record a request, and return what to do with it."""
        if request.path in {"/", REQUESTS_PATH}:
            return self._own_page(request)
        self._serial += 1
        request.serial = self._serial
        if self._keep:
            self.requests.append(request)
            del self.requests[: -self._keep]
        for n, arrived in self._waiters:
            if n <= self._serial and not arrived.done():
                arrived.set_result(None)
        return self._responder.respond(request)

    def close_door(self, seconds: float) -> None:
        """Stop listening for `seconds`; 0 changes nothing."""
        if seconds > 0:
            self.stop_listening()
            self._supervise(self._open_later(seconds))

    def _own_page(self, request: RecordedRequest) -> Sequence[Action]:
        """Answer for ourselves: the requests so far (DELETE forgets them), or that we run."""
        if request.path == "/":
            return _page("text/plain", b"" if request.method == "HEAD" else b"The scripted upstream is running.")
        if request.method == "DELETE":
            self.requests.clear()
        return _page("application/json", encode_json({"requests": [each.as_json() for each in self.requests]}))

    async def _open_later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.open_door()

    def _supervise(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def scripted_upstream(script: Script | None = None) -> AsyncGenerator[ScriptedUpstream, None]:
    """Run an upstream on a free loopback port for the length of the block."""
    upstream = ScriptedUpstream(script)
    await upstream.start()
    try:
        yield upstream
    finally:
        await upstream.stop()


async def serve_script(
    path: Path | None, *, host: str = "127.0.0.1", port: int = 0, on_ready: Callable[[str], None] | None = None
) -> None:
    """Serve a script file until cancelled; no file means an echo with usage. `on_ready` gets the URL.

    Raises `SettingsError` for a wrong script and `OSError` where the port is taken.
    """
    upstream = ScriptedUpstream(load_script(path) if path else None, keep_requests=1_000)
    await upstream.start(host, port)
    try:
        if on_ready is not None:
            on_ready(upstream.url)
        await asyncio.get_running_loop().create_future()
    finally:
        await upstream.stop()


def _page(content_type: str, data: bytes) -> Sequence[Action]:
    head = {"content-type": content_type, "content-length": str(len(data))}
    return (Send(response_head(200, head, {}) + data),)
