"""Takes the questions of one key out of the books' memory; its decisions stay, as they are the books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from router.tables import decision, question_vector

if TYPE_CHECKING:
    from config.database import Database


async def forget_questions(database: Database, key_prefix: str) -> int:
    """Delete the vectors of a key's questions and return how many there were. Raises `StorageError`.

    A running server forgets them when it next compares its memory with the books, within ten minutes.
    """
    its = select(decision.c.id).where(decision.c.key_prefix == key_prefix)
    async with database.writing() as connection:
        found = await connection.execute(delete(question_vector).where(question_vector.c.decision_id.in_(its)))
    return found.rowcount
