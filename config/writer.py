"""The one task that writes: many records a transaction, none of them waited for; what cannot be written is journalled.

Records are written in the order in which they came: first what the journal holds, then the queue. A record may be
written twice (after a crash, or when a commit's answer was lost), so every `Book` is idempotent.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.backlog import Backlog, Entry, decode_entry
from config.database_errors import described
from config.errors import StorageError
from config.spill import Spill

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from config.books import Book
    from config.database import Database
    from config.journal import Journal
    from config.types import Json

MAX_BATCH = 512
"""Records of one transaction."""
COPY_AFTER, COPY_AFTER_LEAST_S = 0.4, 0.02
"""What has waited this part of `group_commit_ms` is copied to the journal; twice as long passes at most before that."""
RECORD_ERRORS = (SQLAlchemyError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError)
"""What a record that cannot be written raises; the database's own trouble is a `StorageError`."""

log = structlog.stdlib.get_logger("thalamus.config.writer")


class GroupWriter:
    """Takes records without waiting and commits them together, each within about `group_commit_ms` milliseconds.

    A quarter of that time is spent on collecting; the rest is the transaction's. A record that is late, because its
    transaction is, is copied to the journal within that time, so that a killed process loses nothing older. At most
    `queue_max` records of `queue_max_bytes` wait in memory; beyond that, and whenever the database fails, they go to
    the journal, and when that is full too they are dropped and counted. `backoff_s` is the first and the longest pause
    between two tries while the database fails. Register every book before `start`.
    """

    def __init__(
        self,
        database: Database,
        *,
        group_commit_ms: float = 100.0,
        queue_max: int = 10_000,
        queue_max_bytes: int = 64 * 1024 * 1024,
        journal: Journal | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        backoff_s: tuple[float, float] = (0.1, 5.0),
    ) -> None:
        self._database = database
        self._window_s = group_commit_ms / 1000 / 4
        self._copy_after_s = max(COPY_AFTER_LEAST_S, COPY_AFTER * group_commit_ms / 1000)
        self._spill = Spill(journal, record_errors=RECORD_ERRORS, skip=self._skip)
        self._watch: asyncio.Handle | None = None
        self._clock = clock
        self._backoff_s = backoff_s
        self._books: dict[str, Book] = {}
        self._queue = Backlog(max_records=queue_max, max_bytes=queue_max_bytes)
        self._in_flight: list[Entry] = []
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._n_submitted = 0
        self._n_failures = 0
        self._n_dropped = 0
        self._n_skipped = 0
        self._last_error: str | None = None
        self._last_commit: datetime | None = None

    def register(self, book: Book) -> None:
        """Make a kind of record known; in one transaction books are written in the order of their registration."""
        self._books[book.name] = book

    def start(self) -> None:
        """Begin to write, first what the journal holds from before; nothing once closed. Needs a running loop."""
        if self._closed:
            return
        if self._spill.n_moved:
            self._wake.set()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="group-writer")
        self._task.add_done_callback(self._restart)

    def submit(self, book: Book, record: object, *, key: str = "", size_bytes: int = 0) -> None:
        """Queue one record; never waits and never raises.

        `key` is what `find` finds it by, `size_bytes` what its large parts take in memory.
        """
        if self._closed or (self._queue.is_full and self._spill.move(self._queue) == 0):
            self._n_dropped += 1
            return
        self._n_submitted += 1
        self._queue.append(Entry(self._n_submitted, book, key, record, size_bytes))
        self._wake.set()
        if self._watch is None:
            self._watch_lateness()

    def find(self, book: str, key: str) -> Json | None:
        """Return the payload of the newest record of a book that still waits in memory."""
        for entry in (*reversed(self._queue), *reversed(self._in_flight)):
            if entry.key == key and entry.book.name == book:
                return entry.payload()
        return None

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits to be written."""
        return not self._in_flight and not self._queue and not self._spill.n_moved

    def state(self) -> Json:
        """Return how the books are, for `/health`."""
        degraded = self._n_failures > 0 or self._spill.n_moved > 0 or self._task is None
        return {
            "status": "degraded" if degraded else "ok",
            "queued": len(self._queue) + len(self._in_flight),
            "spilled": self._spill.n_moved,
            "dropped": self._n_dropped,
            "skipped": self._n_skipped,
            "last_error": self._last_error,
            "last_commit_ts": self._last_commit.isoformat() if self._last_commit else None,
        }

    async def flush(self, timeout_s: float | None = None) -> bool:
        """Write now, and return whether all that was submitted before is written within `timeout_s` seconds."""
        if self.is_settled:
            return True
        if self._task is None:
            return False
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append((self._n_submitted, waiter))
        self._wake.set()
        self._hurry.set()
        try:
            async with asyncio.timeout(timeout_s):
                await waiter
        except TimeoutError:
            return False
        return True

    async def aclose(self, deadline_s: float = 5.0) -> None:
        """Write what waits, within `deadline_s` seconds; journal the rest. Afterwards records are dropped."""
        if self._closed:
            return
        await self.flush(deadline_s)
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        while self._queue and self._spill.move(self._queue):
            pass
        self._n_dropped += len(self._queue.take(len(self._queue)))
        self._spill.close()
        if self._watch is not None:
            self._watch.cancel()

    def _watch_lateness(self) -> None:
        """Look again in a while whether what has come until now is written."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no loop, so nobody writes yet
            return
        self._watch = loop.call_later(self._copy_after_s, self._copy_late, self._n_submitted)

    def _copy_late(self, up_to: int) -> None:
        self._watch = None
        if self._spill.copy(chain(self._in_flight, self._queue), up_to=up_to):
            self._watch = asyncio.get_running_loop().call_soon(self._copy_late, up_to)
        elif self._in_flight or self._queue:
            self._watch_lateness()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._pause(self._window_s)
            try:
                await self._replay()
                await self._write_queue()
            except StorageError as error:
                await self._back_off(error)
            else:
                self._recovered()
            self._tell_waiters()
            if not self.is_settled:
                self._wake.set()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not while somebody flushes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()

    async def _back_off(self, error: StorageError) -> None:
        self._last_error = str(error)
        if self._n_failures == 0:
            log.warning("books_degraded", error=self._last_error)
        first, longest = self._backoff_s
        delay = min(longest, first * 2 ** min(self._n_failures, 16))
        self._n_failures += 1
        for _ in range(len(self._queue)):
            if self._spill.move(self._queue) == 0:  # what waits in memory would be lost if the process were killed
                break
            await asyncio.sleep(0)
        await self._pause(delay)

    def _recovered(self) -> None:
        if self._n_failures:
            log.info("books_recovered", n_failures=self._n_failures, dropped=self._n_dropped)
        self._n_failures = 0

    async def _write_queue(self) -> None:
        for _ in range(0, len(self._queue), MAX_BATCH):
            self._in_flight = self._queue.take(MAX_BATCH)
            is_written = False
            try:
                await self._commit(self._in_flight)
                is_written = True
            finally:
                if is_written:
                    self._spill.committed(self._in_flight)
                else:
                    self._queue.put_back(self._in_flight)
                self._in_flight = []

    async def _replay(self) -> None:
        while (chunk := self._spill.read(MAX_BATCH)) is not None:
            await self._commit([entry for line in chunk.payloads if (entry := self._revived(line)) is not None])
            self._spill.consume(chunk)

    def _revived(self, line: bytes) -> Entry | None:
        try:
            return decode_entry(line, self._books)
        except ValueError as error:
            self._skip(error)
            return None

    async def _commit(self, entries: Sequence[Entry]) -> None:
        """Write entries in one transaction, or in halves around those that cannot be written."""
        if not entries:
            return
        try:
            await self._transact(entries)
        except RECORD_ERRORS as error:
            if len(entries) == 1:
                self._skip(error)
                return
            middle = len(entries) // 2
            await self._commit(entries[:middle])
            await self._commit(entries[middle:])

    async def _transact(self, entries: Sequence[Entry]) -> None:
        def work(connection: Connection) -> None:
            payloads: dict[str, list[Json]] = {name: [] for name in self._books}
            for entry in entries:
                payloads[entry.book.name].append(entry.payload())
            for name, batch in payloads.items():
                if batch:
                    self._books[name].write(connection, batch)

        await self._database.transact(work)
        self._last_commit = self._clock()

    def _skip(self, error: Exception) -> None:
        self._n_skipped += 1
        self._last_error = f"a record was left out: {described(error)}"
        log.error("record_left_out", error=self._last_error)

    def _tell_waiters(self) -> None:
        oldest = next(iter(self._queue), None)
        settled = 0 if self._spill.n_moved else oldest.seq - 1 if oldest else self._n_submitted
        for target, waiter in self._waiters:
            if target <= settled and not waiter.done():
                waiter.set_result(None)
        self._waiters = [each for each in self._waiters if not each[1].done()]

    def _restart(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._closed:
            return
        error = task.exception()
        log.error("writer_died", exc_info=error)
        self._last_error = f"the writer died: {type(error).__name__}"
        self._n_failures += 1
        self._wake.set()
        task.get_loop().call_later(self._backoff_s[1], self.start)
