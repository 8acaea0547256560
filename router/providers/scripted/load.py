"""Reads a script file, TOML or JSON, into `Script`; says where it is wrong, and the nearest right name."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import msgspec

from config.errors import SettingsError
from router.providers.scripted.script import FAULTS, QUIRKS, Match, Reply, Script, Step, ToolCall, UsageSpec

_TABLES: Mapping[str, type] = {"match": Match, "usage": UsageSpec, "tool_calls": ToolCall, "raw": Step}
"""Keys of a reply whose tables have keys of their own to check."""


def load_script(path: Path) -> Script:
    """Read a script file; `raw_file` names are relative to it. Raises `SettingsError` with the file's name."""
    try:
        text = path.read_text(encoding="utf-8")
        data: object = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot read the script: {error}", file=str(path)) from error
    try:
        return parse_script(data, folder=path.parent)
    except SettingsError as error:
        raise SettingsError(str(error), file=str(path)) from error


def parse_script(data: object, *, folder: Path = Path()) -> Script:
    """Return the script of decoded TOML or JSON. Raises `SettingsError`; the message names the place."""
    table = _table(data, "the script")
    _check_keys(table, {"reply", "models"}, "")
    replies = table.get("reply", [])
    if not isinstance(replies, list):
        raise SettingsError("`reply` is a list of tables: write [[reply]]")
    entries = cast("list[object]", replies)
    parsed = tuple(_reply(entry, f"reply[{i}]", folder) for i, entry in enumerate(entries, 1))
    script = Script()
    return Script(
        replies=parsed or script.replies,
        models=_convert(table["models"], tuple[str, ...], "models") if "models" in table else script.models,
    )


def _reply(data: object, place: str, folder: Path) -> Reply:
    table = _table(data, place)
    _check_keys(table, {*_field_names(Reply), "raw_file"}, place)
    raw_file = table.pop("raw_file", None)
    if raw_file is not None:
        table["raw"] = [_file_step(raw_file, place, folder), {"close": True}]
    if isinstance(table.get("raw"), str):
        table["raw"] = [{"send": table["raw"]}, {"close": True}]
    for key, kind in _TABLES.items():
        if key in table:
            _check_tables(table[key], kind, f"{place}.{key}")
    _check_names(table.get("fault"), FAULTS, f"{place}.fault")
    _check_names(table.get("quirks"), QUIRKS, f"{place}.quirks")
    return _convert(table, Reply, place)


def _file_step(name: object, place: str, folder: Path) -> dict[str, object]:
    if not isinstance(name, str):
        raise SettingsError(f"{place}.raw_file: expected a file name")
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise SettingsError(f"{place}.raw_file: {error}") from error
    return {"send_base64": base64.b64encode(content).decode("ascii")}


def _convert(value: object, kind: Any, place: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message = str(error).replace(" - at `$", " - at `")
        counted = re.sub(r"\[(\d+)]", lambda found: f"[{int(found[1]) + 1}]", message)  # like our own places, from 1
        raise SettingsError(f"{place}: {counted}") from error


def _table(data: object, place: str) -> dict[str, object]:
    if not isinstance(data, dict):
        raise SettingsError(f"{place}: expected a table")
    return dict(cast("dict[str, object]", data))


def _check_tables(value: object, kind: type, place: str) -> None:
    if isinstance(value, list):
        for i, entry in enumerate(cast("list[object]", value), 1):
            _check_tables(entry, kind, f"{place}[{i}]")
        return
    _check_keys(_table(value, place), _field_names(kind), place)


def _check_keys(table: Mapping[str, object], known: set[str], place: str) -> None:
    for key in table:
        if key not in known:
            where = f"{place}: " if place else ""
            raise SettingsError(f"{where}unknown key `{key}`{_nearest(key, known)}")


def _check_names(value: object, known: frozenset[str], place: str) -> None:
    names = cast("list[object]", value) if isinstance(value, list) else [value]
    for name in names:
        if isinstance(name, str) and name not in known:
            raise SettingsError(f"{place}: there is no `{name}`{_nearest(name, known)}")


def _nearest(name: str, known: set[str] | frozenset[str]) -> str:
    close = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; known: {', '.join(sorted(known))}"


def _field_names(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}
