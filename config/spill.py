"""The journal as the writer uses it: records moved there, and copies of records that are late but still in memory.

A copy guards against a kill of the process while a commit takes long. Lines are in the order in which the records
came, what was moved before what was copied; so what is committed from the queue is always the first of the copies.
A line too many does no harm: its record comes again, and every book bears that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.backlog import encode_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from config.backlog import Backlog, Entry
    from config.journal import Chunk, Journal

CHUNK_RECORDS, CHUNK_BYTES = 64, 1024 * 1024
"""Journalled at a time: about a millisecond of the loop."""


class Spill:
    """Moves and copies records to a journal; without a journal nothing is taken.

    `record_errors` is what a record raises that cannot be encoded, `skip` hears of it when it is left out for that.
    """

    def __init__(
        self,
        journal: Journal | None,
        *,
        record_errors: tuple[type[Exception], ...],
        skip: Callable[[Exception], None],
    ) -> None:
        self._journal = journal
        self._record_errors = record_errors
        self._skip = skip
        self._n_copies = 0
        self._epoch = 1

    @property
    def n_moved(self) -> int:
        """Records that lie in the journal alone and must be read from there."""
        return 0 if self._journal is None else self._journal.n_waiting - self._n_copies

    def move(self, queue: Backlog) -> int:
        """Move the oldest records of a queue to the journal and return how many left the queue."""
        if self._journal is None:
            return 0
        n_dropped = queue.drop_copied(self._epoch)
        self._n_copies, self._epoch = 0, self._epoch + 1  # the copies are now what was moved
        if n_dropped:
            return n_dropped
        entries = queue.take(CHUNK_RECORDS, max_bytes=CHUNK_BYTES)
        kept: list[Entry] = []
        lines: list[bytes] = []
        for entry in entries:
            try:
                lines.append(encode_entry(entry))
                kept.append(entry)
            except self._record_errors as error:
                self._skip(error)
        untaken = kept[self._journal.append(lines) :]
        queue.put_back(untaken)
        return len(entries) - len(untaken)

    def copy(self, entries: Iterable[Entry], *, up_to: int) -> bool:
        """Journal the entries that came up to the number `up_to`, oldest first, as far as the journal takes them.

        At most `CHUNK_RECORDS` at a time; return whether there are more. What cannot be encoded is passed over: its
        own transaction will tell.
        """
        if self._journal is None:
            return False
        late: list[Entry] = []
        lines: list[bytes] = []
        for entry in entries:
            if entry.seq > up_to or len(lines) == CHUNK_RECORDS:
                break
            if entry.copied == self._epoch:
                continue
            try:
                lines.append(encode_entry(entry))
                late.append(entry)
            except self._record_errors:
                continue
        n_taken = self._journal.append(lines)
        for entry in late[:n_taken]:
            entry.copied = self._epoch
        self._n_copies += n_taken
        return n_taken == CHUNK_RECORDS

    def committed(self, entries: Iterable[Entry]) -> None:
        """Forget the copies of entries that were written from memory, oldest first."""
        if self._journal is None:
            return
        n = sum(entry.copied == self._epoch for entry in entries)
        are_first = self.n_moved == 0
        self._n_copies -= n  # behind what was moved they are read again with it
        while are_first and n:
            chunk = self._journal.read(n)
            self._journal.consume(chunk)
            n -= chunk.n_lines

    def read(self, limit: int) -> Chunk | None:
        """Return at most `limit` of the moved records, `None` when there is none; they stay until `consume`."""
        return self._journal.read(min(limit, self.n_moved)) if self._journal is not None and self.n_moved else None

    def consume(self, chunk: Chunk) -> None:
        """Forget what `read` gave."""
        if self._journal is not None:
            self._journal.consume(chunk)

    def close(self) -> None:
        """Make the lines survive a power cut, and give the file to the next process."""
        if self._journal is not None:
            self._journal.sync()
            self._journal.close()
            self._journal = None
