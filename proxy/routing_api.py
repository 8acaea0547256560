"""The routes about choosing: which model a request would get. Thin: read, ask `analysis.py`, answer."""

from __future__ import annotations

from litestar import post

from config.types import Json
from proxy.admission import require_scope
from proxy.analysis import analyze
from proxy.native_api import HttpRequest, house_of, known_caller
from proxy.requests.content import decode_content
from proxy.requests.json_body import json_object
from proxy.same_origin import refuse_what_pages_can_send


@post("/api/routing/analyze", status_code=200, summary="Which model would answer, and why", tags=["Thalamus"])
async def post_analyze(request: HttpRequest) -> Json:
    """Choose a model for `query` or `messages` without asking it; `models` names the only ones to choose from."""
    caller = await known_caller(request)
    require_scope(caller, "chat")
    refuse_what_pages_can_send(request.headers)
    house = house_of(request)
    server = house.settings.server
    body = decode_content(await request.body(), request.headers.get("content-encoding"), server.max_body_bytes)
    fields = json_object(body, max_depth=server.max_json_depth)
    return await analyze(house, fields, headers=dict(request.headers), caller=caller)


ROUTES = [post_analyze]
