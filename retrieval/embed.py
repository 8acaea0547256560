"""Embedders that were trained elsewhere: Ollama and servers with OpenAI's API; and which one the settings name.

The built-in one is in `lsa.py`, that of a model folder in `folder_model.py`. All of them are called in threads; what
fails is told as `UpstreamError`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from config.errors import SettingsError
from retrieval.folder_model import FolderEmbedder
from retrieval.lengths import of_length_one
from retrieval.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from config.embedder_settings import EmbedderSettings
    from config.secret import Secret
    from config.types import Embedder

OLLAMA_URL = "http://127.0.0.1:11434"
OPENAI_URL = "https://api.openai.com/v1"


class _OllamaAnswer(msgspec.Struct):
    embeddings: list[list[float]]


class _OpenAIVector(msgspec.Struct):
    index: int
    embedding: list[float]


class _OpenAIAnswer(msgspec.Struct):
    data: list[_OpenAIVector]


class ServerEmbedder:
    """Vectors from Ollama (`POST /api/embed`) or from a server with OpenAI's API (`POST /embeddings`)."""

    def __init__(
        self,
        name: str,
        model: str,
        *,
        base_url: str = "",
        key: Secret | None = None,
        batch: int = 64,
        timeout_s: float = 30.0,
    ) -> None:
        self.name = name
        self._model = model
        self._batch = batch
        root = (base_url or (OLLAMA_URL if name == "ollama" else OPENAI_URL)).rstrip("/")
        self._wire = Wire(
            f"{root}/api/embed" if name == "ollama" else f"{root}/embeddings",
            who="embedder",
            key=key,
            timeout_s=timeout_s,
        )
        self._size = threading.Lock()
        self._dimension = 0
        self.fingerprint = f"{name}:{model}:{hashlib.sha256(root.encode()).hexdigest()[:12]}"

    @property
    def dimension(self) -> int:
        """Length of the vectors; asks the server once. Raises `UpstreamError`."""
        with self._size:
            if not self._dimension:
                self._dimension = len(self._call(["dimension"])[0])
            return self._dimension

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector of length 1 a text. Raises `UpstreamError`."""
        parts = [np.zeros((0, self.dimension), dtype=np.float32)]
        for start in range(0, len(texts), self._batch):
            vectors = self._call(texts[start : start + self._batch])
            if any(len(vector) != self.dimension for vector in vectors):
                raise self._wire.unreadable(ValueError("they are not all of one length"))
            parts.append(np.array(vectors, dtype=np.float32).reshape(-1, self.dimension))
        return of_length_one(np.concatenate(parts))

    def _call(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors of one batch. An empty text goes as a blank: servers refuse it."""
        answer = self._wire.post({"model": self._model, "input": [text or " " for text in texts]})
        try:
            if self.name == "ollama":
                vectors = msgspec.json.decode(answer, type=_OllamaAnswer).embeddings
            else:
                rows = msgspec.json.decode(answer, type=_OpenAIAnswer).data
                vectors = [row.embedding for row in sorted(rows, key=lambda row: row.index)]
        except msgspec.MsgspecError as error:
            raise self._wire.unreadable(error) from error
        if len(vectors) != len(texts) or not all(vectors):
            raise self._wire.unreadable(ValueError(f"{len(vectors)} for {len(texts)} texts"))
        return vectors


def make_embedder(settings: EmbedderSettings, *, key: Secret | None = None) -> Embedder | None:
    """Return the embedder of the settings, `None` for the built-in one. Nothing is called or loaded yet.

    Raises `SettingsError` where a model or a folder is not named or not there.
    """
    if settings.kind == "lsa":
        return None
    if settings.kind == "folder":
        if settings.folder is None or not settings.folder.is_dir():
            raise SettingsError("[retrieval.embedder] kind = \"folder\" needs 'folder', a folder that is there.")
        return FolderEmbedder(settings.folder, batch=settings.batch)
    if not settings.model:
        raise SettingsError(f"[retrieval.embedder] kind = {json.dumps(settings.kind)} needs 'model'.")
    return ServerEmbedder(
        settings.kind,
        settings.model,
        base_url=settings.base_url or "",
        key=key,
        batch=settings.batch,
        timeout_s=settings.timeout_s,
    )
