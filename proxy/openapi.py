"""The OpenAPI document: Litestar's own for its handlers, and the relaying routes added by hand.

Request schemas name the fields that are read here; `additionalProperties` stays open, because all others are
passed on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    PathItem,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIType

from proxy.openapi_analysis import analysis_answer
from proxy.version import product_version

if TYPE_CHECKING:
    from litestar import Litestar

STRING = Schema(type=OpenAPIType.STRING)
TEXT = Schema(type=OpenAPIType.STRING, min_length=1)
BOOLEAN = Schema(type=OpenAPIType.BOOLEAN)
NUMBER = Schema(type=OpenAPIType.NUMBER)
OBJECT = Schema(type=OpenAPIType.OBJECT)
TEMPERATURE = Schema(type=OpenAPIType.NUMBER, minimum=0, maximum=2)
ERROR_STATUSES = (
    *("400", "401", "403", "404", "405", "413", "415", "421", "422", "429", "431"),
    *("500", "502", "503", "504", "508"),
)
COUNT = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=2**31 - 1)
CONTENT = Schema(one_of=[STRING, Schema(type=OpenAPIType.ARRAY, items=OBJECT, min_items=1)])


def openapi_config() -> OpenAPIConfig:
    """Return the document's frame; it is served as JSON under `/schema/openapi.json`."""
    return OpenAPIConfig(
        title="Thalamus",
        version=product_version(),
        description="An OpenAI-compatible LLM gateway that thinks before it relays.",
        path="/schema",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        components=Components(
            security_schemes={"key": SecurityScheme(type="http", scheme="bearer")},
        ),
        security=[{}, {"key": []}],
    )


def add_relay_paths(app: Litestar) -> None:
    """Add the raw ASGI routes to the application's document."""
    document = app.openapi_schema
    paths = document.paths if document.paths is not None else {}
    chat = chat_request()
    for path in ("/v1/chat/completions", "/chat/completions"):
        paths[path] = _post("Chat completion, streamed or plain", "OpenAI", chat, ["text/event-stream"], key=path)
    for path in ("/v1/embeddings", "/embeddings"):
        paths[path] = _post("Embeddings, passed through", "OpenAI", embeddings_request(), [], key=path)
    paths["/api/chat"] = _post(
        "Unified chat with routing rules", "Thalamus", unified_request(), ["text/event-stream"], key="/api/chat"
    )
    paths["/route"] = _post(
        "Intent, documents, answer and savings of one prompt", "Thalamus", route_request(), [], key="/route"
    )
    paths["/api/claude"] = _post(
        "Anthropic-shaped chat", "Thalamus", anthropic_request(), ["text/event-stream"], key="/api/claude"
    )
    paths["/api/claude/v1/messages"] = _post(
        "The same, for Anthropic's SDK",
        "Thalamus",
        anthropic_request(),
        ["text/event-stream"],
        key="/api/claude/v1/messages",
    )
    for path, body in (
        ("/api/claude/count_tokens", counted_request()),
        ("/api/claude/v1/messages/count_tokens", counted_request()),
        ("/v1/feedback", feedback_request()),
        ("/api/feedback", feedback_request()),
        ("/api/routing/feedback", feedback_request()),
        ("/api/routing/analyze", analyze_request()),
        ("/api/config/weights", weights_request()),
    ):
        found = paths.get(path)
        if found is not None and found.post is not None:
            found.post.request_body = _body(body)
    analyze = paths.get("/api/routing/analyze")
    if analyze is not None and analyze.post is not None:
        analyze.post.responses = {**(analyze.post.responses or {}), "200": analysis_answer()}
    for item in paths.values():
        for operation in (item.get, item.post, item.delete):
            if operation is not None:
                operation.responses = {**errors(), **(operation.responses or {})}
    document.paths = paths


def chat_request() -> Schema:
    """Return the schema of OpenAI's chat body, as far as it is read here."""
    return _object(
        {
            "model": TEXT,
            "messages": Schema(type=OpenAPIType.ARRAY, items=message(), min_items=1),
            "stream": BOOLEAN,
            "stream_options": _object({"include_usage": BOOLEAN}),
            "temperature": TEMPERATURE,
            "max_tokens": COUNT,
            "max_completion_tokens": COUNT,
            "n": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=128),
            "tools": Schema(type=OpenAPIType.ARRAY, items=OBJECT),
            "routing_rules": rules(),
            "routing_dial": dial(),
        },
        required=["model", "messages"],
    )


def unified_request() -> Schema:
    """Return the schema of `/api/chat`."""
    return _object(
        {"message": TEXT, "model": TEXT, "stream": BOOLEAN, "routing_rules": rules(), "conversation_id": TEXT},
        required=["message"],
    )


