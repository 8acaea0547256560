"""Tells the database's own trouble from what is wrong with what was sent, and says it in a line."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

MAX_ERROR_CHARS = 160
# SQLSTATE classes in which the database, not what we sent, is the trouble: connection, transaction rollback,
# insufficient resources (53100 is a full disk), object not in the right state, operator intervention, system error,
# read-only transaction, missing or foreign schema, and refused credentials.
TROUBLE_CLASSES = ("08", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58")


def is_trouble(error: DBAPIError) -> bool:
    """Return whether the database (locked, full, away, not upgraded) failed rather than what was sent to it."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(TROUBLE_CLASSES)
    kind = type(error.orig).__name__
    # `DatabaseError` itself is how SQLite says that the file is damaged or no database.
    return kind in {"OperationalError", "DatabaseError", "InternalError"} or _is_lost_connection(error.orig)


def described(error: BaseException) -> str:
    """Return one short line for a person; SQL, parameters and values are left out."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(error, SQLAlchemyError) and not (isinstance(error, DBAPIError) and is_trouble(error)):
        return type(origin).__name__  # the text of such an error quotes the row
    line = str(origin).strip().partition("\n")[0]
    text = line.rpartition("'>: ")[2] or type(origin).__name__  # SQLAlchemy puts the driver's class in front
    return text[:MAX_ERROR_CHARS]


def _is_lost_connection(origin: BaseException | None) -> bool:
    cause = None if origin is None else origin.__cause__
    return isinstance(cause, OSError) or "connection is closed" in str(origin)
