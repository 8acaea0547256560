"""How the OpenAPI document describes what `POST /api/routing/analyze` answers."""

from __future__ import annotations

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

STRING = Schema(type=OpenAPIType.STRING)
NUMBER = Schema(type=OpenAPIType.NUMBER)
SHARE = Schema(type=OpenAPIType.NUMBER, minimum=0, maximum=1)
NULL = Schema(type=OpenAPIType.NULL)
OBJECT = Schema(type=OpenAPIType.OBJECT)


def analysis_answer() -> OpenAPIResponse:
    """Return the description of an analysis."""
    return OpenAPIResponse(
        description="The model that would answer, its candidates, and what became of past questions like this one",
        content={"application/json": OpenAPIMediaType(schema=analysis())},
    )


def analysis() -> Schema:
    """Return the schema of an analysis."""
    sources = ["policy", "judge", "rule", "default_model", "code_rule", "weights"]
    reasons = Schema(type=OpenAPIType.OBJECT, additional_properties=_list(STRING))
    return _object(
        {
            "selectedModel": STRING,
            "confidence": Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=100),
            "reasoning": STRING,
            "source": Schema(type=OpenAPIType.STRING, enum=sources),
            "decision_id": STRING,
            "policy_version": STRING,
            "dial": SHARE,
            "features": OBJECT,
            "candidates": _list(_candidate()),
            "runner_up": _or_null(_runner_up()),
            "excluded": reasons,
            "similar": similar(),
            "similar_by_model": similar_by_model(),
        }
    )


def similar() -> Schema:
    """Return the schema of past questions that the caller may see one by one, the nearest first."""
    sources = Schema(type=OpenAPIType.STRING, enum=["user", "admin", "implicit"])
    found = _object(
        {
            "decision_id": STRING,
            "model": STRING,
            "similarity": SHARE,
            "reward": _or_null(SHARE),
            "source": _or_null(sources),
            "at": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
        }
    )
    said = "Past questions most like this one: who answered, and what was thought of it; null while nobody said."
    return _list(found, max_items=5, description=said)


def similar_by_model() -> Schema:
    """Return the schema of sums over past questions, as far as the caller may know."""
    found = _object({"model": STRING, "n": Schema(type=OpenAPIType.INTEGER, minimum=1), "mean_reward": SHARE})
    return _list(found, description="How answers to questions like this one were received, a model each.")


def _candidate() -> Schema:
    return Schema(
        type=OpenAPIType.OBJECT,
        properties={
            "model": STRING,
            "probability": SHARE,
            "score": NUMBER,
            "parts": Schema(type=OpenAPIType.OBJECT, additional_properties=NUMBER),
            "predicted_quality": NUMBER,
            "expected_cost_usd": _or_null(NUMBER),
            "expected_latency_ms": _or_null(NUMBER),
            "reasons": _list(STRING),
        },
        required=["model", "probability", "score", "parts"],
    )


def _runner_up() -> Schema:
    return _object({"model": STRING, "margin": NUMBER, "flips_at_dial": _or_null(NUMBER)})


def _list(items: Schema, *, max_items: int | None = None, description: str | None = None) -> Schema:
    return Schema(type=OpenAPIType.ARRAY, items=items, max_items=max_items, description=description)


def _or_null(schema: Schema) -> Schema:
    return Schema(one_of=[schema, NULL])


def _object(properties: dict[str, Schema]) -> Schema:
    """Return an object that has all of these, and may have others."""
    return Schema(type=OpenAPIType.OBJECT, properties=dict(properties), required=list(properties))
