"""Each setting in force, and where its value comes from. Secrets are told as set or unset, never themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from config.loader import FIXED_WHILE_RUNNING
from config.reading import settable_fields
from config.redact import redact
from config.reference import describe, toml_text
from config.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import Field

    from config.environment import Environment
    from config.reference import Setting
    from config.settings import Settings

__all__ = ["Source", "ToldSetting", "differences", "tell"]

Source = Literal["default", "file", "environment", "command"]
"""`command`: neither of the others says it, so an option of the command did."""
HIDDEN: Final = "•••"
"""Stands for a value that is there and is not shown, whatever its length."""


@dataclass(frozen=True, slots=True)
class ToldSetting:
    """One setting."""

    name: str
    """As in a file: `server.port`."""
    value: str
    """As written in a file; of tables of a list how many there are."""
    default: str
    source: Source
    is_hidden: bool
    """Whether the value is a secret, or may hold one."""
    needs_restart: bool
    """Whether another value waits for a restart."""
    variable: str | None
    """The environment variable that sets it."""
    text: str
    """What it means."""


def tell(settings: Settings, document: Mapping[str, object], environment: Environment) -> tuple[ToldSetting, ...]:
    """Return every setting in force, beside what the settings file and the environment say.

    Rows of models and providers are told as one setting each.
    """
    described = {each.name: each for each in describe()}
    return tuple(
        _told(name, field, value, given, described.get(name), environment)
        for name, field, value, given in _leaves(settings, document, "")
    )


def differences(now: Settings, wanted: Settings) -> tuple[str, ...]:
    """Return the names of settings in which two differ, of tables the table's name."""
    others = {name: value for name, _field, value, _given in _leaves(wanted, {}, "")}
    return tuple(name for name, _field, value, _given in _leaves(now, {}, "") if others[name] != value)


def _leaves(kept: object, table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, Field[Any], object, bool]]:
    """Yield name, field, value, and whether the file gives it."""
    for toml, field in settable_fields(cast("type", type(kept))).items():
        value = getattr(kept, field.name)
        if is_dataclass(value) and not isinstance(value, type):
            inner = table.get(toml)
            given = cast("Mapping[str, object]", inner if isinstance(inner, Mapping) else {})
            yield from _leaves(value, given, f"{prefix}{toml}.")
        else:
            yield f"{prefix}{toml}", field, value, toml in table


def _told(
    name: str,
    field: Field[Any],
    value: object,
    given: bool,  # noqa: FBT001  # a part of the row, not a switch
    setting: Setting | None,
    environment: Environment,
) -> ToldSetting:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    variables = setting.variable.split("`, `") if setting is not None and setting.variable else []
    return ToldSetting(
        name,
        _shown(field, value),
        _shown(field, default),
        _source(value, default, given=given, in_environment=_is_set(variables, environment)),
        is_hidden=not field.repr or isinstance(value, Secret),
        needs_restart=_needs_restart(name),
        variable=variables[0] if variables else None,
        text=setting.text if setting is not None else "",
    )


def _source(value: object, default: object, *, given: bool, in_environment: bool) -> Source:
    if in_environment:
        return "environment"
    if given:
        return "file"
    return "default" if value == default or _is_tables(value) else "command"


def _is_set(variables: list[str], environment: Environment) -> bool:
    return any(environment.get(each) or environment.get(f"{each}_FILE") for each in variables)


def _needs_restart(name: str) -> bool:
    area, _, key = name.partition(".")
    return name == "state_dir" or key in FIXED_WHILE_RUNNING.get(area, ())


def _shown(field: Field[Any], value: object) -> str:
    if not field.repr or isinstance(value, Secret):
        return HIDDEN if value else toml_text(None)
    if _is_tables(value):
        return f"× {len(cast('tuple[object, ...]', value))}"
    text = toml_text(value)
    return text if isinstance(value, (Path, int, float)) else redact(text)


def _is_tables(value: object) -> bool:
    if not isinstance(value, tuple):
        return False
    found = cast("tuple[object, ...]", value)
    return bool(found) and all(is_dataclass(each) and bool(fields(cast("Any", each))) for each in found)
