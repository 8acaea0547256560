"""Starting values that were set while the gateway runs: they stand before the table of the settings file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

import structlog

from config.errors import CorpusError, InvalidRequestError
from router.learning.beliefs import beliefs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.overrides import Override, OverrideStore
    from config.types import Json
    from router.learning.beliefs import Beliefs

BELIEFS_AREA: Final = "learning"
BELIEFS: Final = "beliefs"
"""The override's name in its area; its value is a list of `{model, domain, language, intent, quality}`."""
MAX_ROWS: Final = 500

log = structlog.stdlib.get_logger("thalamus.proxy.beliefs")


class BeliefsInForce:
    """A copy in memory of what the database holds. Changed by one request at a time."""

    def __init__(self, store: OverrideStore) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self.rows: tuple[Json, ...] = ()
        self.beliefs: Beliefs | None = None
        """The table; another object whenever it is another table."""

    async def load(self) -> None:
        """Take what the database holds. Raises `StorageError`; then what was in force stays."""
        async with self._lock:
            self._take((await self._store.load()).get(BELIEFS))

    async def change(self, rows: Sequence[Json], *, changed_by: str) -> None:
        """Set all rows; none gives the table up. Kept and audited.

        Raises `InvalidRequestError` with the row at fault, and `StorageError`; then nothing was changed.
        """
        async with self._lock:
            if len(rows) > MAX_ROWS:
                raise InvalidRequestError(f"At most {MAX_ROWS} starting values are kept.", param="rows")
            try:
                beliefs_of(rows, file="the form")
            except CorpusError as error:
                raise InvalidRequestError(str(error), param="rows") from error
            found = await self._store.change({BELIEFS: list(rows) or None}, changed_by=changed_by)
            self._take(found.get(BELIEFS))

    def _take(self, override: Override | None) -> None:
        rows = cast("list[Json]", override.value) if override is not None else []
        if list(self.rows) == rows:
            return
        try:
            beliefs = beliefs_of(rows, file="learning.beliefs") if rows else None
        except (CorpusError, TypeError) as error:  # written by another version, or by hand
            log.error("starting_values_not_used", reason=str(error))  # noqa: TRY400  # the reason is enough
            return
        self.rows, self.beliefs = tuple(rows), beliefs
