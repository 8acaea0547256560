"""An index of hybrid search on disk: NumPy arrays, JSON and FAISS's own file, each with its hash; nothing is unpickled.

A folder is written once and never changed; who swaps folders is `store.py`. The list of hashes is written last, so a
folder without it is one whose writing was cut off.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from config.errors import ArtefactError
from retrieval.hybrid import Index, IndexedDocument, Recipe
from retrieval.lexical import Postings, WordLeg
from retrieval.lsa import LsaEmbedder
from retrieval.vectors import FaissStore
from retrieval.windows import Sentences

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from config.types import Embedder

VERSION: Final = 2
MANIFEST: Final = "index.json"
MEND: Final = "build it anew: thalamus docs rebuild"
_VECTORS: Final = "vectors.faiss"
_DOCUMENTS: Final = "documents.json"
_VOCABULARY: Final = "vocabulary.json"


class _Document(msgspec.Struct):
    name: str
    title: str
    text: str
    starts: tuple[int, ...]
    titles: tuple[str, ...]
    """Distinct ones; `title_of` says which sentence has which."""
    title_of: tuple[int, ...]
    intents: tuple[str, ...]


class _Manifest(msgspec.Struct):
    version: int
    embedder: str
    fingerprint: str
    recipe: Recipe
    n_headings: int
    hashes: dict[str, str]


def save_index(index: Index, folder: Path) -> None:
    """Write the index into a new or empty folder. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        _DOCUMENTS: msgspec.json.encode([_to_row(document) for document in index.documents]),
        _VOCABULARY: msgspec.json.encode(list(index.words.vocabulary)),
        _VECTORS: index.vectors.to_bytes(),
        **{f"{name}.npy": _array_bytes(array) for name, array in _arrays(index).items()},
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    manifest = _Manifest(
        version=VERSION,
        embedder=index.embedder.name,
        fingerprint=index.embedder.fingerprint,
        recipe=index.recipe,
        n_headings=index.words.n_headings,
        hashes={name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    )
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))


def load_index(folder: Path, *, embedder: Embedder | None = None, recipe: Recipe | None = None) -> Index:
    """Return the index of a folder; `embedder` is the one of the settings, `None` the built-in one.

    Raises `ArtefactError` where a file is missing, changed or of another version, and where the index was made with
    another embedder or (unless `None`) another recipe: vectors of both must not be mixed.
    """
    manifest = _manifest(folder)
    _check_maker(folder, manifest, embedder, recipe)
    files = {name: _checked(folder / name, digest) for name, digest in manifest.hashes.items()}
    try:
        arrays = {name[:-4]: _array(data) for name, data in files.items() if name.endswith(".npy")}
        documents = msgspec.json.decode(files[_DOCUMENTS], type=list[_Document])
        vocabulary = msgspec.json.decode(files[_VOCABULARY], type=list[str])
        found = embedder or LsaEmbedder(arrays["lsa_features"], arrays["lsa_weights"], arrays["lsa_basis"])
        words = WordLeg(
            {term: place for place, term in enumerate(vocabulary)},
            Postings(*(arrays[f"windows_{part}"] for part in ("bounds", "rows", "worth"))),
            Postings(*(arrays[f"headings_{part}"] for part in ("bounds", "rows", "worth"))),
            arrays["headings_of"],
            manifest.n_headings,
        )
        vectors = FaissStore.from_bytes(files[_VECTORS])
    except (KeyError, ValueError, RuntimeError, msgspec.MsgspecError) as error:
        raise ArtefactError(f"the index cannot be read ({error})", file=str(folder), mend=MEND) from error
    rows = [_from_row(row) for row in documents]
    return Index(rows, arrays["windows"], words=words, vectors=vectors, embedder=found, recipe=manifest.recipe)


def _manifest(folder: Path) -> _Manifest:
    path = folder / MANIFEST
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except OSError as error:
        raise ArtefactError("the index is not there, or its writing was cut off", file=str(path), mend=MEND) from error
    except msgspec.MsgspecError as error:
        raise ArtefactError(f"the index cannot be read ({error})", file=str(path), mend=MEND) from error
    if found.version != VERSION:
        raise ArtefactError(f"the index is of version {found.version}, not {VERSION}", file=str(path), mend=MEND)
    return found


def _check_maker(folder: Path, manifest: _Manifest, embedder: Embedder | None, recipe: Recipe | None) -> None:
    """Raise where the index was made by another embedder or recipe than the settings name."""
    same = manifest.embedder == LsaEmbedder.name if embedder is None else manifest.fingerprint == embedder.fingerprint
    if not same:
        wanted = LsaEmbedder.name if embedder is None else embedder.fingerprint
        raise ArtefactError(
            f"its vectors are of {manifest.fingerprint}, the settings name {wanted}", file=str(folder), mend=MEND
        )
    if recipe is not None and recipe != manifest.recipe:
        raise ArtefactError("it was made with other sizes or prefixes than the settings", file=str(folder), mend=MEND)


def _checked(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtefactError("a part of the index is not there", file=str(path), mend=MEND) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise ArtefactError("a part of the index was changed", file=str(path), mend=MEND)
    return data


def _arrays(index: Index) -> dict[str, NDArray[Any]]:
    words = index.words
    found: dict[str, NDArray[Any]] = {
        "windows": index.windows,
        "windows_bounds": words.windows.bounds,
        "windows_rows": words.windows.rows,
        "windows_worth": words.windows.worth,
        "headings_bounds": words.headings.bounds,
        "headings_rows": words.headings.rows,
        "headings_worth": words.headings.worth,
        "headings_of": words.headings_of,
    }
    if isinstance(index.embedder, LsaEmbedder):
        lsa = index.embedder
        found |= {"lsa_features": lsa.features, "lsa_weights": lsa.weights, "lsa_basis": lsa.basis}
    return found


def _array_bytes(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _array(data: bytes) -> NDArray[Any]:
    return np.load(io.BytesIO(data), allow_pickle=False)


def _to_row(document: IndexedDocument) -> _Document:
    distinct = {title: place for place, title in enumerate(dict.fromkeys(document.sentences.titles))}
    return _Document(
        name=document.name,
        title=document.title,
        text=document.text,
        starts=document.sentences.starts,
        titles=tuple(distinct),
        title_of=tuple(distinct[title] for title in document.sentences.titles),
        intents=document.intents,
    )


def _from_row(row: _Document) -> IndexedDocument:
    titles = tuple(row.titles[place] for place in row.title_of)
    return IndexedDocument.of(row.name, row.text, Sentences(row.starts, titles), title=row.title, intents=row.intents)
