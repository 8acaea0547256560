"""Which files are weights: safetensors only. What could run code when opened is refused before anything opens it."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from config.errors import ArtefactError

if TYPE_CHECKING:
    from pathlib import Path

PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
MEND_PICKLE = "use a .safetensors file, which holds numbers only"
MEND_WEIGHTS = "download the model anew, with its .safetensors files"
_PICKLE_MAGIC = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000
_CHUNK = 1 << 20


def file_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def refuse_pickle(path: Path) -> None:
    """Raise `ArtefactError` for a file that Python would execute when loading it; the file is only looked at."""
    with path.open("rb") as file:
        head = file.read(4)
    if path.suffix in PICKLE_SUFFIXES or head.startswith(_PICKLE_MAGIC):
        raise ArtefactError(
            "this is a pickle, which runs code when it is opened; nothing was opened", file=str(path), mend=MEND_PICKLE
        )


def check_safetensors(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor in a file. Raises `ArtefactError` for a pickle, a cut or a foreign file."""
    refuse_pickle(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        header = file.read(length) if length <= min(_LONGEST_HEADER, size - _LENGTH_BYTES) else b""
    try:
        tensors = {name: each for name, each in json.loads(header).items() if name != "__metadata__"}
        shapes = {name: tuple(int(n) for n in each["shape"]) for name, each in tensors.items()}
        end = max((int(each["data_offsets"][1]) for each in tensors.values()), default=0)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise ArtefactError("this is no safetensors file", file=str(path), mend=MEND_WEIGHTS) from error
    if _LENGTH_BYTES + length + end != size:
        raise ArtefactError(
            f"the file is cut off or has a tail: {size} bytes instead of {_LENGTH_BYTES + length + end}",
            file=str(path),
            mend=MEND_WEIGHTS,
        )
    return shapes


def weight_files(folder: Path) -> tuple[Path, ...]:
    """Return the checked weight files of a model folder, by name. Raises `ArtefactError` where there are none."""
    found = tuple(sorted(folder.glob("*.safetensors")))
    if not found:
        pickles = sorted(each for each in folder.glob("*") if each.suffix in PICKLE_SUFFIXES)
        if pickles:
            refuse_pickle(pickles[0])
        raise ArtefactError("there are no weights (*.safetensors) in this folder", file=str(folder), mend=MEND_WEIGHTS)
    for each in found:
        check_safetensors(each)
    return found
