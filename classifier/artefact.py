"""Reads the folder of a shipped model and checks what holds for every kind: hash, labels, columns, golden vectors.

`model.onnx`, `preproc.bin`, `card.json` and `golden.json`. Whatever does not agree is an `ArtefactError` that names the
file and the mend. Nothing is ever executed from a file but the operators of ONNX: no pickle is read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

from classifier.runtime import open_session
from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from classifier.runtime import Session
    from config.types import Json

MODEL, PREPROC, CARD, GOLDEN = "model.onnx", "preproc.bin", "card.json", "golden.json"
LARGEST_FILE_BYTES = 64 * 1024 * 1024
LABELS_KEY = "thalamus.labels"
"""Metadata of the ONNX file: SHA-256 over the names of its columns in their order."""
VERSION_CHARS = 12
_PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"(dp", b"]q", b"PK\x03\x04")


class Preprocessor(Protocol):
    """What `preproc.bin` of any kind says of its model."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What it can say, in the order of the card."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """What the columns of its output mean."""
        ...

    @property
    def sha256_model(self) -> bytes:
        """Hash of the model that it belongs to."""
        ...


P = TypeVar("P", bound=Preprocessor)
P_co = TypeVar("P_co", bound=Preprocessor, covariant=True)


class Decode(Protocol[P_co]):
    """Reads `preproc.bin`."""

    def __call__(self, data: bytes, *, file: str) -> P_co:
        """Return what it holds. Raises `ArtefactError` naming `file`."""
        ...


@dataclass(frozen=True, slots=True)
class Opened(Generic[P]):
    """The parts of an artefact that belong together; inputs, outputs and golden vectors are still to be checked."""

    session: Session
    preproc: P
    card: Json
    version: str


def open_folder(folder: Path, decode: Decode[P]) -> Opened[P]:
    """Return the parts of a folder once hash and order of the labels agree in all of them. Raises `ArtefactError`."""
    model_bytes, preproc_bytes = read_artefact_file(folder / MODEL), read_artefact_file(folder / PREPROC)
    preproc = decode(preproc_bytes, file=str(folder / PREPROC))
    if hashlib.sha256(model_bytes).digest() != preproc.sha256_model:
        raise ArtefactError(f"its hash is not the one that {PREPROC} names", file=str(folder / MODEL))
    card = read_json_object(folder / CARD)
    if card.get("labels") != list(preproc.labels):
        raise _other_labels(folder / CARD)
    session = open_session(model_bytes, file=str(folder / MODEL))
    if session.get_modelmeta().custom_metadata_map.get(LABELS_KEY) != labels_hash(preproc.columns):
        raise _other_labels(folder / MODEL)
    return Opened(session, preproc, card, artefact_version(model_bytes, preproc_bytes))


def golden_cases(path: Path) -> list[Mapping[str, object]]:
    """Return the golden vectors of a file, at least one. Raises `ArtefactError`."""
    cases = read_json_object(path).get("cases")
    if not isinstance(cases, list) or not cases:
        raise ArtefactError("holds no golden vectors", file=str(path))
    return cast("list[Mapping[str, object]]", cases)


def artefact_version(model: bytes, preproc: bytes) -> str:
    """Return the version of an artefact: the first 12 hex digits of the SHA-256 over model and preprocessor."""
    return hashlib.sha256(model + preproc).hexdigest()[:VERSION_CHARS]


def labels_hash(labels: Sequence[str]) -> str:
    """Return the SHA-256, in hex, of labels in their order."""
    return hashlib.sha256("\n".join(labels).encode()).hexdigest()


def read_artefact_file(path: Path) -> bytes:
    """Return the bytes of one file of an artefact. Raises `ArtefactError`: too large, not there, or a pickle."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE_BYTES:
            raise ArtefactError(f"is {size} bytes long, more than {LARGEST_FILE_BYTES}", file=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"cannot be read: {error.strerror or 'no such file'}", file=str(path)) from error
    if data.startswith(_PICKLE_STARTS):
        raise ArtefactError(
            "looks like a pickle or an archive; such files can run code and are never opened",
            file=str(path),
            mend="export the model as ONNX with `thalamus foundry forge`",
        )
    return data


def read_json_object(path: Path) -> Json:
    """Return the object of a JSON file of an artefact. Raises `ArtefactError`."""
    try:
        found: object = json.loads(read_artefact_file(path))
    except (ValueError, RecursionError) as error:
        raise ArtefactError("is no JSON", file=str(path)) from error
    if not isinstance(found, dict):
        raise ArtefactError("is no JSON object", file=str(path))
    return cast("Json", found)


def _other_labels(path: Path) -> ArtefactError:
    return ArtefactError(f"its labels are not those of {PREPROC}, in that order", file=str(path))
