"""Where a fitted policy lies: a folder with `policy.json` (what it is) and the arrays it names (NumPy, no pickle).

The manifest is replaced last and at once, so that a folder always holds a whole policy, old or new. It holds the hash
of the arrays, and one of all else that it says: names of models in another order would be other expectations.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from zipfile import BadZipFile

import numpy as np

from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from config.types import Json

MANIFEST = "policy.json"
FORMAT = "thalamus-policy"
SCHEMA = 2
"""1 had no hash of what the manifest says."""
MEND = "fit it anew (thalamus policy fit) or put a whole folder back"
_OWN_HASH = "sha256"
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Stored:
    """A policy as it lies in its folder; `manifest` is the whole of `policy.json`."""

    manifest: Json
    arrays: Mapping[str, NDArray[np.generic]]


def store(folder: Path, about: Json, arrays: Mapping[str, NDArray[np.generic]]) -> Json:
    """Write a policy and return its manifest; the same arrays and words give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **dict(arrays))
    found = hashlib.sha256(packed.getvalue()).hexdigest()
    name = f"policy-{found[:_SHORT]}.npz"
    manifest: Json = {
        "format": FORMAT,
        "schema": SCHEMA,
        "version": found[:_SHORT],
        "arrays": {"file": name, "sha256": found},
        **about,
    }
    manifest[_OWN_HASH] = _hash_of(manifest)
    (folder / name).write_bytes(packed.getvalue())
    fresh = folder / f"{MANIFEST}.new"
    fresh.write_text(f"{json.dumps(manifest, ensure_ascii=False, indent=2)}\n", "utf-8")
    fresh.replace(folder / MANIFEST)
    for old in folder.glob("policy-*.npz"):
        if old.name != name:
            old.unlink()
    return manifest


def load_stored(folder: Path) -> Stored:
    """Return a policy whose bytes are those that were written. Raises `ArtefactError`."""
    path = folder / MANIFEST
    manifest = _manifest(path)
    named = manifest.get("arrays")
    told = cast("Json", named) if isinstance(named, dict) else {}
    name = str(told.get("file"))
    file = folder / name
    if not (name.startswith("policy-") and name.endswith(".npz") and "/" not in name and "\\" not in name):
        raise _error("names no file of arrays", path)
    if not file.is_file():
        raise _error("is missing", file)
    packed = file.read_bytes()
    if hashlib.sha256(packed).hexdigest() != told.get("sha256"):
        raise _error("is not the file that was written (its hash differs)", file)
    return Stored(manifest, _arrays(packed, file))


def require(stored: Stored, folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise `ArtefactError` where an array is missing, of another shape, or holds no finite number."""
    file = folder / MANIFEST
    for name, shape in shapes.items():
        array = stored.arrays.get(name)
        if array is None or array.shape != shape:
            raise _error(f"tells of arrays {name!r} of shape {shape}, which are not there", file)
    for name, array in stored.arrays.items():
        if not np.issubdtype(array.dtype, np.number) or not np.isfinite(array).all():
            raise _error(f"leads to arrays {name!r} that hold something else than finite numbers", file)


def _manifest(path: Path) -> Json:
    if not path.is_file():
        raise _error("there is no such policy", path)
    try:
        found: object = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise _error("is no JSON", path) from error
    manifest = cast("Json", found) if isinstance(found, dict) else {}
    if manifest.get("format") != FORMAT:
        raise _error("is no manifest of a policy", path)
    if manifest.get("schema") != SCHEMA:
        raise _error(f"has the schema {manifest.get('schema')!r}; this version reads {SCHEMA}", path)
    if manifest.get(_OWN_HASH) != _hash_of(manifest):
        raise _error("does not say what was written (its hash differs)", path)
    return manifest


def _hash_of(manifest: Json) -> str:
    """Return the hash of all that a manifest says, in whatever order and layout; of the hash itself it says nothing."""
    said: object = json.loads(json.dumps({name: each for name, each in manifest.items() if name != _OWN_HASH}))
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _arrays(packed: bytes, file: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (ValueError, BadZipFile, EOFError, OSError) as error:
        raise _error("holds no arrays that can be read", file) from error


def _error(message: str, file: Path) -> ArtefactError:
    return ArtefactError(message, file=str(file), mend=MEND)
