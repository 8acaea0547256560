"""JSON schemas as Anthropic's native structured output takes them: closed objects, few constraints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from router.providers.json_values import as_list, as_object, encode

if TYPE_CHECKING:
    from config.types import Json

_UNSUPPORTED: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
     "uniqueItems", "minProperties", "maxProperties", "patternProperties"}
)  # fmt: skip
_NAMED: Final = ("properties", "$defs", "definitions")
_LISTED: Final = ("anyOf", "allOf", "oneOf", "prefixItems")


def close_schema(schema: Json) -> Json:
    """Return the schema with every object closed; constraints that are refused move into the description."""
    closed = {key: value for key, value in schema.items() if key not in _UNSUPPORTED}
    lost = {key: schema[key] for key in schema if key in _UNSUPPORTED}
    if lost:
        described = (str(schema.get("description") or ""), f"Constraints: {encode(lost).decode()}")
        closed["description"] = " ".join(filter(None, described))
    for key in _NAMED:
        inner = as_object(closed.get(key))
        if inner is not None:
            closed[key] = {name: _close(value) for name, value in inner.items()}
    for key in _LISTED:
        if key in closed:
            closed[key] = [_close(value) for value in as_list(closed[key])]
    if "items" in closed:
        closed["items"] = _close(closed["items"])
    if schema.get("type") == "object" or "properties" in schema:
        closed["additionalProperties"] = False
    return closed


def _close(value: object) -> object:
    inner = as_object(value)
    return value if inner is None else close_schema(inner)
