"""The same faults at the other doors: Anthropic's shape and the unified chat, each with errors of its own form."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio

from tests.e2e.gateway import user
from tests.faults.answering import ANSWERING, TEXT
from tests.faults.cells import MODES, Cell
from tests.faults.dialects import DIALECTS
from tests.faults.refusing import REFUSING
from tests.faults.seen import Heard, Seen, attempt_words, book_words, client_words, decision_of, hold
from tests.faults.street import SOUND_TEXT, Street, open_street

DOORS = ("/api/claude", "/api/chat")
_KNOWN = {(fault.row, fault.key): fault for fault in (*ANSWERING, *REFUSING)}
BROKEN_OFF = tuple(_KNOWN[which] for which in ((8, "hang"), (10, "fin"), (12, "half-after"), (22, "after")))
REFUSED = tuple(_KNOWN[which] for which in ((5, "seconds"), (6, "500"), (19, "400")))
CELLS = (
    *(Cell(fault, "streamed", dialect, "first") for fault in BROKEN_OFF for dialect in DIALECTS),
    *(Cell(fault, mode, "openai", place) for fault in REFUSED for mode in MODES for place in ("first", "last")),
)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def streets(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[dict[str, Street], None]:
    """A street per door, so that what one door learns does not bench for the other."""
    claude, unified = (tmp_path_factory.mktemp("street") for _ in DOORS)
    async with open_street(claude, CELLS) as first, open_street(unified, CELLS) as second:
        yield dict(zip(DOORS, (first, second), strict=True))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
async def test_fault_at_another_door(streets: dict[str, Street], door: str, cell: Cell) -> None:
    """The attempts and the books are those of the main door; answer and error have this door's form."""
    street = streets[door]
    body = {"model": cell.id, "messages": user("hi"), "max_tokens": 50, "stream": cell.mode == "streamed"}
    response = await street.gateway.http.post(door, json=body)
    heard = READERS[door](response)
    decision = await decision_of(street.gateway, heard.decision_id)
    promise = cell.fault.promise(cell.mode)

    if promise.kind == "in_band":
        assert (200, TEXT, None) == (heard.status, heard.text, heard.finish)
        assert heard.error
        assert ("failed_upstream", "estimated") == (decision["status"], decision["attempts"][-1]["usage_source"])
    elif promise.kind == "next" and cell.place == "first":
        assert (200, SOUND_TEXT, None) == (heard.status, heard.text, heard.error)
        assert "completed" == decision["status"]
    else:
        assert (promise.status, "failed_upstream") == (heard.status, decision["status"])
        assert heard.error
        assert cell.fault.retry_after == (heard.retry_after_s is not None)
    said = {TEXT: "its text", SOUND_TEXT: "the next one's answer"}.get(heard.text, "no text")
    hold(
        f"{cell.id}-at-{door.rpartition('/')[2]}",
        Seen(
            row=cell.fault.row,
            case=cell.fault.name,
            client=(f"at {door}", *client_words(heard, said)),
            attempts=attempt_words(decision["attempts"]),
            booked=book_words(decision),
            mode=cell.mode,
            dialect=cell.dialect,
            place=cell.place,
        ),
    )


def _known(response: httpx.Response) -> Heard:
    retry_after = response.headers.get("retry-after")
    return Heard(
        response.status_code,
        response.headers["x-thalamus-decision-id"],
        retry_after_s=int(retry_after) if retry_after else None,
    )


def _read_claude(response: httpx.Response) -> Heard:
    """Return what Anthropic's client makes of it: an event named `error`, or a finish, and never both."""
    known, text, finish, error, ended = _known(response), "", None, None, False
    for event in _events(response):
        assert not ended, f"something came after the end: {event}"
        match event["type"]:
            case "message":
                text += "".join(block["text"] for block in event["content"])
                finish = event["stop_reason"]
            case "content_block_delta":
                text += event["delta"].get("text", "")
            case "message_delta":
                finish = event["delta"]["stop_reason"]
            case "error":
                error, ended = event["error"]["type"], True
            case "message_stop":
                ended = True
            case _:
                pass
    return _with(known, text, finish, error)


def _read_unified(response: httpx.Response) -> Heard:
    """Return what a client of `/api/chat` makes of it."""
    known, text, finish, error = _known(response), "", None, None
    for event in _events(response):
        text = event["content"] if "content" in event else text + event.get("delta", "")
        finish = event.get("finish_reason") or finish
        if "error" in event:
            error = event["error"]["code"] or event["error"]["type"]
    return _with(known, text, finish, error)


READERS = {"/api/claude": _read_claude, "/api/chat": _read_unified}


def _with(known: Heard, text: str, finish: str | None, error: str | None) -> Heard:
    return Heard(known.status, known.decision_id, text, finish, error, retry_after_s=known.retry_after_s)


def _events(response: httpx.Response) -> list[dict[str, object]]:
    if not response.headers["content-type"].startswith("text/event-stream"):
        return [response.json()]
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]
