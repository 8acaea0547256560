"""What an operator may do to the health of a deployment: take it out of play, and forget what speaks against it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import structlog
from litestar import post
from litestar.enums import ParamType
from litestar.openapi.spec import Parameter, PathItem, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter

from config.books import TableBook
from config.errors import NotFoundError
from config.ids import new_id
from config.tables import audit
from config.types import Json
from proxy.admission import require_scope
from proxy.native_api import HttpRequest, house_of, known_caller
from proxy.same_origin import refuse_what_pages_can_send
from router.providers.json_values import as_object

if TYPE_CHECKING:
    from litestar import Litestar

    from proxy.house import House

PREFIX: Final = "/api/health/"
TRIP: Final = "/trip"
RESET: Final = "/reset"
WITHOUT_KEY: Final = "no key"
"""Who acted where no key is needed."""
AUDIT: Final = TableBook(audit)
"""Written with the other records, so that an operator can act while the database is away."""

log = structlog.stdlib.get_logger("thalamus.proxy.health_api")


@post(f"{PREFIX}{{target:path}}", status_code=200, summary="Take out of play, or back into it", tags=["Operations"])
async def post_health(
    request: HttpRequest,
    target: Annotated[str, PathParameter(description="A deployment's name, such as `claude/anthropic`, and what.")],
) -> Json:
    """Take a deployment out of play at once until it is reset (`/trip`), or forget what speaks against it (`/reset`).

    A reset also forgets what speaks against the host and the key that it shares with others. Returns its state as in
    `/health`. Needs the scope `admin` where keys are needed. Not kept over a restart.
    """
    caller = await known_caller(request)
    require_scope(caller, "admin")
    refuse_what_pages_can_send(request.headers)
    house = house_of(request)
    name, action = _asked(house, target)
    after = change_health(house, name, action, actor=caller.prefix if caller is not None else WITHOUT_KEY)
    return {"deployment": name, **after}


def change_health(house: House, deployment: str, action: str, *, actor: str) -> Json:
    """Trip or reset a deployment that there is, with an audit row, and return its state then."""
    before = health_of(house, deployment)
    (house.health.trip if action == TRIP else house.health.reset)(deployment)
    after = health_of(house, deployment)
    row = {"action": f"health{action.replace('/', '_')}", "subject": deployment, "before": before, "after": after}
    house.writer.submit(AUDIT, {"id": new_id(), "ts": datetime.now(UTC), "actor": actor, **row})
    log.info("health_changed_by_operator", deployment=deployment, action=action.strip("/"), changed_by=actor)
    return after


def health_of(house: House, deployment: str) -> Json:
    """Return a deployment's state as `/health` shows it; one that nobody asked yet is closed."""
    return as_object(house.health.state().get(deployment)) or {"state": "closed"}


def describe_paths(app: Litestar) -> None:
    """Show the two routes apart in the OpenAPI document: Litestar knows names with slashes only at a path's end."""
    paths = app.openapi_schema.paths or {}
    operation = paths.pop(f"{PREFIX}{{target}}").post
    assert operation is not None, "the route takes POST"  # noqa: S101
    name = Parameter(
        "deployment",
        ParamType.PATH,
        schema=Schema(type=OpenAPIType.STRING),
        description="A deployment's name as in `/health`, such as `claude/anthropic`, escaped or not.",
        required=True,
    )
    for action, summary in ((TRIP, "Take a deployment out of play"), (RESET, "Forget what speaks against one")):
        told = {"summary": summary, "operation_id": f"PostHealth{action.strip('/').title()}", "parameters": [name]}
        paths[f"{PREFIX}{{deployment}}{action}"] = PathItem(post=replace(operation, **told))


def _asked(house: House, target: str) -> tuple[str, str]:
    """Return the deployment and what to do with it. Raises `NotFoundError` where there is no such route, or nobody."""
    path = target.removeprefix("/")
    for action in (TRIP, RESET):
        name = path.removesuffix(action)
        if name != path and name in house.catalog.deployment_ids():
            return name, action
    raise NotFoundError(f"There is no deployment to trip or reset at '{PREFIX}{path}'.", param="deployment")


ROUTES = [post_health]
