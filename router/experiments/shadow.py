"""Recorded conversations, answered once more by another model in shadow: nobody but a judge sees what it says."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import select

from config.errors import ThalamusError
from router.experiments.pairwise import Pair
from router.tables import body, decision

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from config.database import Database
    from config.types import Json, TextGenerator

ROLES: Final = frozenset({"system", "user", "assistant"})
N_AT_ONCE: Final = 4
MAX_CHARS: Final = 60_000
"""Of all turns together; longer conversations are passed over."""
MOST_READ: Final = 2_000
"""Newest decisions with a stored body that are looked at."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request whose answer was stored."""

    id: str
    messages: tuple[Json, ...]
    """Role and text of each turn, the question last."""
    answer: str
    model: str
    """Who answered."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the other model made of them."""

    pairs: tuple[Pair, ...]
    n_failed: int
    """Requests that it gave no answer to."""


async def read_recorded(database: Database, *, since: datetime, candidate: str, most: int, seed: int) -> list[Recorded]:
    """Return at most so many stored requests and answers of other models, drawn among the newest.

    Only plain conversations are among them: text turns, no tools. Raises `StorageError`.
    """
    query = (
        select(decision.c.id, decision.c.served_model, body.c.request, body.c.response)
        .join(body, body.c.decision_id == decision.c.id)
        .where(
            decision.c.ts >= since,
            decision.c.status == "completed",
            decision.c.served_model.is_not(None),
            decision.c.served_model != candidate,
        )
        .order_by(decision.c.ts.desc(), decision.c.id.desc())
        .limit(MOST_READ)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(query)).all()
    found = [each for row in rows if (each := _recorded(*row)) is not None]
    return Random(seed).sample(found, min(most, len(found)))  # noqa: S311  # guards no secret


async def answered(
    recorded: Sequence[Recorded], model: TextGenerator, *, name: str, timeout_s: float = 120.0
) -> Answered:
    """Return pairs of the recorded answer and what the other model says to the same conversation."""
    at_once = asyncio.Semaphore(N_AT_ONCE)

    async def one(each: Recorded) -> Pair | None:
        async with at_once:
            try:
                text = await model.generate(each.messages, model=name, timeout_s=timeout_s)
            except (ThalamusError, TimeoutError):
                return None
        return Pair(str(each.messages[-1]["content"]), each.answer, text, each.id) if text.strip() else None

    pairs = await asyncio.gather(*(one(each) for each in recorded))
    kept = tuple(each for each in pairs if each is not None)
    return Answered(kept, len(pairs) - len(kept))


def _recorded(name: str, model: str, request: bytes | None, response: bytes | None) -> Recorded | None:
    answer = (response or b"").decode("utf-8", "replace")
    messages = _turns(request)
    return Recorded(name, messages, answer, model) if answer.strip() and messages else None


def _turns(request: bytes | None) -> tuple[Json, ...]:
    """Return the turns of a stored request, none where one of them is no plain text, or the last one is no question."""
    try:
        found: object = json.loads(request or b"")
    except (ValueError, RecursionError):
        return ()
    told = cast("Json", found) if isinstance(found, dict) else {}
    messages = told.get("messages")
    if not isinstance(messages, list) or told.get("tools"):
        return ()
    system = told.get("system")  # of Anthropic's dialect
    turns: list[Json] = [{"role": "system", "content": system}] if isinstance(system, str) else []
    for each in cast("list[object]", messages):
        message = cast("Json", each) if isinstance(each, dict) else {}
        role, content = message.get("role"), message.get("content")
        if role not in ROLES or not isinstance(content, str):
            return ()
        turns.append({"role": role, "content": content})
    fits = sum(len(str(each["content"])) for each in turns) <= MAX_CHARS
    return tuple(turns) if turns and turns[-1]["role"] == "user" and fits else ()
