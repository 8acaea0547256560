"""The command's entry: makes sure that the six rooms Python finds are ours before any of them is imported.

The rooms have plain names, and other distributions have packages called `proxy` or `config` too. This file imports
nothing of ours, and is installed as the top-level module `thalamus_entry` (see pyproject.toml), so that it runs even
where a foreign `proxy` hides ours.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ROOMS = ("proxy", "router", "classifier", "retrieval", "admin", "config")
DISTRIBUTION = "thalamus-proxy"
FAILURE = 1


@dataclass(frozen=True, slots=True)
class Intruder:
    """A package that stands where one of ours must stand."""

    room: str
    found: str
    """Where Python finds the room, or a word for nowhere."""
    owner: str | None
    """The distribution that brought it, `None` where no distribution knows it."""

    def __str__(self) -> str:
        if self.owner is None:
            return (
                f"Thalamus cannot start: Python finds '{self.room}' in {self.found} instead of Thalamus's own; "
                "start it from another folder, without PYTHONPATH, or give it an environment of its own: "
                f"pipx install {DISTRIBUTION}, or the container."
            )
        return (
            f"Thalamus cannot start: the distribution '{self.owner}' has a package '{self.room}' too ({self.found}); "
            f"give Thalamus an environment of its own (pipx install {DISTRIBUTION}, or the container), or run "
            f"pip uninstall {self.owner} and then pip install --force-reinstall {DISTRIBUTION}."
        )


def main() -> int:
    """Run the command line, or refuse in one sentence when a room is not ours; returns the exit code."""
    intruder = find_intruder()
    if intruder is not None:
        sys.stderr.write(f"{intruder}\n")
        return FAILURE
    run = cast("Callable[[], int]", import_module("proxy.cli").main)
    return run()


def find_intruder(path: Sequence[str] | None = None) -> Intruder | None:
    """Return the first room that is not ours, `None` when all six are; `path` replaces `sys.path` (tests).

    Three ways are known: another distribution wrote into our folders (a wheel over a wheel), it comes earlier on the
    path (a wheel before an editable install), or the working directory holds a file of that name.
    """
    search = list(sys.path) if path is None else list(path)
    installed = list(metadata.distributions(path=search))
    ours = next((each for each in installed if _is_ours(each)), None)
    root = _root(ours)
    for room in ROOMS:
        # Searched for anew: a room that was imported already would hide what the path holds.
        spec = PathFinder.find_spec(room, search)
        found = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        if found != root / room / "__init__.py":
            return Intruder(room, str(found or "nothing"), _owner(room, installed, found))
    for room in ROOMS:
        owner = _owner(room, installed, None) if _writes(ours, room) else None
        if owner is not None:
            return Intruder(room, str(root / room), owner)
    return None


def _is_ours(distribution: metadata.Distribution) -> bool:
    return (distribution.metadata["Name"] or "").lower().replace("_", "-") == DISTRIBUTION


def _root(ours: metadata.Distribution | None) -> Path:
    """Return the folder that must hold the six rooms."""
    if ours is not None:
        if _writes(ours, "proxy"):
            return Path(str(ours.locate_file(""))).resolve()
        editable = _editable_root(ours.read_text("direct_url.json"))
        if editable is not None:
            return editable
    return Path(__file__).resolve().parent.parent  # a checkout that was never installed


def _editable_root(direct_url: str | None) -> Path | None:
    """Return the checkout that an editable install points at (PEP 610)."""
    if direct_url is None:
        return None
    address = cast("dict[str, object]", json.loads(direct_url)).get("url")
    if not isinstance(address, str) or not address.startswith("file://"):
        return None
    return Path(unquote(urlsplit(address).path)).resolve()


def _owner(room: str, installed: Iterable[metadata.Distribution], found: Path | None) -> str | None:
    """Return which other distribution brings a package of that name, at `found` where that is given."""
    for each in installed:
        if _is_ours(each) or not _writes(each, room):
            continue
        if found is None or found.is_relative_to(Path(str(each.locate_file(""))).resolve()):
            return each.metadata["Name"]
    return None


def _writes(distribution: metadata.Distribution | None, room: str) -> bool:
    """Return whether its record lists a package or module of that name; reading the text is 10 times faster."""
    if distribution is None:
        return False
    record = "\n" + (distribution.read_text("RECORD") or distribution.read_text("SOURCES.txt") or "")
    return f"\n{room}/__init__.py" in record or f"\n{room}.py," in record


if __name__ == "__main__":
    sys.exit(main())
