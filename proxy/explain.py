"""Adds the decision to an answer for a client that sent `x-thalamus-router: explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

if TYPE_CHECKING:
    from config.types import Json
    from router.events import Dialect


def explained_body(body: bytes, explanation: Json) -> bytes:
    """Return the JSON body with the decision under `thalamus`."""
    answer = cast("Json", msgspec.json.decode(body))
    return msgspec.json.encode(answer | {"thalamus": explanation})


def explained_event(explanation: Json, decision_id: str, *, dialect: Dialect) -> bytes:
    """Return the decision as part of a stream.

    OpenAI's clients get a chunk without choices, as the usage chunk has none, with the decision under `thalamus`;
    others a comment, for their formats have no event that a client may not know.
    """
    if dialect != "openai":
        return b": thalamus " + msgspec.json.encode(explanation) + b"\n\n"
    chunk: Json = {
        "id": f"chatcmpl-{decision_id}",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": explanation.get("served_model") or "auto",
        "choices": [],
        "thalamus": explanation,
    }
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
