"""Which file a SQLite database was opened from, to see when somebody moves, replaces or deletes it under us.

SQLite itself goes on writing into a file without a name and reports success; what it wrote is lost at the end.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from config.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

FileId = tuple[int, int]
"""Device and inode."""
FILE = "thalamus_file"
"""Under which a connection notes what it was opened from."""
GONE = "the database file was moved or deleted"


class DatabaseFile:
    """The file that the first connection opened; every other connection must lead to the same one."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)  # noqa: PTH100  # as SQLAlchemy does: links are not followed
        self._opened: FileId | None = None
        self.needs_schema = False
        """Whether the file was let go, so that the next one may be new and without tables."""

    def check_connection(self, connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        """Remember the file of the first connection; close one that leads to another file and raise `StorageError`.

        A connection that read from the new file would share the write-ahead index with those of the old one.
        """
        now = self._now()
        if self._opened is None:
            self._opened = now
        if now is None or now != self._opened:
            self._opened = self._opened or (0, 0)  # deleted at once: is no file, so the next transaction lets it go
            connection.close()
            raise StorageError(GONE)
        record.info[FILE] = now

    def check_return(self, _connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        """Close a connection whose file was lost while somebody used it: nobody will take it out of its pool again."""
        try:
            is_lost = self._opened is None or self._now() != self._opened or record.info.get(FILE) != self._opened
        except OSError:
            is_lost = True
        if is_lost and record.dbapi_connection is not None:
            record.invalidate()

    def opened(self) -> FileId | None:
        """Return what is open, `None` before the first connection. Raises `StorageError` when it lies there no more.

        Costs one `stat`. An `OSError` says that it cannot be known now.
        """
        if self._opened is not None and self._now() != self._opened:
            raise StorageError(GONE)
        return self._opened

    def confirm(self, begun_in: FileId | None) -> None:
        """Check after a commit that it went into the file that lies there now. Raises `StorageError`, `OSError`."""
        if self._now() != (begun_in or self._opened):
            raise StorageError(GONE)

    def let_go(self) -> None:
        """Forget the file; call it when no connection to it can be had any more."""
        self._opened = None
        self.needs_schema = True

    def _now(self) -> FileId | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116  # `Path` costs a third more, and this is in every transaction
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_dev, found.st_ino
