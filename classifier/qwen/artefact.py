"""One fine-tuned classifier on disk: a folder whose `manifest.json` hashes all that decides an answer.

Read without any heavy library, so that a wrong folder is told in a millisecond. The version is the hash of the whole
manifest: labels, temperature, thresholds and files cannot be changed apart from each other.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import msgspec

from classifier.artefact import MODEL, PREPROC
from classifier.qwen.weights import check_safetensors, file_hash, refuse_pickle
from config.errors import ArtefactError

if TYPE_CHECKING:
    from pathlib import Path

    from config.types import Json

FORMAT = "thalamus-qwen-intent"
SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
TOKENIZER = "tokenizer.json"
MERGED = "model.safetensors"
MODEL_CONFIG = "config.json"
ONNX = "head.onnx"
ONNX_WEIGHTS = "head.onnx.data"
MEND = "train it anew with `thalamus classifier train`, or name the folder of an undamaged one"
_VERSION_CHARS = 12

Form = Literal["head", "generative"]
Kind = Literal["adapter", "merged", "onnx"]


@dataclass(frozen=True, slots=True)
class Base:
    """The model that an adapter was trained on; another one would answer nonsense without any error."""

    name: str
    """Folder or hub name, as it was given."""
    sha256: str
    """Of its configuration and weight files."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything beside the weights that decides an answer, and where it came from."""

    form: Form
    kind: Kind
    labels: tuple[str, ...]
    """In the order of the head's outputs."""
    base: Base
    pad_token_id: int
    max_tokens: int
    """Longest input, template included; what is longer loses the end of its text."""
    temperature: float = 1.0
    thresholds: tuple[float, ...] = ()
    """One a label, on calibrated probabilities."""
    abstain_below: float = 0.0
    """Least confidence of an answer."""
    recipe: dict[str, object] = field(default_factory=dict[str, object])
    """Data hashes, seed, hyperparameters, versions, date."""
    metrics: dict[str, object] = field(default_factory=dict[str, object])
    """`validation` and `operating_point`: on the very rows that chose checkpoint, temperature and thresholds.
    `held_out`: on the same rows, each judged by a temperature and thresholds fitted on others (`reliability.py`)."""
    files: dict[str, str] = field(default_factory=dict[str, str])
    """sha256 of each file."""
    labels_sha256: str = ""
    version: str = ""
    format: str = FORMAT
    schema_version: int = SCHEMA_VERSION


def labels_hash(labels: tuple[str, ...]) -> str:
    """Return the sha256 of labels and their order."""
    return sha256(msgspec.json.encode(labels)).hexdigest()


def version_of(manifest: Manifest) -> str:
    """Return the version that the manifest's contents have."""
    bare = msgspec.json.encode(replace(manifest, version=""), order="deterministic")
    return sha256(bare).hexdigest()[:_VERSION_CHARS]


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Hash the folder's files into the manifest, write it, and return it with its version."""
    files = {each.name: file_hash(each) for each in sorted(folder.iterdir()) if each.name != MANIFEST}
    sealed = replace(manifest, files=files, labels_sha256=labels_hash(manifest.labels), version="")
    sealed = replace(sealed, version=version_of(sealed))
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(sealed), indent=2) + b"\n")
    return sealed


def publish(built: Path, target: Path) -> Path | None:
    """Move a sealed folder to where it is served from, whole; return where the one before it was put, if any."""
    before = None
    if target.exists():
        before = _free_name(target.with_name(f"{target.name}-{open_artefact(target).version}"))
        target.rename(before)
    target.parent.mkdir(parents=True, exist_ok=True)
    built.rename(target)
    return before


def open_artefact(folder: Path) -> Manifest:
    """Return the manifest of a folder whose files are all there, unchanged and no pickle. Raises `ArtefactError`."""
    manifest = _read_manifest(folder)
    for name, expected in manifest.files.items():
        path = folder / name
        if "/" in name or "\\" in name or not path.is_file():
            raise ArtefactError("the file is missing", file=str(path), mend=MEND)
        refuse_pickle(path)
        if file_hash(path) != expected:
            raise ArtefactError("its sha256 is not the one in manifest.json: it was changed", file=str(path), mend=MEND)
        if path.suffix == ".safetensors":
            check_safetensors(path)
    needed = {
        "adapter": {ADAPTER, ADAPTER_CONFIG, TOKENIZER},
        "merged": {MERGED, MODEL_CONFIG, TOKENIZER},
        "onnx": {ONNX, TOKENIZER},
    }[manifest.kind]
    for name in sorted(needed - set(manifest.files)):
        raise ArtefactError("the file is missing", file=str(folder / name), mend=MEND)
    return manifest


def drop_folder(folder: Path) -> None:
    """Remove a folder that is being built, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def _read_manifest(folder: Path) -> Manifest:
    if folder.is_file():
        refuse_pickle(folder)
        raise ArtefactError(
            "this is a file; a classifier is a folder with a manifest.json", file=str(folder), mend=MEND
        )
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        if (folder / PREPROC).is_file() and (folder / MODEL).is_file():  # its .bin is Protobuf, no pickle
            raise ArtefactError(
                "this is a micro-model of the foundry, no Qwen3 classifier",
                file=str(folder),
                mend="read texts with `thalamus foundry predict` or `thalamus foundry try`",
            ) from error
        _refuse_loose_pickles(folder)
        raise ArtefactError(
            "there is no manifest, so this is no trained classifier", file=str(path), mend=MEND
        ) from error
    try:
        head: Json = msgspec.json.decode(data, type=dict[str, object])
        _check_schema(head, path)
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise ArtefactError(f"the manifest cannot be read ({error})", file=str(path), mend=MEND) from error
    if labels_hash(manifest.labels) != manifest.labels_sha256:
        raise ArtefactError("labels or their order are not those it was trained with", file=str(path), mend=MEND)
    if version_of(manifest) != manifest.version:
        raise ArtefactError("the manifest was changed after training", file=str(path), mend=MEND)
    if len(manifest.thresholds) not in {0, len(manifest.labels)} or not manifest.labels:
        raise ArtefactError("thresholds and labels differ in number", file=str(path), mend=MEND)
    return manifest


def _check_schema(head: Json, path: Path) -> None:
    if head.get("format") != FORMAT:
        raise ArtefactError("this is the manifest of something else", file=str(path), mend=MEND)
    if head.get("schema_version") != SCHEMA_VERSION:
        raise ArtefactError(
            f"schema {head.get('schema_version')} is not the {SCHEMA_VERSION} that this version reads",
            file=str(path),
            mend=MEND,
        )


def _refuse_loose_pickles(folder: Path) -> None:
    for each in sorted(folder.glob("*")):
        if each.is_file():
            refuse_pickle(each)


def _free_name(wanted: Path) -> Path:
    number, free = 1, wanted
    while free.exists():
        number += 1
        free = wanted.with_name(f"{wanted.name}.{number}")
    return free
