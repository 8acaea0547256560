"""What a page in the operator's browser may send without being asked for it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.errors import UnsupportedMediaTypeError
from proxy.openapi import ERROR_STATUSES
from proxy.same_origin import refuse_what_pages_can_send
from tests.e2e.gateway import running_gateway

if TYPE_CHECKING:
    from pathlib import Path

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON ; charset=utf-8"])
def test_json_passes(kind: str) -> None:
    """A page of another origin must ask for it first."""
    refuse_what_pages_can_send({"content-type": kind})


@pytest.mark.parametrize(
    "kind", [None, "", "text/plain", FORM, "multipart/form-data", "text/plain; a=application/json"]
)
def test_what_needs_no_asking_is_refused(kind: str | None) -> None:
    """The three kinds of forms, and none at all."""
    with pytest.raises(UnsupportedMediaTypeError, match="application/json"):
        refuse_what_pages_can_send({} if kind is None else {"content-type": kind})


async def test_routes_that_change_something_take_json_only(tmp_path: Path) -> None:
    """A form on some page cannot reload the settings, rate an answer, set weights or trip a deployment."""
    paths = ("/v1/feedback", "/api/config/reload", "/api/config/weights", "/api/health/m/vllm/trip")
    async with running_gateway(tmp_path) as gateway:
        refused = [await gateway.http.post(path, content=b"{}", headers={"content-type": FORM}) for path in paths]

    assert [415] * len(paths) == [each.status_code for each in refused]


def test_the_api_document_names_every_status_of_the_door() -> None:
    """A foreign host (421), a head too large (431) and a loop (508) are answers of every route."""
    assert {"421", "431", "508"} <= set(ERROR_STATUSES)
