"""Keeps the judge's templates in the data folder: your own, those that were promoted, and which one is in charge.

`<home>/*.toml` are yours. `<home>/versions/` holds a copy of each that was promoted, so that editing a file changes
nothing that is in charge. `<home>/promoted.json` says which is, and is replaced in one step.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from config.errors import SettingsError
from config.types import Json
from router.judge.templates import DEFAULT, read_template, shipped_templates, toml_of

if TYPE_CHECKING:
    from datetime import datetime

    from router.judge.templates import Template

POINTER: Final = "promoted.json"
VERSIONS: Final = "versions"
MOST_BEFORE: Final = 20
"""Promotions that can be taken back."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """A template that was put in charge: when, and on what grounds."""

    version: str
    ts: str = ""
    metrics: Json = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Pointers:
    """What was promoted, the latest first; with nothing, the default template is in charge."""

    promotions: tuple[Promotion, ...] = ()


@dataclass(frozen=True, slots=True)
class InCharge:
    """The template that is used, and what was wrong with the one that should be."""

    template: Template
    problem: str | None = None


class Shelf:
    """The templates of one data folder over the shipped ones; whoever asks anew sees what others changed."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def templates(self) -> tuple[tuple[Template, ...], tuple[str, ...]]:
        """Return every template that can be read, by name, and what is wrong with the others. Yours go first."""
        found = {each.name: each for each in shipped_templates()}
        problems: list[str] = []
        for file in sorted(self.home.glob("*.toml")):
            try:
                own = read_template(file)
            except SettingsError as error:
                problems.append(str(error))
            else:
                found[own.name] = own
        return tuple(found[name] for name in sorted(found)), tuple(problems)

    def named(self, name: str) -> Template:
        """Return a template by its name or its version. Raises `SettingsError` that names those there are."""
        known, problems = self.templates()
        for each in known:
            if name in {each.name, each.version}:
                return each
        copy = self._copy(name)
        if "@" in name and "/" not in name and copy.is_file():
            return read_template(copy)
        told = "; ".join((f"known are {', '.join(each.name for each in known)}", *problems))
        raise SettingsError(f"The judge has no template {name!r}: {told}.")

    def in_charge(self, wanted: str | None) -> InCharge:
        """Return the template that settings name, else the promoted one, else the default; never raises.

        Where one cannot be read, the next takes its place and the problem is told.
        """
        problem: str | None = None
        try:
            if wanted is not None:
                return InCharge(self.named(wanted))
            promoted = self.pointers().promotions
            if promoted:
                return InCharge(read_template(self._copy(promoted[0].version)))
        except SettingsError as error:
            problem = str(error)
        return InCharge(next(each for each in shipped_templates() if each.name == DEFAULT), problem)

    def pointers(self) -> Pointers:
        """Return what was promoted. Raises `SettingsError` naming a file that cannot be read."""
        file = self.home / POINTER
        try:
            return msgspec.json.decode(file.read_bytes(), type=Pointers)
        except FileNotFoundError:
            return Pointers()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"This cannot be read ({type(error).__name__}); remove it.", file=str(file)) from error

    def keep(self, template: Template) -> None:
        """Keep a template as one of yours, in place of the one of its name. Raises `OSError`; then nothing changed."""
        _write(self.home / f"{template.name}.toml", toml_of(template).encode())

    def own_names(self) -> frozenset[str]:
        """Return the names of the files that are yours."""
        return frozenset(file.stem for file in self.home.glob("*.toml"))

    def promote(self, template: Template, *, ts: datetime, metrics: Json) -> None:
        """Put a copy of a template in charge. Raises `SettingsError`, `OSError`; then nothing changed."""
        before = self.pointers().promotions
        _write(self._copy(template.version), toml_of(template).encode())
        promotion = Promotion(template.version, ts.isoformat(), metrics)
        self._point(Pointers((promotion, *before)[: MOST_BEFORE + 1]))

    def rollback(self) -> InCharge:
        """Take the last promotion back; return what is in charge then. Raises `SettingsError` where there is none."""
        before = self.pointers().promotions
        if not before:
            raise SettingsError("No template of the judge was promoted, so there is nothing to take back.")
        self._point(Pointers(before[1:]))
        return self.in_charge(None)

    def stamp(self) -> tuple[int, ...]:
        """Return what differs after any promotion, rollback or edit of yours; takes microseconds."""
        files = (self.home / POINTER, *sorted(self.home.glob("*.toml")))
        return tuple(_changed(file) for file in files)

    def _copy(self, version: str) -> Path:
        return self.home / VERSIONS / f"{version}.toml"

    def _point(self, pointers: Pointers) -> None:
        _write(self.home / POINTER, msgspec.json.format(msgspec.json.encode(pointers), indent=1))


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _write(file: Path, data: bytes) -> None:
    """Write a file in one step: whoever reads sees the old one or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=".part-", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        Path(aside).replace(file)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
