"""Opens the product in order, keeps its background work under supervision, and closes it in reverse."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import structlog

from config.errors import StorageError
from proxy import choosing
from proxy.upkeep import prune_by_itself, watch_losses

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from litestar import Litestar

    from proxy.house import House

    Works = tuple[tuple[str, Callable[[], Awaitable[None]]], ...]
    """Names of background work, and the work."""

FIRST_UPGRADE_S = 10.0
"""How long the start waits for the database; after it the server serves, and the books are opened when they can be."""
RETRY_S = 5.0
CLOSE_BOOKS_S = 5.0
CLOSE_SINKS_S = 2.0

log = structlog.stdlib.get_logger("thalamus.proxy.lifespan")


@asynccontextmanager
async def open_house(app: Litestar) -> AsyncGenerator[None, None]:
    """Run everything that lives as long as the server."""
    house = cast("House", app.state.house)
    works: Works = (
        *thinking_works(house),
        ("learn", lambda: house.learning.run(house)),
        ("probe-upstreams", lambda: house.prober.run(house.take_catalog)),
        ("watch-documents", house.documents.watch),
        ("watch-loop", house.vitals.lag.run),
        ("watch-database", lambda: house.vitals.watch_database(house.database)),
        ("watch-losses", lambda: watch_losses(house.writer)),
        ("prune-books", lambda: prune_by_itself(house.database, lambda: house.settings.storage)),
        ("keep-log", lambda: _keep_log(house)),
    )
    async with living(house, works):
        yield


def thinking_works(house: House) -> Works:
    """Return the background work that choosing needs, in a server and inside another application, but for learning."""
    return (
        ("load-classifiers", house.understanding.load),
        ("warm-choices", lambda: choosing.warm_up(house)),
        ("watch-versions", house.understanding.watch),
        ("watch-judge", house.judging.watch),
        ("remember-questions", lambda: house.similar.run(house)),
    )


@asynccontextmanager
async def living(house: House, works: Works) -> AsyncGenerator[None, None]:
    """Open the books, keep the works under supervision, and close everything in reverse."""
    tasks: set[asyncio.Task[None]] = set()
    opened = asyncio.Event()

    def keep(name: str, work: Callable[[], Awaitable[None]]) -> None:
        tasks.add(asyncio.create_task(_supervised(name, work), name=name))

    keep("open-books", lambda: _open_books(house, opened))
    try:
        async with asyncio.timeout(FIRST_UPGRADE_S):
            await opened.wait()
    except TimeoutError:
        log.warning("serving_without_books")
    for name, work in works:  # only now: threads that import share the interpreter with what the start waits for
        keep(name, work)
    house.ready = True
    try:
        yield
    finally:
        house.ready = False
        house.draining = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await house.jobs.aclose()
        await house.playground.aclose()
        await house.writer.aclose(CLOSE_BOOKS_S)
        await house.database.aclose()
        for sink in house.sinks:
            await asyncio.to_thread(sink.close, CLOSE_SINKS_S)
        await house.prober.aclose()
        await house.understanding.aclose()
        await house.judging.aclose()
        await house.transport.aclose()


async def _keep_log(house: House) -> None:
    if house.tap is not None:
        await house.tap.run(house.writer)


async def _open_books(house: House, opened: asyncio.Event) -> None:
    """Bring the schema up to date and begin to write; records wait in the queue meanwhile."""
    while True:
        try:
            await house.database.upgrade()
            await house.load_overrides()
        except StorageError as error:
            log.error("books_cannot_be_opened", reason=str(error))  # noqa: TRY400  # an outage needs no stack trace
            opened.set()  # the first try is over: serve, and go on trying
            await asyncio.sleep(RETRY_S)
        else:
            house.writer.start()
            opened.set()
            return


async def _supervised(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run background work; a failure is logged and the work begun anew, so that no part dies silently."""
    while True:
        try:
            await work()
        except StorageError as error:
            log.warning("background_work_waits", work=name, reason=str(error))
            await asyncio.sleep(RETRY_S)
        except Exception as error:  # a supervisor of background work: logs and goes on
            log.exception("background_work_failed", work=name, error=type(error).__name__)
            await asyncio.sleep(RETRY_S)
        else:
            return
