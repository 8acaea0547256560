"""The pool of a database whose file may be let go, so that nothing that comes back too late stays open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.pool import AsyncAdaptedQueuePool

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry


class LeavingPool(AsyncAdaptedQueuePool):
    """Once it is disposed of, a connection that comes back is closed: nobody takes one out of this pool any more.

    Who asked this pool for a connection just before may open one in it afterwards, and that is as good as any other.
    """

    _is_left = False

    def dispose(self) -> None:
        """Close what nobody uses, and what comes back from now on."""
        self._is_left = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        if self._is_left and record.dbapi_connection is not None:
            record.invalidate()
        super()._do_return_conn(record)
