"""Where the prompts that are to be labelled come from: a file, or the requests that were recorded last."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from config.database import open_database, parse_url
from config.errors import ClientFacingError
from config.redact import redact
from proxy.cli.printing import CommandError
from proxy.doors import ANTHROPIC, OPENAI, UNIFIED
from router.labels.prompts import MAX_CHARS, Wanted, distinct, read_wanted
from router.providers.json_values import as_objects
from router.tables import body, decision, preview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.database import Database
    from config.settings import Settings

CUT: Final = "…"
"""How a preview ends that does not hold the whole question."""
READ_AT_MOST: Final = 20
"""Newest requests that are looked at for each prompt that is wanted: many ask the same."""
_DOORS: Final = {door.name: door for door in (OPENAI, ANTHROPIC, UNIFIED)}
_MAX_DEPTH: Final = 64


def prompts_of(settings: Settings, file: Path | None, *, from_log: int | None, limit: int) -> list[Wanted]:
    """Return the prompts of a file, or the newest of the books. Raises `CorpusError` and `CommandError`."""
    if file is not None:
        return read_wanted(file, limit=limit)
    n = min(from_log or 0, limit)
    address = parse_url(settings.database_url)
    if address.drivername.startswith("sqlite") and not Path(address.database or "").is_file():
        raise CommandError(f"there are no books yet: {address.database} does not exist.")
    found = asyncio.run(_recorded(settings.database_url, n))
    if not found:
        raise CommandError(
            "no recorded request holds a question that could be labelled. Whole requests are kept with "
            "storage.store_bodies = true (those with one question are used, secrets of known shapes taken out), the "
            "first 160 characters with storage.store_preview = true (shorter questions are used); or give a file "
            "with --input."
        )
    return found


async def _recorded(url: str, n: int) -> list[Wanted]:
    database = open_database(url, busy_timeout_s=30.0)
    try:
        await database.upgrade()
        return await read_recorded(database, n)
    finally:
        await database.aclose()


async def read_recorded(database: Database, n: int) -> list[Wanted]:
    """Return the newest `n` different questions of the books, the newest first. Raises `StorageError`.

    Of a stored body those are taken that hold one question and nothing before it but a system prompt; of a preview
    those that are whole.
    """
    query = (
        select(decision.c.endpoint, body.c.request, preview.c.text, decision.c.intent)
        .outerjoin(body, body.c.decision_id == decision.c.id)
        .outerjoin(preview, preview.c.decision_id == decision.c.id)
        .where(
            decision.c.endpoint.in_(list(_DOORS)),
            decision.c.status == "completed",
            body.c.request.is_not(None) | preview.c.text.is_not(None),
        )
        .order_by(decision.c.ts.desc(), decision.c.id.desc())
        .limit(n * READ_AT_MOST)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(query)).all()
    return distinct(_questions(rows))[:n]


def _questions(rows: Sequence[tuple[str, bytes | None, str | None, str | None]]) -> list[Wanted]:
    found: list[Wanted] = []
    for endpoint, request, shown, intent in rows:
        text = _asked(endpoint, request) if request is not None else _whole(shown)
        if text:
            found.append(Wanted(text, intent))
    return found


def _asked(endpoint: str, request: bytes) -> str:
    """Return the question of a stored request, redacted; empty where it holds more than one, or no text."""
    try:
        parsed = _DOORS[endpoint].parse(request, headers={"content-type": "application/json"}, max_depth=_MAX_DEPTH)
    except ClientFacingError:
        return ""
    turns = [each.get("role") for each in as_objects(parsed.request.body.get("messages"))]
    if [each for each in turns if each not in {"system", "developer"}] != ["user"]:
        return ""
    text = parsed.last_user_text
    return redact(text).strip() if len(text) <= MAX_CHARS else ""


def _whole(shown: str | None) -> str:
    return "" if shown is None or shown.endswith(CUT) else shown.strip()
