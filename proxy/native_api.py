"""The small JSON routes beside the relay: models, decisions, feedback, reload. Thin: read, ask a room, answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, cast

from litestar import Request, get, post
from litestar.datastructures import State
from litestar.params import PathParameter

from config.errors import InvalidRequestError, ModelNotFoundError, NotFoundError, SettingsError
from config.tokens import estimate_messages
from config.types import Json
from proxy.admission import admit_key, require_scope
from proxy.models_list import model_entries, model_entry
from proxy.requests.content import decode_content
from proxy.requests.json_body import json_object
from proxy.requests.parse import parse_counted
from proxy.same_origin import refuse_what_pages_can_send
from router.corrections import labels_of
from router.feedback import MAX_NAME_CHARS, submit_feedback
from router.history import decision_json
from router.providers.json_values import as_objects

if TYPE_CHECKING:
    from config.key_identity import KeyIdentity
    from proxy.house import House

HttpRequest = Request[object, object, State]


def house_of(request: HttpRequest) -> House:
    """Return the wired product of this application."""
    return cast("House", request.app.state.house)


async def known_caller(request: HttpRequest) -> KeyIdentity | None:
    """Return the caller's key, `None` where no key is needed. Raises `AuthenticationError`."""
    return await admit_key(house_of(request), dict(request.headers))


@get(["/v1/models", "/models"], summary="List the models", tags=["OpenAI"])
async def list_models(request: HttpRequest) -> Json:
    """Return every name this caller may send, OpenAI's list with status, weight and price as extra fields."""
    caller = await known_caller(request)
    return {"object": "list", "data": model_entries(house_of(request), caller)}


@get(["/v1/models/{model_id:path}", "/models/{model_id:path}"], summary="Describe one model", tags=["OpenAI"])
async def get_model(
    request: HttpRequest,
    model_id: Annotated[str, PathParameter(description="A model's name; it may contain `/` and `:`.")],
) -> Json:
    """Return one entry of the list."""
    caller = await known_caller(request)
    name = model_id.lstrip("/")
    entry = model_entry(house_of(request), name, caller)
    if entry is None:
        raise ModelNotFoundError(f"The model '{name}' does not exist here.", param="model")
    return entry


@get("/v1/decisions/{decision_id:str}", summary="Why an answer came from where it came", tags=["Thalamus"])
async def get_decision(
    request: HttpRequest, decision_id: Annotated[str, PathParameter(description="From the response header.")]
) -> Json:
    """Return one decision with its attempts; only to the key that made the request, or to an admin key."""
    caller = await known_caller(request)
    found = await decision_json(house_of(request).database, decision_id, writer=house_of(request).writer)
    if found is None or not _may_see(caller, found):
        raise NotFoundError(f"There is no decision '{decision_id}'.", param="decision_id")
    return found


@post(
    ["/v1/feedback", "/api/feedback", "/api/routing/feedback"],
    status_code=200,
    summary="Say what you thought of an answer",
    tags=["Thalamus"],
)
async def post_feedback(request: HttpRequest) -> Json:
    """Take a rating (1-5), thumbs, a comment, a corrected intent or model for a decision."""
    caller = await known_caller(request)
    refuse_what_pages_can_send(request.headers)
    house = house_of(request)
    body = decode_content(
        await request.body(), request.headers.get("content-encoding"), house.settings.server.max_body_bytes
    )
    fields = json_object(body, max_depth=house.settings.server.max_json_depth)
    _check_model(house, fields)
    _check_intent(house, fields)
    return await submit_feedback(
        fields, database=house.database, ledger=house.ledger, writer=house.writer, caller=caller
    )


@post(
    ["/api/claude/count_tokens", "/api/claude/v1/messages/count_tokens"],
    status_code=200,
    summary="Count the tokens of an Anthropic-shaped request",
    tags=["Thalamus"],
)
async def post_count_tokens(request: HttpRequest) -> Json:
    """Return about how many input tokens a Messages body has; counted here, no model is asked and nothing costs."""
    await known_caller(request)
    server = house_of(request).settings.server
    body = decode_content(await request.body(), request.headers.get("content-encoding"), server.max_body_bytes)
    chat = parse_counted(body, headers=dict(request.headers), max_depth=server.max_json_depth)
    messages = as_objects(chat.get("messages"))
    n_tokens = await asyncio.to_thread(estimate_messages, messages, tools=chat.get("tools"))
    return {"input_tokens": n_tokens, "estimated": True}


@post("/api/config/reload", status_code=200, summary="Read the settings file again", tags=["Operations"])
async def post_reload(request: HttpRequest) -> Json:
    """Validate the settings file and swap it in whole; a bad file changes nothing and is explained.

    `needs_restart` names what was changed in the file and stays as it was until a restart, such as `server.port`.
    """
    caller = await known_caller(request)
    require_scope(caller, "admin")
    refuse_what_pages_can_send(request.headers)
    try:
        needs_restart = await house_of(request).reload()
    except SettingsError as error:
        raise InvalidRequestError(str(error), code="invalid_settings") from error
    models = [entry["id"] for entry in model_entries(house_of(request))]
    return {"reloaded": True, "models": models, "needs_restart": list(needs_restart)}


def _check_model(house: House, fields: Json) -> None:
    """Raise `InvalidRequestError` where the model that would have been right is none of ours."""
    name = fields.get("corrected_model")
    if isinstance(name, str) and name.strip() and house.catalog.canonical(name.strip()) not in house.catalog.models:
        raise InvalidRequestError(
            f"There is no model '{name.strip()[:MAX_NAME_CHARS]}' here.", param="corrected_model", code="unknown_model"
        )


def _check_intent(house: House, fields: Json) -> None:
    """Raise `InvalidRequestError` where an intent that would have been right is none of the catalogue."""
    names = house.understanding.catalogue.names
    given = fields.get("corrected_intent")
    wrong = [each for each in labels_of(given) if each not in names] if isinstance(given, str) else []
    if wrong:
        raise InvalidRequestError(
            f"There is no intent '{wrong[0][:MAX_NAME_CHARS]}' here; known are {', '.join(names)}.",
            param="corrected_intent",
            code="unknown_intent",
        )


def _may_see(caller: KeyIdentity | None, decision: Json) -> bool:
    return caller is None or "admin" in caller.scopes or decision.get("key_prefix") == caller.prefix


ROUTES = [list_models, get_model, get_decision, post_feedback, post_count_tokens, post_reload]