def route_request() -> Schema:
    """Return the schema of `/route`."""
    return _object(
        {"prompt": Schema(type=OpenAPIType.STRING, min_length=1, pattern=r"\S"), "model": TEXT}, required=["prompt"]
    )


def analyze_request() -> Schema:
    """Return the schema of a question about choosing; `messages` may stand in place of `query`."""
    models = Schema(type=OpenAPIType.ARRAY, items=TEXT, min_items=1, max_items=256)
    query = Schema(type=OpenAPIType.STRING, min_length=1, pattern=r"\S")
    return _object(
        {"query": query, "models": models, "routing_rules": rules(), "routing_dial": dial()}, required=["query"]
    )


def dial() -> Schema:
    """Return the schema of the dial between cost and quality."""
    names = Schema(type=OpenAPIType.STRING, enum=["cheap", "balanced", "best"])
    return Schema(one_of=[Schema(type=OpenAPIType.NUMBER, minimum=0, maximum=1), names])


def anthropic_request() -> Schema:
    """Return the schema of an Anthropic Messages body, as far as it is read here."""
    return _object({**_conversation(), "stream": BOOLEAN}, required=["model", "max_tokens", "messages"])


def counted_request() -> Schema:
    """Return the schema of a body whose tokens are counted: nothing is written for it, so it needs no limit."""
    return _object(_conversation(), required=["model", "messages"])


def _conversation() -> dict[str, Schema]:
    turn = _object(
        {"role": Schema(type=OpenAPIType.STRING, enum=["user"]), "content": TEXT}, required=["role", "content"]
    )
    return {
        "model": TEXT,
        "max_tokens": COUNT,
        "messages": Schema(type=OpenAPIType.ARRAY, items=turn, min_items=1),
        "system": STRING,
    }


def embeddings_request() -> Schema:
    """Return the schema of OpenAI's embeddings body."""
    many = Schema(type=OpenAPIType.ARRAY, items=TEXT, min_items=1)
    return _object({"model": TEXT, "input": Schema(one_of=[TEXT, many])}, required=["model", "input"])


def message() -> Schema:
    """Return the schema of one chat message."""
    role = Schema(type=OpenAPIType.STRING, enum=["system", "developer", "user"])
    return _object({"role": role, "content": TEXT}, required=["role", "content"])


def rules() -> Schema:
    """Return the schema of a request's routing rules."""
    pattern = Schema(type=OpenAPIType.STRING, min_length=1, max_length=1000, pattern=r"\S")
    rule = _object({"pattern": pattern, "model": TEXT}, required=["pattern", "model"])
    return Schema(type=OpenAPIType.ARRAY, items=rule, max_items=64)


def error_schema() -> Schema:
    """Return the schema of every error."""
    text_or_null = Schema(one_of=[STRING, Schema(type=OpenAPIType.NULL)])
    inner = _object(
        {"message": STRING, "type": STRING, "param": text_or_null, "code": text_or_null},
        required=["message", "type", "param", "code"],
    )
    return _object({"error": inner}, required=["error"])


def feedback_request() -> Schema:
    """Return the schema of an opinion."""
    rating = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=5)
    return _object({"decision_id": TEXT, "rating": rating, "comments": STRING}, required=["decision_id", "rating"])


def weights_request() -> Schema:
    """Return the schema of new weights: a number, or null for the settings file's."""
    weight = Schema(one_of=[Schema(type=OpenAPIType.NUMBER, minimum=0, maximum=1e6), Schema(type=OpenAPIType.NULL)])
    weights = Schema(type=OpenAPIType.OBJECT, min_properties=1, additional_properties=weight)
    return _object({"weights": weights}, required=["weights"])


def errors() -> dict[str, OpenAPIResponse]:
    """Return the error answers that every route may give."""
    error = OpenAPIResponse(
        description="An error in OpenAI's shape",
        content={"application/json": OpenAPIMediaType(schema=error_schema())},
    )
    return dict.fromkeys(ERROR_STATUSES, error)


def _body(schema: Schema) -> RequestBody:
    return RequestBody(content={"application/json": OpenAPIMediaType(schema=schema)}, required=True)


def _post(summary: str, tag: str, body: Schema, streamed_as: list[str], *, key: str) -> PathItem:
    answers = {"application/json": OpenAPIMediaType(schema=OBJECT)} | {
        kind: OpenAPIMediaType(schema=STRING) for kind in streamed_as
    }
    return PathItem(
        post=Operation(
            operation_id="post" + key.replace("/", "_"),
            summary=summary,
            tags=[tag],
            request_body=_body(body),
            responses={"200": OpenAPIResponse(description="The answer", content=answers)},
        )
    )


def _object(properties: dict[str, Schema], *, required: list[str] | None = None) -> Schema:
    return Schema(type=OpenAPIType.OBJECT, properties=dict(properties), required=required)
