"""What upstreams of another dialect read of an OpenAI Chat Completions body beside turns and tools: formats and limits.

Pure. It also says which wishes must be refused, and names every other one that is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from router.providers.json_values import as_list, as_number, as_object, as_objects, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.types import Json

_NEUTRAL: Final[dict[str, tuple[object, ...]]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "store": (False,),
    "parallel_tool_calls": (True,),
    "service_tier": ("auto",),
    "modalities": (["text"],),
    "metadata": ({},),
    "truncation": ("disabled",),
}
"""Values that ask for what happens anyway, so leaving them out needs no warning."""
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
    inner = as_object(form.get("json_schema"))
    schema = as_object(inner.get("schema")) if inner is not None else None
    if form["type"] != "json_schema" or inner is None:
        raise InvalidRequestError(
            "`response_format` must be text, json_object or json_schema.", param="response_format"
        )
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


def name_dropped(body: Json, known: frozenset[str], upstream: str) -> list[str]:
    """Return a warning for each field outside `known` that asks for something; safe to put into a header."""
    dropped = [key for key, value in body.items() if key not in known and not _is_neutral(key, value)]
    dropped.extend(_dropped_inside(body))
    return [f"{_printable(key)} dropped: {upstream} has no such parameter" for key in dropped]


def _dropped_inside(body: Json) -> Iterator[str]:
    """Yield what stands deeper in the body and that only OpenAI's dialect can say."""
    messages = as_objects(body.get("messages"))
    if any(each.get("role") in {"system", "developer", "user"} and each.get("name") for each in messages):
        yield "messages[].name"
    pictures = (as_object(part.get("image_url")) for each in messages for part in as_objects(each.get("content")))
    if any(picture and picture.get("detail") not in {None, "auto"} for picture in pictures):
        yield "messages[].content[].image_url.detail"
    if any((as_object(tool.get("function")) or tool).get("strict") is True for tool in as_objects(body.get("tools"))):
        yield "tools[].function.strict"
    choice = as_object(body.get("tool_choice"))
    if choice is not None and choice.get("type") == "allowed_tools":
        yield "tool_choice.allowed_tools"


def _is_neutral(key: str, value: object) -> bool:
    return value is None or any(value == neutral for neutral in _NEUTRAL.get(key, ()))


def _printable(key: str) -> str:
    return re.sub(r"[^\x21-\x7e]", "?", key[:64])
