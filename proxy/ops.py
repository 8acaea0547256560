"""For those who run the gateway: liveness with component states, readiness, Prometheus."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from litestar import Response, get
from litestar.enums import MediaType

from config.types import Json
from proxy.native_api import HttpRequest, house_of, known_caller
from proxy.version import product_version

if TYPE_CHECKING:
    from proxy.house import House


@get("/health", summary="Is it alive, and how are its parts", tags=["Operations"])
async def health(request: HttpRequest) -> Json:
    """Return 200 while the process serves; `status` is `degraded` when a part is not well."""
    return health_report(house_of(request))


@get("/health/ready", summary="May it get traffic", tags=["Operations"])
async def ready(request: HttpRequest) -> Response[Json]:
    """Return 200 when requests are taken, 503 while starting or shutting down."""
    house = house_of(request)
    state = "draining" if house.draining else "ready" if house.ready else "starting"
    return Response({"status": state}, status_code=200 if state == "ready" else 503)


@get("/metrics", media_type=MediaType.TEXT, summary="Prometheus metrics", tags=["Operations"])
async def metrics(request: HttpRequest) -> Response[bytes]:
    """Return the text exposition format; needs a key where the other routes do."""
    await known_caller(request)
    return Response(house_of(request).metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


def health_report(house: House) -> Json:
    """Return the state of each component; no secret, no path, no address of an upstream stands in it."""
    books = house.writer.state()
    components: Json = {
        "database": books,
        "documents": house.documents.state(),
        "models": house.catalog.state(),
    }
    degraded = books.get("status") != "ok" or house.reload_error is not None
    return {
        "status": "degraded" if degraded else "ok",
        "version": product_version(),
        "uptime_s": round(time.monotonic() - house.started, 1),
        "draining": house.draining,
        "reload_error": house.reload_error,
        "components": components,
    }


ROUTES = [health, ready, metrics]
