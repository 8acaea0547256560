"""Request bodies taken apart: where each of their fields stands, and what is left without one."""

from __future__ import annotations

import copy
import re
from typing import Any

Path = tuple[str | int, ...]


def paths(value: Any, before: Path = ()) -> list[Path]:
    """Where every key of every object in a body stands."""
    if isinstance(value, dict):
        own: list[Path] = [(*before, str(key)) for key in value]
        return own + [path for key, inner in value.items() for path in paths(inner, (*before, str(key)))]
    if isinstance(value, list):
        return [path for n, inner in enumerate(value) for path in paths(inner, (*before, n))]
    return []


def without(body: Any, path: Path) -> Any:
    """A copy of the body that lacks one field."""
    copied = copy.deepcopy(body)
    *way, last = path
    holder = copied
    for key in way:
        holder = holder[key]
    del holder[last]
    return copied


def is_named(path: Path, warnings: tuple[str, ...]) -> bool:
    """Whether a warning names the field, or something that holds it."""
    names = {word for warning in warnings for word in re.split(r"[^a-z_]+", warning.partition(" dropped")[0])}
    return any(key in names for key in path)
