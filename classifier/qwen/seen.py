"""Which single prompts a classifier learnt from: eight bytes of a hash each, beside its weights, never the prompts.

A prompt is found again whatever its case, width, spaces and invisible characters; other words are another prompt. The
hashes carry no salt: who has a prompt can tell whether it was among them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, cast

from classifier.foundry.blueprint import RAW, find_blueprint, shipped_blueprints
from classifier.foundry.corpus import data_hash, read_texts
from classifier.qwen.artefact import MEND
from classifier.text import normalise
from config.errors import ArtefactError, CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from classifier.qwen.artefact import Manifest
    from config.types import Json

PARTS = {"train": "train.hashes", "validation": "validation.hashes"}
"""File of each part of the rows."""
_MAGIC = b"thalamus-hashes1"
_BYTES = 8


@dataclass(frozen=True, slots=True)
class Studied:
    """What is known of the prompts that a classifier saw before it was measured."""

    parts: Mapping[str, frozenset[bytes]] = field(default_factory=dict[str, frozenset[bytes]])
    """Hashes of the prompts of each part."""
    unknown: str = ""
    """Why nothing is known of them."""

    def seen(self, texts: Iterable[str]) -> dict[str, int]:
        """Return how many of the texts are in each part."""
        hashes = [prompt_hash(text) for text in texts]
        return {part: sum(each in known for each in hashes) for part, known in self.parts.items()}


def prompt_hash(text: str) -> bytes:
    """Return eight bytes that equal prompts have in common."""
    return sha256(normalise(text).encode("utf-8", "replace")).digest()[:_BYTES]


def write_hashes(folder: Path, parts: Mapping[str, Iterable[str]]) -> None:
    """Write the hashes of the prompts of each part, sorted, into the folder."""
    for part, texts in parts.items():
        (folder / PARTS[part]).write_bytes(_MAGIC + b"".join(sorted({prompt_hash(text) for text in texts})))


def studied_by(folder: Path, manifest: Manifest) -> Studied:
    """Return what an opened artefact saw. Raises `ArtefactError` for a file of hashes that is none."""
    if not set(PARTS.values()) <= set(manifest.files):
        return Studied(unknown="it was trained before hashes of its rows were kept; train it anew to have them")
    return Studied({part: _read(folder / name) for part, name in PARTS.items()})


def studied_by_micro(card: Json) -> Studied:
    """Return what a micro-model saw, from the corpus of its blueprint where that is at hand and is the very one."""
    sources = card.get("data")
    digest = cast("Json", sources).get("train_sha256") if isinstance(sources, dict) else None
    try:
        blueprint = find_blueprint(shipped_blueprints(), str(card.get("name")))
        raw = blueprint.folder / RAW
        files = (*blueprint.corpus_files, *((raw,) if raw.is_file() else ()))
        if not files or data_hash(files) != digest:
            return Studied(unknown="the rows that it was forged from are not those of a blueprint here")
        texts = [text for file in files for text in read_texts(file)]
    except (CorpusError, OSError):
        return Studied(unknown="the rows that it was forged from are not here")
    return Studied({"train": frozenset(map(prompt_hash, texts))})


def _read(path: Path) -> frozenset[bytes]:
    data = path.read_bytes()
    if not data.startswith(_MAGIC) or (len(data) - len(_MAGIC)) % _BYTES:
        raise ArtefactError("this is no file of hashes", file=str(path), mend=MEND)
    return frozenset(data[at : at + _BYTES] for at in range(len(_MAGIC), len(data), _BYTES))
