"""A request body as a JSON object, or a 400 that says what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from config.errors import InvalidRequestError
from router.providers.json_values import as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Json

_ESCAPED_NUL: Final = b"\\u0000"
_MAX_NAME_CHARS: Final = 64


def json_object(body: bytes, *, max_depth: int) -> Json:
    """Return the body's object, whole.

    Raises `InvalidRequestError` for an empty body, text that is not UTF-8 or not JSON, another value than an object,
    nesting deeper than `max_depth`, and for a NUL character, with the path to it: not every server and database that
    the text may reach can hold one.
    """
    if not body.strip():
        raise _not_json("The request body is empty; send a JSON object.")
    try:
        value = msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise _not_json("The request body is not valid UTF-8.") from error
    except RecursionError as error:
        raise _too_deep(max_depth) from error
    except (msgspec.DecodeError, ValueError) as error:  # Python refuses to read numbers of thousands of digits
        raise _not_json(f"The request body is not valid JSON: {error}.") from error
    fields = as_object(value)
    if fields is None:
        raise _not_json("The request body must be a JSON object.")
    if body.count(b"{") + body.count(b"[") > max_depth and _is_deeper(fields, max_depth):
        raise _too_deep(max_depth)
    if _ESCAPED_NUL in body:  # unescaped ones are no JSON
        _refuse_nul(fields)
    return fields


def _refuse_nul(fields: Json) -> None:
    path = next(_paths_to_nul(fields, ""), None)
    if path is not None:
        message = f"Invalid '{path}': it holds a NUL character (\\u0000), which no text needs."
        raise InvalidRequestError(message, param=path, code="invalid_value")


def _paths_to_nul(value: object, path: str) -> Iterator[str]:
    """Yield where NUL characters stand, in the order of the body; a key's place is its own."""
    if isinstance(value, str):
        if "\0" in value:
            yield path
        return
    for n, item in enumerate(as_list(value)):
        yield from _paths_to_nul(item, f"{path}[{n}]")
    for key, item in (as_object(value) or {}).items():
        name = key[:_MAX_NAME_CHARS] if key.isprintable() else "?"
        inner = f"{path}.{name}" if path else name
        if "\0" in key:
            yield inner
        yield from _paths_to_nul(item, inner)


def _is_deeper(value: object, max_depth: int) -> bool:
    """Walk level by level: no recursion, and nothing but containers is looked into."""
    level: list[object] = [value]
    for _ in range(max_depth):
        level = [child for parent in level for child in _containers(parent)]
        if not level:
            return False
    return True


def _containers(parent: object) -> list[object]:
    fields = as_object(parent)
    children = as_list(parent) if fields is None else fields.values()
    return [child for child in children if isinstance(child, dict | list)]


def _not_json(message: str) -> InvalidRequestError:
    return InvalidRequestError(message, code="invalid_json")


def _too_deep(max_depth: int) -> InvalidRequestError:
    return _not_json(f"The request body is nested deeper than {max_depth} levels.")
