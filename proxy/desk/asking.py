"""Sends a request through the pipeline from inside, as a client would from outside, but without a socket or a key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from config.key_identity import KeyIdentity
from proxy.connection import Connection
from proxy.pipeline import handle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litestar.types import HTTPScope, Receive, Send

    from proxy.doors import Door
    from proxy.house import House

PREFIX_CHARS = 32
"""What the books hold of a caller's name."""


@dataclass(slots=True)
class Answer:
    """What a client would have got."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


async def ask(
    house: House,
    door: Door,
    body: bytes,
    *,
    actor: str,
    headers: Mapping[str, str] | None = None,
    hear: Callable[[bytes], None] = lambda _chunk: None,
) -> Answer:
    """Return the answer to a body at a door. `actor` stands in the books where a key's prefix would; limits hold.

    `hear` is called with each piece of the answer as it comes. Cancelling it is a client that leaves.
    """
    answer = Answer()
    chunks: list[bytes] = []

    async def receive() -> dict[str, Any]:
        if not sent:
            sent.append(True)
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.Event().wait()  # a client that stays until it is cancelled
        raise AssertionError  # pragma: no cover

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        else:
            chunks.append(message.get("body", b""))
            hear(chunks[-1])

    sent: list[bool] = []
    given = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/dashboard",
        "client": None,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
    }
    connection = Connection(cast("HTTPScope", scope), cast("Receive", receive), cast("Send", send))
    connection.caller = KeyIdentity("dashboard", actor, actor[:PREFIX_CHARS], frozenset({"chat"}))
    await handle(house, door, connection)
    answer.body = b"".join(chunks)
    return answer
