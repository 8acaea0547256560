"""For those who run the gateway: liveness with component states, readiness, Prometheus."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

from litestar import HttpMethod, Response, get, route
from litestar.enums import MediaType

from config.errors import AuthenticationError, UnavailableError
from config.types import Json
from proxy.exposition import Snapshot, render
from proxy.native_api import HttpRequest, house_of, known_caller
from proxy.process import started_at
from proxy.version import product_version

if TYPE_CHECKING:
    from proxy.house import House
    from proxy.process import ProcessFigures

WITH_HEAD = [HttpMethod.GET, HttpMethod.HEAD]
"""Load balancers ask with HEAD; the server leaves out the body."""


@route("/health", http_method=WITH_HEAD, summary="Is it alive, and how are its parts", tags=["Operations"])
async def health(request: HttpRequest) -> Json:
    """Return 200 while the process serves; `status` is `degraded` when a part is not well.

    Who has a key where keys are needed sees each part with its figures, anybody else its state alone.
    """
    house = house_of(request)
    report = health_report(house, await house.vitals.process())
    try:
        await known_caller(request)
    except (AuthenticationError, UnavailableError):
        return public_part(report)
    return report


@route("/health/ready", http_method=WITH_HEAD, summary="May it get traffic", tags=["Operations"])
async def ready(request: HttpRequest) -> Response[Json]:
    """Return 200 when requests are taken, 503 while starting or shutting down."""
    house = house_of(request)
    state = "draining" if house.draining else "ready" if house.ready else "starting"
    return Response({"status": state}, status_code=200 if state == "ready" else 503)


@get("/metrics", media_type=MediaType.TEXT, summary="Prometheus metrics", tags=["Operations"])
async def metrics(request: HttpRequest) -> Response[bytes]:
    """Return the text exposition format; needs a key where the other routes do."""
    await known_caller(request)
    house = house_of(request)
    snapshot = snapshot_of(house, await house.vitals.process())
    text = await asyncio.to_thread(render, house.metrics, snapshot)
    return Response(text, media_type="text/plain; version=0.0.4")


def snapshot_of(house: House, process: ProcessFigures) -> Snapshot:
    """Return what a scrape tells beside the counters. Call it on the loop."""
    return Snapshot(
        version=product_version(),
        started=started_at(house.started),
        process=process,
        lag=house.vitals.lag,
        books=house.writer.state(),
        database_size_bytes=house.vitals.database_size_bytes,
        live={each.id: each.live for model in house.catalog.models.values() for each in model.deployments},
        breakers=house.health.state(),
        judge_breaker=str(house.judging.judge.state()["breaker"]),
        n_untraced=sum(sink.n_dropped for sink in house.sinks),
    )


def health_report(house: House, process: ProcessFigures) -> Json:
    """Return the state of each component; no secret, no path, no address of an upstream stands in it."""
    books = house.writer.state()
    components: Json = {
        "database": books | {"size_bytes": house.vitals.database_size_bytes},
        "documents": house.documents.state(),
        "classifier": house.understanding.state(),
        "judge": house.judging.state(),
        "learning": house.learning.told(house.settings.learning),
        "similar": house.similar.state(),
        "models": house.catalog.state(),
        "deployments": house.health.state(),
        "process": house.vitals.process_state(process),
        "queues": {
            "status": "ok",
            "requests_in_flight": house.metrics.in_flight.value,
            "books_queued": books.get("queued"),
            "books_journalled": books.get("spilled"),
            "books_dropped": books.get("dropped"),
        },
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


def public_part(report: Json) -> Json:
    """Return what anybody may know: whether it and each of its parts is well, no names, no counts."""
    components = cast("dict[str, Json]", report["components"])
    return {
        "status": report["status"],
        "draining": report["draining"],
        "components": {name: {"status": each["status"]} for name, each in components.items() if "status" in each},
    }


ROUTES = [health, ready, metrics]
