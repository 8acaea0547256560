"""The current index of hybrid search: swapped whole, searched in its own threads, and built for a library on disk."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from config.tokens import estimate_tokens
from retrieval.building import build_index
from retrieval.choose import Limits
from retrieval.embed import make_embedder
from retrieval.hybrid import Found, Index, Recipe
from retrieval.lsa import VERSION as LSA_VERSION
from retrieval.lsa import LsaEmbedder
from retrieval.scoped import Looked
from retrieval.stored import VERSION, load_index, save_index
from retrieval.vectors import FLAT_MAX_VECTORS
from retrieval.windows import WINDOW_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from config.secret import Secret
    from config.settings import RetrievalSettings
    from config.types import Embedder
    from retrieval.ingest import Document

N_THREADS: Final = 2
EXTRA_SHARE: Final = 0.5
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

    def build(self, documents: Sequence[Document], folder: Path) -> None:
        """Write the index of all `documents` into the empty `folder`. Raises `OSError` or `UpstreamError`."""
        save_index(self.index(documents), folder)

    def index(
        self,
        documents: Sequence[Document],
        *,
        told: Callable[[str, int, int], object] = lambda _step, _done, _all: None,
    ) -> Index:
        """Return the index of all `documents`; `told` hears its steps. Raises `UpstreamError`."""
        return build_index(documents, recipe=self.recipe, embedder=self.embedder, flat_max=self.flat_max, told=told)

    def load(self, folder: Path) -> Index:
        """Return the index of a folder. Raises `ArtefactError` where it is damaged or of another recipe."""
        return load_index(folder, embedder=self.embedder, recipe=self.recipe)


class Searcher:
    """Searches the index that was put in last; a search keeps the one it began with. A `ScopedSearch`."""

    def __init__(self, index: Index | None = None) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    @property
    def index(self) -> Index | None:
        """The current snapshot, `None` before the first."""
        return self._index

    def swap(self, index: Index) -> None:
        """Put in another index, whole."""
        self._index = index

    def search(
        self,
        question: str,
        limits: Limits,
        *,
        scope: Collection[str] | None = None,
        count_tokens: Callable[[str], int] = estimate_tokens,
    ) -> Found:
        """Return passages within `limits`, best first; nothing before the first index. About a millisecond."""
        index = self._index
        return Found() if index is None else index.search(question, limits, scope=scope, count_tokens=count_tokens)

    async def find(
        self,
        question: str,
        limits: Limits,
        *,
        scope: Collection[str] | None = None,
        count_tokens: Callable[[str], int] = estimate_tokens,
    ) -> Found:
        """Search in a thread, so that the event loop goes on."""
        with self._lock:
            self._threads = self._threads or ThreadPoolExecutor(N_THREADS, thread_name_prefix="search")
            threads = self._threads
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            threads, lambda: self.search(question, limits, scope=scope, count_tokens=count_tokens)
        )

    def look(self, question: str, *, most: int, scope: Collection[str] | None = None) -> Looked:
        """Return at most `most` passages, best first; see `limits_for`."""
        found = self.search(question, limits_for(most), scope=scope)
        return Looked(tuple(each.passage for each in found.passages), found.scope)

    def close(self) -> None:
        """End the threads; a search that runs ends first."""
        if self._threads is not None:
            self._threads.shutdown()


def limits_for(most: int, *, token_budget: int | None = None) -> Limits:
    """Return the limits of a request: the last ones of `most` passages only where they are good."""
    return Limits(most, least=LEAST_BELOW_MOST.get(most, most), extra_share=EXTRA_SHARE, token_budget=token_budget)
