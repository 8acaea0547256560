"""Keeps the versions of each artefact in the data folder: which one is live, which came before, which runs in shadow.

`<home>/NAME/<version>/` holds an artefact, `<home>/NAME/pointers.json` says which is what and is replaced in one step.
Without such a file the shipped artefact is live. Measuring a shadow is `shadow.py`'s.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast

from classifier.artefact import CARD
from classifier.readings import load_reader
from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from config.types import Json

    T = TypeVar("T")

SHIPPED: Final = "shipped"
"""Instead of a version: the artefact that came with the product."""
POINTERS: Final = "pointers.json"
MOST_KEPT: Final = 3
"""Versions kept of a name, the live one among them; what runs in shadow comes on top."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
_LONGEST_SHOWN: Final = 80
_VERSION: Final = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True)
class Pointers:
    """Which versions of one name are what."""

    live: str = SHIPPED
    before: tuple[str, ...] = ()
    """Versions that were live before, the latest first; a rollback takes the first."""
    shadow: str | None = None
    """The version that runs beside the live one."""
    auto: bool = False
    """Whether the gateway promotes the shadow by itself once it may."""


class Shelf:
    """The artefacts of one data folder over the shipped ones; whoever reads a name anew sees what others changed."""

    def __init__(self, home: Path, shipped: Path) -> None:
        self.home = home
        self._shipped = shipped

    def names(self) -> tuple[str, ...]:
        """Return every name that has an artefact."""
        found = {each.parent.name for each in self._shipped.glob(f"*/{CARD}")}
        return tuple(sorted(found | {each.parent.name for each in self.home.glob(f"*/{POINTERS}")}))

    def unknown(self, name: str) -> ArtefactError:
        """Return what to raise where no artefact has a name."""
        known = ", ".join(self.names()) or "none"
        return ArtefactError("there is no such artefact", file=name[:_LONGEST_SHOWN], mend=f"known are {known}")

    def pointers(self, name: str) -> Pointers:
        """Return which versions are what. Raises `ArtefactError` naming a file that cannot be read."""
        path = self._place(name) / POINTERS
        try:
            found: object = json.loads(path.read_bytes())
        except FileNotFoundError:
            return Pointers()
        except OSError as error:
            raise ArtefactError(f"cannot be read: {error.strerror}", file=str(path), mend="mend its rights") from error
        except ValueError as error:
            raise _broken(path) from error
        return _checked(found, path)

    def folder(self, name: str, version: str) -> Path:
        """Return where a version lies."""
        return self._shipped / name if version == SHIPPED else self._place(name) / version

    def stamp(self) -> tuple[tuple[str, int], ...]:
        """Return what differs after any change of pointers; a few microseconds a name."""
        found = ((each.parent.name, each.stat().st_mtime_ns) for each in sorted(self.home.glob(f"*/{POINTERS}")))
        try:
            return tuple(found)
        except OSError:  # one went away between the two questions
            return ()

    def open_live(self, name: str, load: Callable[[Path], T]) -> tuple[T, tuple[str, ...]]:
        """Return the live artefact, loaded, else the one before that can be; and what was wrong with the others.

        Raises `ArtefactError` of the last one where none can be loaded.
        """
        problems: list[str] = []
        try:
            pointers = self.pointers(name)
        except ArtefactError as error:
            problems.append(str(error))
            pointers = Pointers()
        versions = dict.fromkeys((pointers.live, *pointers.before, SHIPPED))
        last: ArtefactError | None = None
        for version in versions:
            try:
                return load(self.folder(name, version)), tuple(problems)
            except ArtefactError as error:
                problems.append(str(error))
                last = error
        raise last or ArtefactError("there is no such artefact", file=str(self.folder(name, SHIPPED)))

    def shadow(self, name: str, folder: Path, *, auto: bool = False) -> Pointers:
        """Take a copy of an artefact and let it run beside the live one.

        Raises `ArtefactError` where it cannot be loaded, lacks a label of the live one, or is the live one; then
        nothing changed.
        """
        pointers = self._known(name)
        live, _ = self.open_live(name, _labels_and_version)
        self._place(name).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=self._place(name)) as aside:
            part = Path(aside) / "artefact"
            _copy(folder, part)
            labels, version = _told_of(folder, part)
            missing = [each for each in live[0] if each not in labels]
            if missing:
                mend = f"forge it with the labels of {name}"
                raise ArtefactError(
                    f"does not know the label {missing[0]!r} of the live one", file=str(folder), mend=mend
                )
            if version == live[1]:
                raise ArtefactError(f"is version {version}, which is live already", file=str(folder), mend="forge anew")
            if not self.folder(name, version).is_dir():
                part.replace(self.folder(name, version))
        found = self._point(name, replace(pointers, shadow=version, auto=auto))
        self._clear(name, found)
        return found

    def promote(self, name: str) -> Pointers:
        """Make the shadow live; the live one is kept. Raises `ArtefactError` where there is none or it is broken."""
        pointers = self._known(name)
        if pointers.shadow is None:
            mend = f"thalamus foundry shadow {name} DIR"
            raise ArtefactError("nothing runs in shadow", file=str(self._place(name)), mend=mend)
        load_reader(self.folder(name, pointers.shadow))
        before = tuple(each for each in (pointers.live, *pointers.before) if each != pointers.shadow)
        found = self._point(name, Pointers(pointers.shadow, before[: MOST_KEPT - 1]))
        self._clear(name, found)
        return found

    def rollback(self, name: str) -> Pointers:
        """Make the version before live again. Raises `ArtefactError` where there is none or it is broken."""
        pointers = self._known(name)
        if not pointers.before:
            raise ArtefactError(f"{name} has no version before", file=str(self._place(name)), mend="promote one first")
        load_reader(self.folder(name, pointers.before[0]))
        return self._point(name, replace(pointers, live=pointers.before[0], before=pointers.before[1:]))

    def end_shadow(self, name: str) -> Pointers:
        """Let nothing run in shadow any more."""
        return self._point(name, replace(self._known(name), shadow=None, auto=False))

    def pairs_file(self, name: str, live: str, candidate: str) -> Path:
        """Return where the comparison of two versions is recorded."""
        return self._place(name) / f"{candidate}.against.{live}.jsonl"

    def _known(self, name: str) -> Pointers:
        pointers = self.pointers(name)  # tells first what cannot be a name at all
        if name not in self.names():
            raise self.unknown(name)
        return pointers

    def _place(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ArtefactError(
                "is no name of an artefact", file=name[:_LONGEST_SHOWN], mend="see: thalamus foundry status"
            )
        return self.home / name

    def _point(self, name: str, pointers: Pointers) -> Pointers:
        place = self._place(name)
        place.mkdir(parents=True, exist_ok=True)
        part = place / f".{POINTERS}.{os.getpid()}"
        with part.open("w", encoding="utf-8") as file:
            json.dump(asdict(pointers), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place / POINTERS)
        return pointers

    def _clear(self, name: str, pointers: Pointers) -> None:
        """Remove versions nobody points to, and the records of their comparisons."""
        kept = {pointers.live, *pointers.before, pointers.shadow}
        for version in self._versions(name):
            if version not in kept:
                shutil.rmtree(self.folder(name, version), ignore_errors=True)
        for path in self._place(name).glob("*.against.*.jsonl"):
            if not {path.name.split(".")[0], path.name.split(".")[2]} <= kept:
                path.unlink(missing_ok=True)

    def _versions(self, name: str) -> Iterator[str]:
        for path in self._place(name).iterdir():
            if path.is_dir() and _VERSION.fullmatch(path.name):
                yield path.name


def _copy(folder: Path, part: Path) -> None:
    """Copy the plain files of a folder; no link is followed out of it."""
    if not folder.is_dir():
        raise ArtefactError("is no folder", file=str(folder), mend="name the folder of an artefact")
    part.mkdir()
    for path in folder.iterdir():
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            shutil.copyfile(path, part / path.name)


def _told_of(folder: Path, part: Path) -> tuple[tuple[str, ...], str]:
    """Load the copy; errors name the files as their owner knows them."""
    try:
        return _labels_and_version(part)
    except ArtefactError as error:
        message = str(error).removeprefix(f"{error.file}: ").removesuffix(f"; {error.mend}.")
        file = error.file.replace(str(part), str(folder))
        raise ArtefactError(message, file=file, mend=error.mend) from error


def _labels_and_version(folder: Path) -> tuple[tuple[str, ...], str]:
    reader = load_reader(folder)
    card = cast("Json", json.loads((folder / CARD).read_bytes()))
    labels = card.get("labels")
    return tuple(map(str, cast("list[object]", labels))) if isinstance(labels, list) else (), reader.version


def _checked(found: object, path: Path) -> Pointers:
    known = cast("Json", found) if isinstance(found, dict) else {}
    live, before, shadow = known.get("live"), known.get("before"), known.get("shadow")
    versions = [live, *(cast("list[object]", before) if isinstance(before, list) else [None])]
    if shadow is not None:
        versions.append(shadow)
    if not all(isinstance(each, str) and (each == SHIPPED or _VERSION.fullmatch(each)) for each in versions):
        raise _broken(path)
    return Pointers(
        str(live),
        tuple(map(str, cast("list[object]", before))),
        None if shadow is None else str(shadow),
        auto=known.get("auto") is True,
    )


def _broken(path: Path) -> ArtefactError:
    return ArtefactError(
        "does not say which version is live", file=str(path), mend="remove it to serve the shipped artefact"
    )
