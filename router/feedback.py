"""Takes what people thought of an answer, checks it, and gives it to the ledger as outcomes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

from config.errors import InvalidRequestError, NotFoundError, StorageError, UnavailableError
from config.types import OutcomeRecord
from router.history import FLUSH_S, decision_json, latest_decision_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from config.database import Database
    from config.types import Json, Ledger
    from config.writer import GroupWriter

OutcomeKind = Literal["rating", "thumbs", "comment", "corrected_intent", "corrected_model"]
ID_FIELDS = ("decision_id", "queryId", "query_id")
COMMENT_FIELDS = ("comment", "comments")
LAST = "last"
"""Instead of an id: the caller's newest decision, of `conversation_id` where one is given."""
MAX_COMMENT_CHARS = 4_000
MAX_NAME_CHARS = 200
LOWEST, HIGHEST = 1, 5
THUMBS = {"up": 1.0, "down": 0.0, True: 1.0, False: 0.0}


class Caller(Protocol):
    """Who speaks: a key as `config/keys.py` knows it."""

    @property
    def prefix(self) -> str:
        """What decisions keep of the key."""
        ...

    @property
    def scopes(self) -> Collection[str]:
        """What the key may do."""
        ...


async def submit_feedback(
    fields: Json,
    *,
    database: Database,
    ledger: Ledger,
    writer: GroupWriter,
    caller: Caller | None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Json:
    """Queue the opinions in `fields` and return what was taken, `{success, decision_id, recorded}`.

    `fields` holds `decision_id` (or `queryId`; `last` or nothing means the caller's newest decision) and at least one
    of `rating` (1 to 5), `thumbs` (`up`, `down`), `comment` (or `comments`), `corrected_intent`, `corrected_model`.
    Saying the same kind again replaces it. `caller=None` means that no key is needed here. Raises
    `InvalidRequestError` with the field at fault, `NotFoundError` for a decision that is not there or not the
    caller's, `UnavailableError` while the books cannot be read.
    """
    opinions = _opinions(fields)
    decision_id = await _decision_id(fields, database=database, writer=writer, caller=caller)
    found = await decision_json(database, decision_id, writer=writer)
    is_own = caller is None or (found is not None and found["key_prefix"] == caller.prefix)
    if found is None or not (is_own or _is_admin(caller)):
        raise NotFoundError(f"There is no decision '{decision_id}'.", param=_given(fields, ID_FIELDS)[0])
    ts = clock()
    for kind, (score, comment) in opinions.items():
        ledger.record_outcome(
            OutcomeRecord(decision_id, "user" if is_own else "admin", kind, ts, score=score, comment=comment)
        )
    return {"success": True, "decision_id": decision_id, "recorded": list(opinions)}


async def _decision_id(fields: Json, *, database: Database, writer: GroupWriter, caller: Caller | None) -> str:
    name, given = _given(fields, ID_FIELDS)
    if given is not None and not (isinstance(given, str) and 0 < len(given) <= MAX_NAME_CHARS):
        raise InvalidRequestError(f"'{name}' must be the id of a decision.", param=name)
    if isinstance(given, str) and given != LAST:
        return given
    conversation = _name(fields, "conversation_id")
    try:
        await writer.flush(FLUSH_S)
        latest = await latest_decision_id(
            database, conversation_id=conversation, key_prefix=caller.prefix if caller else None
        )
    except StorageError as error:
        raise UnavailableError("The books cannot be read at the moment.", code="storage_unavailable") from error
    if latest is None:
        raise NotFoundError("There is no decision yet that this could be about.", param=name)
    return latest


def _opinions(fields: Json) -> dict[OutcomeKind, tuple[float | None, str | None]]:
    found: dict[OutcomeKind, tuple[float | None, str | None]] = {}
    if (rating := _rating(fields.get("rating"))) is not None:
        found["rating"] = (rating, None)
    if (thumbs := _thumbs(fields.get("thumbs"))) is not None:
        found["thumbs"] = (thumbs, None)
    if (comment := _comment(fields)) is not None:
        found["comment"] = (None, comment)
    if (intent := _name(fields, "corrected_intent")) is not None:
        found["corrected_intent"] = (None, intent)
    if (model := _name(fields, "corrected_model")) is not None:
        found["corrected_model"] = (None, model)
    if not found:
        raise InvalidRequestError(
            "Say something: 'rating' (1 to 5), 'thumbs' (up or down), 'comment', 'corrected_intent' or "
            "'corrected_model'.",
            param="rating",
        )
    return found


def _rating(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not LOWEST <= value <= HIGHEST:
        raise InvalidRequestError(f"'rating' must be a number from {LOWEST} to {HIGHEST}.", param="rating")
    return (value - LOWEST) / (HIGHEST - LOWEST)


def _thumbs(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (str, bool)) or value not in THUMBS:
        raise InvalidRequestError("'thumbs' must be 'up' or 'down'.", param="thumbs")
    return THUMBS[value]


def _comment(fields: Json) -> str | None:
    name, value = _given(fields, COMMENT_FIELDS)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_COMMENT_CHARS:
        raise InvalidRequestError(f"'{name}' must be text of at most {MAX_COMMENT_CHARS} characters.", param=name)
    return value.strip() or None


def _name(fields: Json, name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value.strip()) <= MAX_NAME_CHARS:
        raise InvalidRequestError(f"'{name}' must be text of 1 to {MAX_NAME_CHARS} characters.", param=name)
    return value.strip()


def _given(fields: Json, names: tuple[str, ...]) -> tuple[str, object]:
    """Return the first of the names that was sent, with its value; the first name when none was."""
    for name in names:
        if fields.get(name) is not None:
            return name, fields[name]
    return names[0], None


def _is_admin(caller: Caller | None) -> bool:
    return caller is not None and "admin" in caller.scopes
