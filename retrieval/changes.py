"""What people change in a library: paths that are added, documents that are sent, and what they take away again."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.errors import DocumentError
from retrieval.convert import SUFFIXES, suffix_of
from retrieval.sources import Source

if TYPE_CHECKING:
    from retrieval.store import DocumentStore

MAX_NAME_CHARS: Final = 200
MAX_PART_BYTES: Final = 240
"""Longest name of a file or folder; systems take 255 bytes, and a part of them is ours."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What was taken out of a library."""

    name: str
    path: str
    was: str
    """`folder`, `file` or `upload`; only an upload's file is deleted."""


def add_source(store: DocumentStore, path: Path, *, name: str = "") -> Source:
    """Watch a folder or a file from now on; again, it changes nothing. Under the lock; who calls it syncs.

    Raises `DocumentError` for a path that cannot be watched, or a name that another path has.
    """
    path = Path(os.path.normpath(path.absolute()))
    if not path.exists():
        raise DocumentError(f"{path}: there is no such file or folder")
    if path.is_file() and suffix_of(path.name) not in SUFFIXES:
        raise DocumentError(f"{path}: is of a kind that is not read here; these are: {', '.join(sorted(SUFFIXES))}")
    if path.is_dir() and store.home.absolute().is_relative_to(path):
        raise DocumentError(f"{path}: holds the gateway's own data; add a folder beside it")
    source = Source(str(path), name or path.name)
    check_name(source.name)
    added = store.added()
    if source in added:
        return source
    other = next((each for each in added if source.name == each.name), None)
    if other is not None:
        raise DocumentError(f"{path}: the name '{source.name}' is taken by {other.path}; give another with --name")
    store.save_added((*(each for each in added if each.path != source.path), source))
    return source


def drop_source(store: DocumentStore, source: Source) -> None:
    """Watch it no longer. Under the lock; who calls it syncs."""
    store.save_added(tuple(each for each in store.added() if each != source))


def remove_named(store: DocumentStore, name: str) -> Removed:
    """Take out what was added under a name, or a document that was sent. Under the lock; who calls it syncs.

    Raises `DocumentError` where there is nothing of that name, or only a folder that is watched holds it.
    """
    name = name.rstrip("/") or name
    source = next((each for each in store.added() if name in {each.name, each.path}), None)
    if source is not None:
        drop_source(store, source)
        return Removed(source.name, source.path, "folder" if Path(source.path).is_dir() else "file")
    found = next((each for each in store.manifest().documents if each.name == name), None)
    upload = store.uploads / name
    if is_name(name) and upload.is_file():
        upload.unlink()
        return Removed(name, str(upload), "upload")
    if found is None:
        raise DocumentError(f"There is no document '{name}'; see: thalamus docs list")
    raise DocumentError(
        f"'{name}' is {found.path} in a folder that is watched; delete the file, and it is gone here too"
    )


def put_upload(store: DocumentStore, name: str, data: bytes) -> Path:
    """Keep a document that was sent, in the place of one of that name. Raises `DocumentError`, `OSError`."""
    check_name(name)
    if suffix_of(name) not in SUFFIXES:
        raise DocumentError(f"'{name}' must end with one of: {', '.join(sorted(SUFFIXES))}")
    path = store.uploads / name
    part = store.uploads / f".part-{secrets.token_hex(4)}"
    store.uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except (IsADirectoryError, FileExistsError, NotADirectoryError) as error:
        raise DocumentError(f"'{name}' cannot stand beside what is there: one is a folder, the other a file") from error
    finally:
        part.unlink(missing_ok=True)
    return path


def check_name(name: str) -> None:
    """Raise `DocumentError` for what is no name of a document."""
    if not is_name(name):
        raise DocumentError(
            f"{name[:MAX_NAME_CHARS]!r} is no name: words joined by '/', none of which begins with a dot"
        )


def is_name(name: str) -> bool:
    """Return whether it may name a document: a path below the library that leads nowhere else."""
    parts = name.split("/")
    return (
        0 < len(name) <= MAX_NAME_CHARS
        and name.isprintable()
        and "\\" not in name
        and all(part.strip() == part and part and part[0] != "." for part in parts)
        and all(len(part.encode("utf-8", errors="replace")) <= MAX_PART_BYTES for part in parts)
    )
