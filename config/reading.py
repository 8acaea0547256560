"""Turns decoded tables and texts into settings dataclasses by their annotations, and collects every problem."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from config.bounds import Between
from config.forms import Form
from config.redact import redact
from config.toml_lines import Path as KeyPath

T = TypeVar("T")

_WORDS: dict[object, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    date: "a day such as 2026-11-21",
}

TOML_NAMES = {"deployments": "deployment", "models": "model", "providers": "provider"}
"""Arrays of tables are written in the singular: `[[model]]`."""
NOT_IN_FILES = frozenset({"config_file", "secrets", "api_keys"})
"""Fields that are found out, never written down."""
INVALID = object()
"""What a value that could not be read becomes; the problem has been noted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where; `path` is counted from the document's root."""

    path: KeyPath
    message: str


@dataclass(slots=True)
class Problems:
    """The problems found so far."""

    found: list[Problem] = field(default_factory=list[Problem])

    def note(self, path: KeyPath, message: str) -> object:
        """Keep a problem; return `INVALID` in place of the value."""
        self.found.append(Problem(path, message))
        return INVALID


def toml_name(name: str) -> str:
    """Return what a field is called in a file."""
    return TOML_NAMES.get(name, name)


def settable_fields(kind: type) -> dict[str, Field[Any]]:
    """Return the fields of a settings dataclass that may stand in a file, by the name they have there."""
    return {toml_name(each.name): each for each in fields(kind) if each.name not in NOT_IN_FILES}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return words that name the nearest valid name, or all of them when none is near."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"valid names: {', '.join(names)}" if names else "there are no valid names"


def read_table(kind: type[T], table: Mapping[str, object], path: KeyPath, problems: Problems) -> T | None:
    """Return the dataclass of a decoded table, or `None` when a problem was noted."""
    before = len(problems.found)
    known = settable_fields(kind)
    hints = _hints(kind)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in known:
            values[known[key].name] = read_value(hints[known[key].name], value, (*path, key), problems)
        else:
            problems.note((*path, key), f"unknown setting '{dotted((*path, key))}'; {_hint(key, known)}")
    for key, each in known.items():
        if each.name not in values and each.default is MISSING and each.default_factory is MISSING:
            problems.note(path, f"'{dotted(path)}' needs '{key}'")
    return kind(**values) if len(problems.found) == before else None


def read_value(hint: Any, value: object, path: KeyPath, problems: Problems) -> object:
    """Return `value` as the annotation `hint` wants it, or `INVALID` when a problem was noted."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _bounded(read_value(args[0], value, path, problems), args[1], path, problems)
    if origin in {Union, types.UnionType}:  # only `X | None`; TOML has no null, so X it is
        return read_value(next(arg for arg in args if arg is not type(None)), value, path, problems)
    if origin is tuple:
        return _tuple(args[0], value, path, problems)
    if origin is Mapping:
        return _mapping(args[1], value, path, problems)
    if origin is Literal:
        return _choice(args, value, path, problems)
    return _table_or_scalar(hint, value, path, problems)


def read_text(hint: Any, text: str, path: KeyPath, problems: Problems) -> object:
    """Return the value that an environment variable's text stands for; lists are separated by commas."""
    inner = hint
    while get_origin(inner) in {Annotated, Union, types.UnionType}:
        inner = next(arg for arg in get_args(inner) if arg is not type(None))
    if inner is bool:
        known = {
            "true": True,
            "1": True,
            "yes": True,
            "on": True,
            "false": False,
            "0": False,
            "no": False,
            "off": False,
        }
        return read_value(hint, known.get(text.strip().lower(), text), path, problems)
    if get_origin(inner) is tuple:
        return read_value(hint, [part.strip() for part in text.split(",") if part.strip()], path, problems)
    if inner in {int, float}:
        return read_value(hint, _number(text), path, problems)
    return read_value(hint, text, path, problems)


def dotted(path: KeyPath) -> str:
    """Return a path as people write it: `model[1].deployment[0].weight`."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


def shown(value: object) -> str:
    """Return a value as an error may show it: short, without what looks like a key, a table or list by its kind."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = redact(repr(value))
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  # one line


def _hint(key: str, known: Mapping[str, object]) -> str:
    if key in NOT_IN_FILES or key in {"api_key", "key", "token", "password"}:
        wanted = next((name for name in ("api_key_env", "api_keys_env") if name in known), None)
        where = f"name the variable in '{wanted}'" if wanted else "use an environment variable"
        return f"secrets do not stand in files: {where}"
    return nearest(key, known)


def _bounded(value: object, bounds: Between | Form, path: KeyPath, problems: Problems) -> object:
    if value is INVALID or bounds.holds(cast("Any", value)):
        return value
    return problems.note(path, f"'{dotted(path)}' must be {bounds}, not {shown(value)}")


def _choice(choices: tuple[object, ...], value: object, path: KeyPath, problems: Problems) -> object:
    if value in choices:
        return value
    valid = ", ".join(f"'{choice}'" for choice in choices)
    return problems.note(path, f"'{dotted(path)}' must be one of {valid}, not {shown(value)}")


def _table_or_scalar(hint: Any, value: object, path: KeyPath, problems: Problems) -> object:
    if not is_dataclass(hint):
        return _scalar(hint, value, path, problems)
    if isinstance(value, dict):
        return read_table(cast("type[object]", hint), cast("dict[str, object]", value), path, problems)
    return problems.note(path, f"'{dotted(path)}' must be a table, not {shown(value)}")


def _tuple(hint: Any, value: object, path: KeyPath, problems: Problems) -> object:
    if not isinstance(value, list):
        kind = "an array of tables ([[...]])" if is_dataclass(hint) else "a list"
        return problems.note(path, f"'{dotted(path)}' must be {kind}, not {shown(value)}")
    items = cast("list[object]", value)
    return tuple(read_value(hint, item, (*path, position), problems) for position, item in enumerate(items))


def _mapping(hint: Any, value: object, path: KeyPath, problems: Problems) -> object:
    if not isinstance(value, dict):
        return problems.note(path, f"'{dotted(path)}' must be a table, not {shown(value)}")
    items = cast("dict[str, object]", value)
    if hint is object:
        return items
    return {key: read_value(hint, item, (*path, key), problems) for key, item in items.items()}


def _scalar(hint: Any, value: object, path: KeyPath, problems: Problems) -> object:
    found = _converted(hint, value)
    if type(found) is hint or (hint is Path and isinstance(found, Path)):  # exactly: True is no number
        return found
    return problems.note(path, f"'{dotted(path)}' must be {_WORDS[hint]}, not {shown(value)}")


def _converted(hint: Any, value: object) -> object:
    """Return what TOML writes differently: whole numbers as amounts, texts as paths and days; else the value itself."""
    try:
        if hint is Path and isinstance(value, str) and value and "\0" not in value:
            return Path(value).expanduser()
        if hint is float and type(value) is int:
            return float(value)
        if hint is date and isinstance(value, str):
            return date.fromisoformat(value)
    except (ValueError, OverflowError, RuntimeError):  # no day, no float, nobody's home
        pass
    return value


def _number(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)
