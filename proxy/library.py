"""Thalamus inside another application: which model should answer, and what became of it, without a server.

Models are not called here. `docs/library-api.md` has a dozen lines that do all of it. `Router` has an event loop in a
thread of its own; `AsyncRouter` is for programs that have one.
"""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from config.errors import UnavailableError
from config.loader import load_settings
from proxy.library_async import AsyncRouter, Route

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from config.settings import Settings
    from config.types import Json
    from router.providers.base import Transport

__all__ = ["AsyncRouter", "Route", "Router"]

T = TypeVar("T")
ENDS_WITHIN_S: Final = 5.0


class Router:
    """`AsyncRouter` for programs without an event loop. Thread-safe; open it with `with`, or close it."""

    def __init__(
        self,
        settings: Settings,
        *,
        reachable: Sequence[str] = (),
        transport: Transport | None = None,
        closes_within_s: float = 30.0,
    ) -> None:
        self._closes_within_s = closes_within_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="thalamus-router", daemon=True)
        self._thread.start()
        self._is_closed = False
        try:
            self._router = self._wait(_opened(settings, reachable, transport))
        except BaseException:
            self._end()
            raise

    @classmethod
    def from_file(cls, file: Path | str | None = None, *, reachable: Sequence[str] = ()) -> Self:
        """Return a router of a settings file and the environment. Raises `SettingsError`."""
        return cls(load_settings(Path(file) if file is not None else None, os.environ), reachable=reachable)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def route(self, asked: str | Sequence[Mapping[str, object]], **options: Any) -> Route:
        """Return which model should answer, as `AsyncRouter.route`."""
        self._check_open()
        return self._wait(self._router.route(asked, **options))

    def similar(self, route_id: str) -> Json:
        """Return past questions like that of a route, as `AsyncRouter.similar`."""
        self._check_open()
        return self._wait(self._router.similar(route_id))

    def update_result(self, route_id: str, **options: Any) -> None:
        """Say what became of a route, as `AsyncRouter.update_result`."""
        self._check_open()
        self._wait(self._router.update_result(route_id, **options))

    def close(self) -> None:
        """Write the books and end; safe to call twice. Raises `UnavailableError` where that takes too long."""
        if not self._is_closed:
            try:
                self._wait(self._closed(), within_s=self._closes_within_s + ENDS_WITHIN_S)
            except TimeoutError:
                raise UnavailableError("This router could not close its books in time.", code="closing") from None
            finally:
                self._end()

    async def _closed(self) -> None:
        async with asyncio.timeout(self._closes_within_s):
            await self._router.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise UnavailableError("This router is closed.", code="closed")

    def _wait(self, work: Coroutine[Any, Any, T], *, within_s: float | None = None) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(within_s)

    def _end(self) -> None:
        self._is_closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ENDS_WITHIN_S)
        if not self._thread.is_alive():  # else something blocks it; it is a daemon, and the program may go on
            self._loop.close()


async def _opened(settings: Settings, reachable: Sequence[str], transport: Transport | None) -> AsyncRouter:
    return await AsyncRouter(settings, reachable=reachable, transport=transport).__aenter__()
