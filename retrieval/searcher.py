"""Builds and reads the index of a library on disk, and searches it as the pipeline asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from config.errors import ArtefactError, UpstreamError
from retrieval.building import build_index, known_vectors
from retrieval.choose import Limits
from retrieval.embed import make_embedder
from retrieval.equal_coverage import dense_top_k
from retrieval.hybrid import Recipe
from retrieval.lsa import VERSION as LSA_VERSION
from retrieval.lsa import LsaEmbedder
from retrieval.rerank import reranked
from retrieval.scoped import Looked, Wanted
from retrieval.stored import VERSION, load_index, save_index
from retrieval.stretches import choose_stretches
from retrieval.vectors import FLAT_MAX_VECTORS
from retrieval.windows import WINDOW_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from config.secret import Secret
    from config.settings import RetrievalSettings
    from config.types import Embedder
    from retrieval.choose import Candidate, Chosen, Texts
    from retrieval.hybrid import Index
    from retrieval.ingest import Document
    from retrieval.rerank import Reranker

EXTRA_SHARE: Final = 0.25
"""Beyond the least number of passages, only those that score at least this share of the best are taken."""
LEAST_BELOW_MOST: Final = {4: 3, 6: 4}
"""One intent takes 3 to 4 passages, several 4 to 6; any other limit is taken as it is."""


@dataclass(frozen=True, slots=True)
class HybridBuilder:
    """Builds and reads the index of a library with one embedder (`None`: the built-in one) and one recipe."""

    embedder: Embedder | None = None
    recipe: Recipe = field(default_factory=lambda: Recipe(WINDOW_SIZE))
    flat_max: int = FLAT_MAX_VECTORS
    """Vectors up to which each is compared."""

    @classmethod
    def of(cls, settings: RetrievalSettings, *, key: Secret | None = None) -> HybridBuilder:
        """Return the builder of the settings; `key` is that of the embedder's server. Raises `SettingsError`."""
        embedder = settings.embedder
        recipe = Recipe(settings.window_size, embedder.passage_prefix, embedder.question_prefix)
        return cls(make_embedder(embedder, key=key), recipe, settings.flat_max_vectors)

    @property
    def fingerprint(self) -> str:
        """What differs wherever the same documents would give another index: embedder, recipe, versions."""
        made_by = f"{LsaEmbedder.name}:{LSA_VERSION}" if self.embedder is None else self.embedder.fingerprint
        recipe = self.recipe
        prefixes = f"{recipe.passage_prefix!r}:{recipe.question_prefix!r}"
        return f"hybrid:{VERSION}:{made_by}:{recipe.window_size}:{prefixes}"

    def build(self, documents: Sequence[Document], folder: Path, *, before: Path | None = None) -> None:
        """Write the index of all `documents` into the empty `folder`. Raises `OSError` or `UpstreamError`.

        Vectors of the index `before` are taken over where embedder and text are the same: a server wants time and money
        for each. The built-in embedder learns anew from all documents, so that its vectors are always new.
        """
        save_index(self.index(documents, known=self._known(before)), folder)

    def index(
        self,
        documents: Sequence[Document],
        *,
        known: Mapping[bytes, NDArray[np.float32]] | None = None,
        told: Callable[[str, int, int], object] = lambda _step, _done, _all: None,
    ) -> Index:
        """Return the index of all `documents`; see `build_index`. Raises `UpstreamError`."""
        return build_index(
            documents, recipe=self.recipe, embedder=self.embedder, flat_max=self.flat_max, known=known, told=told
        )

    def _known(self, before: Path | None) -> dict[bytes, NDArray[np.float32]]:
        """Return the vectors that an index before has of this embedder; none where it is of another, or damaged."""
        if before is None or self.embedder is None:
            return {}
        try:
            return known_vectors(load_index(before, embedder=self.embedder))
        except ArtefactError:
            return {}

    def load(self, folder: Path) -> Index:
        """Return the index of a folder. Raises `ArtefactError` where it is damaged or of another recipe."""
        return load_index(folder, embedder=self.embedder, recipe=self.recipe)


@dataclass(frozen=True, slots=True)
class HybridScopedSearch:
    """A `ScopedSearch` over one index. Call it in a thread: a search takes about 2 ms, and as long as its models."""

    index: Index
    reranker: Reranker | None = None
    n_reranked: int = 40
    """Windows that the reranker reads."""

    def look(self, question: str, wanted: Wanted) -> Looked:
        """Return pieces of passages, best first; see `limits_for` and `stretches.py`."""
        limits = limits_for(wanted.most, token_budget=wanted.token_budget)
        choosing = _Reranking(self.reranker, question, self.n_reranked) if self.reranker else choose_stretches
        found = self.index.search(
            question, limits, scope=wanted.scope, lean=wanted.lean, naming=wanted.naming, choosing=choosing
        )
        troubles = [found.degraded, choosing.trouble if isinstance(choosing, _Reranking) else None]
        passages = tuple(each.passage for each in found.passages)
        dense = None if found.vector is None else partial(dense_top_k, self.index, question, found.vector)
        return Looked(passages, found.scope, "; ".join(filter(None, troubles)) or None, found.lifted, dense)


@dataclass(slots=True)
class _Reranking:
    """Chooses by the reranker's scores; where it fails, by those that were found, and says so."""

    reranker: Reranker
    question: str
    n: int
    trouble: str | None = None

    def __call__(self, candidates: Sequence[Candidate], texts: Texts, limits: Limits) -> tuple[Chosen, ...]:
        try:
            candidates = reranked(self.reranker, self.question, candidates, texts, n=self.n)
        except UpstreamError as error:
            self.trouble = str(error)
        return choose_stretches(candidates, texts, limits)


def limits_for(most: int, *, token_budget: int | None = None) -> Limits:
    """Return the limits of a request: the last ones of `most` passages only where they are good."""
    return Limits(most, least=LEAST_BELOW_MOST.get(most, most), extra_share=EXTRA_SHARE, token_budget=token_budget)
