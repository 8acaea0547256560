"""Writes what a judge said after its request was booked into that request's row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, update

from router.tables import decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json
    from config.writer import GroupWriter


class JudgedBook:
    """A book of the group writer. Make it after the ledger, so that a batch finds the decisions of its words."""

    name = "judged"

    def __init__(self, writer: GroupWriter) -> None:
        self._writer = writer
        writer.register(self)

    def record(self, decision_id: str, judged: Json) -> None:
        """Queue the word on one decision; the column `judge` is replaced."""
        self._writer.submit(self, (decision_id, judged), key=decision_id)

    def payload(self, record: tuple[str, Json]) -> Json:
        """Return the decision and what its column is to hold."""
        return {"decision_id": record[0], "judge": record[1]}

    def write(self, connection: Connection, payloads: Sequence[Json]) -> None:
        """Replace the columns; a decision that is not there any more is left out."""
        for each in payloads:
            row = cast("dict[str, Any]", each)
            connection.execute(update(decision).where(decision.c.id == row["decision_id"]).values(judge=row["judge"]))
