"""Settings changed while the gateway runs: weights of models and deployments, set, shown and kept."""

from __future__ import annotations

import structlog
from litestar import get, post

from config.errors import StorageError, UnavailableError
from config.types import Json
from proxy.admission import require_scope
from proxy.native_api import HttpRequest, house_of, known_caller
from proxy.requests.content import decode_content
from proxy.requests.json_body import json_object
from proxy.same_origin import refuse_what_pages_can_send
from proxy.weights import described

WITHOUT_KEY = "no key"
"""Who changed something where no key is needed."""

log = structlog.stdlib.get_logger("thalamus.proxy.config_api")


@get("/api/config/weights", summary="Show the weights of models and deployments", tags=["Operations"])
async def get_weights(request: HttpRequest) -> Json:
    """Return each name's weight in the settings file, its override with who set it and when, and its share now.

    Needs a key with the scope `admin` where keys are needed.
    """
    require_scope(await known_caller(request), "admin")
    house = house_of(request)
    return described(house.weights, plain=house.plain_catalog, now=house.catalog)


@post("/api/config/weights", status_code=200, summary="Set weights of models and deployments", tags=["Operations"])
async def post_weights(request: HttpRequest) -> Json:
    """Set weights at once and for good: a number from 0 (drained), or null for the settings file's again.

    All of them or none; kept in the database with an audit row each. Needs the scope `admin` where keys are needed.
    """
    caller = await known_caller(request)
    require_scope(caller, "admin")
    house = house_of(request)
    refuse_what_pages_can_send(request.headers)
    server = house.settings.server
    body = decode_content(await request.body(), request.headers.get("content-encoding"), server.max_body_bytes)
    fields = json_object(body, max_depth=server.max_json_depth)
    changed_by = caller.prefix if caller is not None else WITHOUT_KEY
    try:
        wanted = await house.change_weights(fields, changed_by=changed_by)
    except StorageError as error:
        raise UnavailableError(
            "No weight was changed: the database does not take it now.", code="database_unavailable", retry_after_s=5
        ) from error
    log.info("weights_changed", changed_by=changed_by, weights=wanted)
    return described(house.weights, plain=house.plain_catalog, now=house.catalog)


ROUTES = [get_weights, post_weights]
