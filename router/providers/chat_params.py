"""What upstreams of another dialect read of an OpenAI Chat Completions body beside turns and tools: formats and limits.

Pure. It also says which wishes must be refused; `chat_losses.py` names every other one that is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from router.providers.json_values import as_list, as_number, as_object, as_text

if TYPE_CHECKING:
    from config.types import Json

_DATA_URL = re.compile(r"data:(?P<media>[^;,]*)(?P<rest>(?:;[^;,]*)*),", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A JSON answer is wanted; `schema` is `None` for any object (`json_object`)."""

    name: str
    schema: Json | None
    description: str = ""


def read_output_format(body: Json) -> OutputFormat | None:
    """Return the JSON format that is asked for. Raises `InvalidRequestError` for an unknown or incomplete one."""
    form = as_object(body.get("response_format"))
    if form is None or form.get("type") in (None, "text"):
        return None
    if form["type"] == "json_object":
        return OutputFormat("json", None)
    if form["type"] != "json_schema":
        message = "`response_format` must be text, json_object or json_schema."
        raise InvalidRequestError(message, param="response_format")
    where = "response_format.json_schema"
    inner = as_object(form.get("json_schema"))
    schema = as_object(inner.get("schema")) if inner is not None else None
    if inner is None or schema is None:
        # An answer of any shape would look like the one that was asked for.
        raise InvalidRequestError(f"`{where}` must hold a `schema`, which is an object.", param=where)
    return OutputFormat(str(inner.get("name") or "json"), schema, as_text(inner.get("description")) or "")


def read_max_tokens(body: Json) -> int | None:
    """Return the most tokens the client wants. Raises `InvalidRequestError` for what is no positive whole number."""
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InvalidRequestError(f"`{name}` must be a whole number of at least 1.", param=name)
        return value
    return None


def read_number(body: Json, name: str) -> float | int | None:
    """Return a number field, or `None` when absent. Raises `InvalidRequestError` for anything else."""
    value = body.get(name)
    number = as_number(value)
    if value is not None and number is None:
        raise InvalidRequestError(f"`{name}` must be a number.", param=name)
    return number


EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def read_effort(body: Json) -> str | None:
    """Return the wanted reasoning effort, from `reasoning_effort` or Cursor's `reasoning.effort`.

    Raises `InvalidRequestError` for a word that means none: guessing would spend the caller's money.
    """
    effort = body.get("reasoning_effort") or (as_object(body.get("reasoning")) or {}).get("effort")
    if effort is not None and effort not in EFFORTS:
        raise InvalidRequestError(f"`reasoning_effort` must be one of {', '.join(EFFORTS)}.", param="reasoning_effort")
    return as_text(effort)


def read_stops(body: Json) -> list[str]:
    """Return the stop sequences."""
    stop = body.get("stop")
    return [stop] if isinstance(stop, str) else [item for item in as_list(stop) if isinstance(item, str)]


def split_data_url(url: str, path: str) -> tuple[str, str] | None:
    """Return media type and base64 of a `data:` URL, `None` for other URLs.

    Raises `InvalidRequestError` for a `data:` URL that is not base64.
    """
    if url[:5].lower() != "data:":
        return None
    match = _DATA_URL.match(url)
    if match is None or not match["rest"].lower().endswith(";base64"):
        raise InvalidRequestError(f"`{path}` is a data URL that is not base64.", param=path)
    return match["media"].lower(), url[match.end() :]


def refuse_unsupported(body: Json, upstream: str) -> None:
    """Raise `InvalidRequestError` for wishes whose silent loss would give a wrong answer."""
    refused: list[tuple[str, bool]] = [
        ("n", body.get("n") not in (None, 1)),
        ("logprobs", body.get("logprobs") not in (None, False)),
        ("audio", body.get("audio") is not None),
        ("modalities", any(kind != "text" for kind in as_list(body.get("modalities")))),
    ]
    for name, present in refused:
        if present:
            message = f"{upstream} has no way to do what `{name}` asks; leave it out or choose another model."
            raise InvalidRequestError(message, param=name, code="unsupported_parameter")
