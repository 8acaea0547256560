"""Builds the index of hybrid search from documents; pure, so that who watches files decides when and where."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from retrieval.hybrid import Index, IndexedDocument, Recipe
from retrieval.lexical import build_word_leg
from retrieval.lsa import fit_lsa
from retrieval.terms import terms
from retrieval.vectors import FLAT_MAX_VECTORS, FaissStore
from retrieval.windows import WINDOW_SIZE, cut, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from config.types import Embedder
    from retrieval.ingest import Document

EMBED_BLOCK = 256


def build_index(
    documents: Iterable[Document],
    *,
    recipe: Recipe | None = None,
    embedder: Embedder | None = None,
    intents: Mapping[str, Sequence[str]] | None = None,
    flat_max: int = FLAT_MAX_VECTORS,
    known: Mapping[bytes, NDArray[np.float32]] | None = None,
    told: Callable[[str, int, int], object] = lambda _step, _done, _all: None,
) -> Index:
    """Return the index of all documents; of two with one name the last counts. An empty library gives an empty index.

    Without `embedder` the built-in one is fitted to these documents. `intents` ties documents, by name, to intents.
    `known` are vectors of the same embedder by `text_key`, so that no text is embedded twice. `told` hears the step
    (`read`, `fit`, `embed`), and how much of it is done. Raises what the embedder raises.
    """
    recipe = recipe or Recipe(WINDOW_SIZE)
    read: list[IndexedDocument] = []
    rows: list[tuple[int, int, int]] = []
    bags: list[list[str]] = []
    unique = list({document.name: document for document in documents}.values())
    for place, document in enumerate(unique):
        sentences = cut(document)
        tied = tuple((intents or {}).get(document.name, document.intents))
        read.append(IndexedDocument.of(document.name, document.text, sentences, title=document.title, intents=tied))
        said = [terms(document.text[a:b]) for a, b in zip(sentences.starts, sentences.starts[1:], strict=False)]
        headed = {title: terms(title) for title in dict.fromkeys(sentences.titles)}
        for window in windows(document.text, sentences, size=recipe.window_size):
            rows.append((place, window.first, window.last))
            bag = [*headed[sentences.titles[window.first]]]
            for sentence in said[window.first : window.last]:
                bag += sentence
            bags.append(bag)
        told("read", place + 1, len(unique))
    words = build_word_leg(bags, [read[place].sentences.titles[first] for place, first, _ in rows])
    del bags
    texts = [_window_text(read[place], first, last, recipe) for place, first, last in rows]
    embedder = embedder or fit_lsa(texts, told=lambda done, n: told("fit", done, n))
    vectors = _vectors(texts, embedder, known or {}, told)
    return Index(
        read,
        np.array(rows, dtype=np.int32).reshape(-1, 3),
        words=words,
        vectors=FaissStore.build(vectors, flat_max=flat_max),
        embedder=embedder,
        recipe=recipe,
    )


def _window_text(document: IndexedDocument, first: int, last: int, recipe: Recipe) -> str:
    """Return what the embedder reads of a window: its headings, then its words."""
    starts = document.sentences.starts
    return f"{recipe.passage_prefix}{document.sentences.titles[first]}\n{document.text[starts[first] : starts[last]]}"


def known_vectors(index: Index) -> dict[bytes, NDArray[np.float32]]:
    """Return the vectors of an index by the `text_key` of what was embedded."""
    if not len(index):
        return {}
    vectors = index.vectors.vectors(np.arange(len(index), dtype=np.int64))
    rows: list[list[int]] = index.windows.tolist()
    texts = (_window_text(index.documents[place], first, last, index.recipe) for place, first, last in rows)
    return {text_key(text): vector for text, vector in zip(texts, vectors, strict=True)}


def text_key(text: str) -> bytes:
    """Return what stands for a text, 16 bytes."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def _vectors(
    texts: Sequence[str],
    embedder: Embedder,
    known: Mapping[bytes, NDArray[np.float32]],
    told: Callable[[str, int, int], object],
) -> NDArray[np.float32]:
    """Return the vectors of all texts, `(n, dimension)`; those that are known are not asked for."""
    found = [known.get(text_key(text)) for text in texts] if known else [None] * len(texts)
    missing = [at for at, vector in enumerate(found) if vector is None]
    n_known = len(texts) - len(missing)
    for start in range(0, len(missing), EMBED_BLOCK):
        block = missing[start : start + EMBED_BLOCK]
        for at, vector in zip(block, embedder.embed([texts[at] for at in block]), strict=True):
            found[at] = vector
        told("embed", n_known + min(start + EMBED_BLOCK, len(missing)), len(texts))
    made = [vector for vector in found if vector is not None]
    return np.stack(made) if made else np.zeros((0, embedder.dimension), dtype=np.float32)
