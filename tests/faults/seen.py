"""What one case came to, as the client saw it, as it was tried, and as it was booked: stable words, no times or ports."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

    from tests.e2e.gateway import Gateway

SEEN_FILE = Path(__file__).parent / "seen.json"
RECORD_VARIABLE = "THALAMUS_FAULTS_INTO"
"""Names a folder: what the tests see is written there, and not compared with what was published."""
ANY = "any"


@dataclass(frozen=True, slots=True)
class Heard:
    """A response as an OpenAI client reads it."""

    status: int
    decision_id: str
    text: str = ""
    finish: str | None = None
    error: str | None = None
    """The code of the error, in the body or in the stream; its type where it has no code."""
    n_ends: int = 0
    """How many ends a stream had."""
    retry_after_s: int | None = None
    should_retry: str | None = None


class Seen(msgspec.Struct, frozen=True):
    """What became of one case. Every list holds phrases that `publish` can say in both languages."""

    row: int
    case: tuple[str, str]
    client: tuple[str, ...]
    attempts: tuple[str, ...]
    booked: tuple[str, ...]
    mode: str = ANY
    dialect: str = ANY
    place: str = ANY


def read_answer(response: httpx.Response) -> Heard:
    """Return what an OpenAI client makes of a response, streamed or plain."""
    retry_after = response.headers.get("retry-after")
    known: dict[str, Any] = {
        "status": response.status_code,
        "decision_id": response.headers["x-thalamus-decision-id"],
        "retry_after_s": int(retry_after) if retry_after else None,
        "should_retry": response.headers.get("x-should-retry"),
    }
    if response.headers["content-type"].startswith("text/event-stream"):
        return Heard(**known, **read_stream(response.text))
    body = response.json()
    if "error" in body:
        return Heard(**known, error=_code(body["error"]))
    choice = body["choices"][0]
    return Heard(**known, text=choice["message"].get("content") or "", finish=choice["finish_reason"])


def read_stream(text: str) -> dict[str, Any]:
    """Return text, finish, error and number of ends of a stream; every line of it must be an event of ours."""
    found: dict[str, Any] = {"text": "", "finish": None, "error": None, "n_ends": 0}
    for line in text.splitlines():
        if not line.startswith("data: "):
            assert not line or line.startswith(":"), f"a line that is no event was forwarded: {line[:80]}"
            continue
        data = line.removeprefix("data: ")
        assert found["n_ends"] == 0, f"something came after the end: {line[:80]}"
        if data == "[DONE]":
            found["n_ends"] = 1
            continue
        event = json.loads(data)
        if "error" in event:
            found["error"] = _code(event["error"])
        for choice in event.get("choices", []):
            found["text"] += choice["delta"].get("content") or ""
            found["finish"] = choice.get("finish_reason") or found["finish"]
    return found


def _code(error: dict[str, Any]) -> str:
    assert {"message", "type", "param", "code"} <= set(error)
    return str(error["code"] or error["type"])


async def decision_of(gateway: Gateway, decision_id: str) -> dict[str, Any]:
    """Return a booked decision."""
    found = await gateway.http.get(f"/v1/decisions/{decision_id}")
    assert 200 == found.status_code, found.text
    return cast("dict[str, Any]", found.json())


def client_words(heard: Heard, said: str) -> tuple[str, ...]:
    """Say what the client saw; `said` names the text it got."""
    words = [str(heard.status)]
    if heard.status == 200:
        words.append(said)
    if heard.error:
        words.append(f"error {heard.error}")
    if heard.status == 200:
        words.append(f"finish {heard.finish}" if heard.finish else "no finish")
    if heard.retry_after_s is not None:
        words.append("retry-after")
    return tuple(words)


def attempt_words(attempts: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Say which attempts were made: who, and the failure class with the upstream's status."""
    return tuple(f"{who_of(each)}: {_outcome(each)}" for each in attempts)


def book_words(decision: dict[str, Any]) -> tuple[str, ...]:
    """Say what was booked: the status, and whose tokens were counted by whom."""
    counted = [each for each in decision["attempts"] if each["usage_source"]]
    return (decision["status"], *(f"{who_of(each)} usage {each['usage_source']}" for each in counted))


def who_of(attempt: dict[str, Any]) -> str:
    """Return `faulty`, `sound` or `before`."""
    return cast("str", attempt["provider"]).partition("-")[0]


def _outcome(attempt: dict[str, Any]) -> str:
    if attempt["failure_class"]:
        return f"{attempt['failure_class']} {attempt['status'] or ''}".strip()
    return "ok" if attempt["status"] else "left"


def hold(name: str, seen: Seen) -> None:
    """Compare with what `docs/faults.md` was made of, or write it down for the next one."""
    into = os.environ.get(RECORD_VARIABLE)
    if into:
        folder = Path(into)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(seen))
        return
    assert published().get(name) == seen, "docs/faults.md says otherwise: run `make faults`"


def published() -> dict[str, Seen]:
    """Return what `docs/faults.md` was made of, by the name of the case."""
    return msgspec.json.decode(SEEN_FILE.read_bytes(), type=dict[str, Seen])
