"""Holds what was seen of a cell against what was promised; says nothing of how it is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.faults.answering import TEXT
from tests.faults.seen import Heard, who_of
from tests.faults.street import SOUND_TEXT

if TYPE_CHECKING:
    from tests.faults.cells import Cell, Promise


def check(cell: Cell, heard: Heard, decision: dict[str, Any]) -> None:
    """Fail where a promise was broken."""
    promise = cell.fault.promise(cell.mode)
    attempts = [(who_of(each), each["failure_class"]) for each in decision["attempts"]]
    tried = [("faulty", promise.failure)] * cell.fault.tries
    if promise.kind == "recovered":
        tried.append(("faulty", None))
    if cell.place == "last":
        tried.insert(0, ("before", "transient"))
    if promise.kind == "next" and cell.place == "first":
        tried.append(("sound", None))
    assert tried == attempts
    if promise.kind in {"answered", "recovered"}:
        _whole(cell, heard, decision, text=None, finish=promise.finish)
    elif promise.kind == "in_band":
        _broken_off(heard, decision)
    elif promise.kind == "next" and cell.place == "first":
        _whole(cell, heard, decision, text=SOUND_TEXT, finish="stop")
    else:
        _refused(cell, promise, heard, decision)


def _whole(cell: Cell, heard: Heard, decision: dict[str, Any], *, text: str | None, finish: str) -> None:
    """A clean answer: nothing in it tells that anything failed."""
    last = decision["attempts"][-1]

    assert (200, finish, None) == (heard.status, heard.finish, heard.error)
    assert text in {None, heard.text}
    assert int(cell.mode == "streamed") == heard.n_ends
    assert ("completed", 200, None) == (decision["status"], decision["http_status"], decision["error_code"])
    assert (True, 200, "upstream") == (last["committed"], last["status"], last["usage_source"])
    assert all(not each["committed"] for each in decision["attempts"][:-1])


def _broken_off(heard: Heard, decision: dict[str, Any]) -> None:
    """An error in the stream and one end; no finish, what was said is counted, nobody else is asked."""
    last = decision["attempts"][-1]

    assert (200, TEXT, None, 1) == (heard.status, heard.text, heard.finish, heard.n_ends)
    assert heard.error in {"upstream_failed", "upstream_timeout"}
    assert ("failed_upstream", heard.error) == (decision["status"], decision["error_code"])
    assert (True, "estimated", None) == (last["committed"], last["usage_source"], last["finish_reason"])
    assert last["output_tokens"] > 0


def _refused(cell: Cell, promise: Promise, heard: Heard, decision: dict[str, Any]) -> None:
    """A real HTTP status, and a word to SDKs that trying again is of no use."""
    assert promise.status == heard.status
    assert (promise.code or heard.error) == heard.error
    assert "false" == heard.should_retry
    assert cell.fault.retry_after == (heard.retry_after_s is not None)
    assert ("failed_upstream", promise.status) == (decision["status"], decision["http_status"])
    assert not any(each["committed"] for each in decision["attempts"])
