"""The parts that only hand on or translate: vectors' sink and provider, error translation, the version."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from litestar.exceptions import HTTPException

from config.errors import (
    ClientFacingError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    StorageError,
    UnavailableError,
)
from proxy.error_handlers import add_missing_headers, client_facing
from proxy.sinks.unchanged import UnchangedSink
from proxy.version import product_version
from router.events import Completion, Frame, TextDelta


def test_vectors_go_through_byte_for_byte() -> None:
    """Nothing is added before, between or after; an error is a body of its own."""
    sink = UnchangedSink()
    sink.served("m")
    body = sink.plain(Completion((), b'{"data": []}'), source="openai")
    piece = sink.stream_frame(Frame((TextDelta("x"),), b"raw"), source="openai")

    assert (b'{"data": []}', b"raw", b"", b"") == (body, piece, sink.end(), sink.keepalive)
    assert ("openai", "application/json") == (sink.dialect, sink.content_type_stream)
    assert b'"no_live_model"' in sink.error(UnavailableError("none", code="no_live_model"))


@pytest.mark.parametrize(
    ("error", "shown", "status"),
    [
        (InvalidRequestError("no"), InvalidRequestError, 400),
        (StorageError("disk full at /home/me"), UnavailableError, 503),
        (HTTPException(status_code=404), NotFoundError, 404),
        (HTTPException(status_code=405), MethodNotAllowedError, 405),
        (HTTPException(status_code=413), PayloadTooLargeError, 413),
        (HTTPException(status_code=415, detail="no such type"), InvalidRequestError, 415),
        (HTTPException(status_code=507, detail="secret"), ClientFacingError, 500),
        (RuntimeError("secret"), ClientFacingError, 500),
    ],
)
def test_every_error_has_a_face_for_clients(error: Exception, shown: type[ClientFacingError], status: int) -> None:
    """Whatever goes wrong inside, nothing of it is told but what the client can act on."""
    face = client_facing(error, method="POST", path="/x")

    assert isinstance(face, shown)
    assert status == face.status
    assert "secret" not in face.message
    assert "/home" not in face.message


async def test_only_the_start_of_a_response_gets_headers() -> None:
    """Bodies pass untouched; headers that are there are not written twice."""
    body = {"type": "http.response.body", "body": b"x"}
    start = {"type": "http.response.start", "status": 200, "headers": [(b"X-Thalamus-Decision-Id", b"mine")]}
    await add_missing_headers(body, {})  # type: ignore[arg-type]
    await add_missing_headers(start, {})  # type: ignore[arg-type]
    again = {**start}
    await add_missing_headers(again, {})  # type: ignore[arg-type]

    assert {"type": "http.response.body", "body": b"x"} == body
    assert b"mine" == httpx.Headers(start["headers"])["x-thalamus-decision-id"].encode()
    assert start == again


def test_the_version_is_the_installed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a checkout that was never installed says that it does not know."""
    installed = product_version()
    monkeypatch.setattr("sys.path", [str(tmp_path)])

    assert installed[0].isdigit()
    assert "0+unknown" == product_version()
