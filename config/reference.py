"""The settings as people read them: name, type, limits, default and docstring of each, and `docs/settings.md`.

`python -m config.reference > docs/settings.md` writes the page anew; a test fails when it is out of date.
"""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from config.bounds import Between
from config.environment import AREAS, USUAL_NAMES
from config.forms import Form
from config.loader import shipped_models, shipped_providers
from config.reading import NOT_IN_FILES, toml_name
from config.settings import Settings

READABLE_DIGITS = 100_000
_WORDS: dict[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    date: "day",
}
HEADER = Path(__file__).parent / "defaults" / "settings_page.md"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `name` is how it is written in a file, such as `server.port` or `model.deployment.weight`."""

    name: str
    type: str
    default: str
    """As written in a file; empty for what must be given, `unset` for `None`."""
    text: str
    """The field's docstring."""
    variable: str | None
    """The environment variable that sets it, `None` where only a file can."""


def describe() -> tuple[Setting, ...]:
    """Return every setting that can be given, in the order of the dataclasses, tables of models and providers last."""
    return tuple(_settings_of(Settings, ""))


def docstrings(kind: type) -> dict[str, str]:
    """Return the docstring of each field of a settings dataclass; a field without one is missing from it."""
    return dict(_docstrings(kind))


def settings_page() -> str:
    """Return the text of `docs/settings.md`."""
    lines = [HEADER.read_text(encoding="utf-8").rstrip(), ""]
    for title, settings in _sections(describe()):
        lines += [f"## {title}", ""]
        for each in settings:
            facts = [each.type, f"default `{each.default}`" if each.default else "required"]
            facts += [f"`{each.variable}`"] if each.variable else []
            lines += [f"### `{each.name}`", "", " · ".join(facts), "", each.text, ""]
    lines += ["## Shipped providers", "", "| name | dialect | address | keys |", "|---|---|---|---|"]
    for row in shipped_providers():
        address = ", ".join([f"`{row.base_url}`"] * bool(row.base_url) + [f"`{each}`" for each in row.base_url_env])
        keys = ", ".join(f"`{each}`" for each in row.api_key_env) or "none"
        lines.append(f"| `{row.name}` | {row.dialect} | {address or 'your `base_url`'} | {keys} |")
    lines += ["", "## Shipped models", "", "| name | provider | upstream model | good for |", "|---|---|---|---|"]
    lines += [
        f"| `{model.name}` | {each.provider} | `{each.upstream_model}` | {model.description} |"
        for model in shipped_models()
        for each in model.deployments
    ]
    return "\n".join(lines) + "\n"


def _sections(settings: tuple[Setting, ...]) -> Iterator[tuple[str, list[Setting]]]:
    titles = {"": "At the top of the file"}
    sections: dict[str, list[Setting]] = {}
    for each in settings:
        area = each.name.rpartition(".")[0]
        tables = {"model", "provider", "model.deployment", "routing.rules", "experiment.trial"}
        titles[area] = titles.get(area) or (f"`[[{area}]]`" if area in tables else f"`[{area}]`")
        sections.setdefault(area, []).append(each)
    return ((titles[area], found) for area, found in sections.items())


def _settings_of(kind: type, prefix: str) -> Iterator[Setting]:
    hints, texts = get_type_hints(kind, include_extras=True), _docstrings(kind)
    nested: list[tuple[type, str]] = []
    for each in fields(kind):
        if each.name in NOT_IN_FILES:
            continue
        name = f"{prefix}{toml_name(each.name)}"
        inner = _table_kind(hints[each.name])
        if inner is not None:
            nested.append((inner, f"{name}."))
            continue
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        yield Setting(name, _type(hints[each.name]), toml_text(default), texts[each.name], _variable(name))
    for inner, inner_prefix in nested:
        yield from _settings_of(inner, inner_prefix)


def _table_kind(hint: Any) -> type | None:
    """Return the dataclass behind a table or an array of tables."""
    for each in (hint, *get_args(hint)):
        if isinstance(each, type) and is_dataclass(each):
            return each
    return None


def _variable(name: str) -> str | None:
    area, _, key = name.partition(".")
    if name == "state_dir":
        return "THALAMUS_STATE_DIR"
    if area not in AREAS or "." in key:
        return None
    usual = next((f"`, `{variable}" for variable, place in USUAL_NAMES.items() if place == (area, key)), "")
    return f"THALAMUS_{area.upper()}__{key.upper()}{usual}"


def _type(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return f"{_type(args[0])}, {next(arg for arg in args[1:] if isinstance(arg, Between | Form))}"
    if origin in {Union, types.UnionType}:
        return _type(next(arg for arg in args if arg is not type(None)))
    if origin is Literal:
        return "one of " + ", ".join(f"`{arg}`" for arg in args)
    if origin is tuple:
        return f"list of {_type(args[0])}"
    if origin is Mapping:
        return f"table of {_type(args[1])}" if args[1] is not object else "table"
    return _WORDS[hint]


def toml_text(value: object) -> str:
    """Return a value as it is written in a file; `unset` for `None`."""
    if value is MISSING or value is None:
        return "unset" if value is None else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | Path):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(toml_text(each) for each in cast('tuple[object, ...]', value))}]"
    if isinstance(value, int):
        return f"{value:_}" if value >= READABLE_DIGITS else str(value)
    return "{}" if isinstance(value, Mapping) else repr(value)


@cache
def _docstrings(kind: type) -> dict[str, str]:
    """Read the strings below the fields; Python keeps them in the source only."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    found: dict[str, str] = {}
    lines = body.body if isinstance(body, ast.ClassDef) else []
    for field, text in pairwise(lines):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            value = text.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[field.target.id] = inspect.cleandoc(value.value)
    return found


if __name__ == "__main__":
    sys.stdout.write(settings_page())
