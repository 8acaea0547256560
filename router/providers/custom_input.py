"""Free-form ("custom") tools on upstreams that know only JSON arguments: the raw text travels in one string field.

`CUSTOM_SCHEMA` is what such an upstream is told; `CustomInputReader` turns its JSON back into raw text as it arrives.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from router.providers.json_values import as_object, as_text, decode

if TYPE_CHECKING:
    from config.types import Json

CUSTOM_SCHEMA: Final[Json] = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The tool's whole input as raw text."}},
    "required": ["input"],
}

_HEAD = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_HEAD_LIMIT = 256
"""Characters within which the string must begin; a later one is read at the end of the call."""
_STRING = re.compile(
    r"""(?: [^"\\]+
          | \\["\\/bfnrt]
          | \\u(?![dD][89abAB])[0-9a-fA-F]{4}
          | \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
          | \\u[dD][89abAB][0-9a-fA-F]{2}(?=[^\\]|\\[^u]|\\u[^dD]|\\u[dD][^c-fC-F])
        )*""",
    re.VERBOSE,
)
"""The decodable start of a JSON string's inside; a surrogate pair that is not whole yet stays outside."""


def raw_input(arguments: object) -> str:
    """Return the raw text held by a custom tool's decoded arguments."""
    fields = as_object(arguments)
    if fields is None:
        return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    text = as_text(fields.get("input"))
    if text is not None:
        return text
    return json.dumps(fields, ensure_ascii=False) if fields else ""


class CustomInputReader:
    """Reads `{"input": "<raw text>"}` in fragments cut anywhere; the pieces it returns join to the raw text."""

    def __init__(self) -> None:
        self._buffer = ""
        self._inside = False
        self._done = False

    def feed(self, fragment: str) -> str:
        """Return the raw text that `fragment` completes, possibly nothing yet."""
        if self._done:
            return ""
        self._buffer += fragment
        if not self._inside:
            head = _HEAD.match(self._buffer, 0, _HEAD_LIMIT)
            if head is None:
                return ""
            self._inside = True
            self._buffer = self._buffer[head.end() :]
        return self._take()

    def finish(self) -> str:
        """Return what is left when the call is over, however it was written."""
        rest, self._buffer = self._buffer, ""
        if self._done:
            return ""
        self._done = True
        if self._inside:
            return rest
        try:
            return raw_input(decode(rest)) if rest else ""
        except ValueError:
            return rest

    def _take(self) -> str:
        match = _STRING.match(self._buffer)
        end = match.end() if match else 0
        text = str(json.loads(f'"{self._buffer[:end]}"', strict=False))
        self._done = self._buffer[end : end + 1] == '"'
        self._buffer = "" if self._done else self._buffer[end:]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
