"""An embedder in a folder of this machine, as sentence-transformers lays it out: a transformer and how it is pooled.

Needs the extra `ml`. The package sentence-transformers itself is not: its pooling is a mean or the first token.
"""

from __future__ import annotations

import hashlib
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from config.errors import UpstreamError
from retrieval.lengths import of_length_one

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MAX_TOKENS = 512
_HASHED_BYTES = 1 << 20


class _Pooling(msgspec.Struct):
    pooling_mode_cls_token: bool = False
    pooling_mode_mean_tokens: bool = True


class FolderEmbedder:
    """Vectors of a sentence-transformers folder; loaded by the first text, one call at a time."""

    name = "folder"

    def __init__(self, folder: Path, *, batch: int = 64) -> None:
        self._folder = folder
        self._batch = batch
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        self._dimension = 0
        self.fingerprint = f"folder:{_folder_hash(folder)}"

    @property
    def dimension(self) -> int:
        """Length of the vectors. Raises `UpstreamError`."""
        if not self._dimension:
            self._dimension = int(self.embed(["dimension"]).shape[1])
        return self._dimension

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector of length 1 a text. Raises `UpstreamError`."""
        with self._lock:
            try:
                self._loaded = self._loaded or self._load()
                parts = [
                    self._encoded(list(texts[start : start + self._batch]))
                    for start in range(0, len(texts), self._batch)
                ]
            except (OSError, RuntimeError, ValueError, KeyError) as error:
                message = f"the model of {self._folder} cannot be used: {error}"
                raise UpstreamError(message, failure_class="model_gone") from error
        if not parts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return of_length_one(np.concatenate(parts))

    def _load(self) -> tuple[Any, Any]:
        """Return the tokenizer and the model."""
        try:
            transformers = import_module("transformers")
            import_module("torch")
        except ImportError as error:
            message = "a model folder needs the extra ml: pip install 'thalamus-proxy[ml]'"
            raise UpstreamError(message, failure_class="model_gone") from error
        inner = self._folder / "0_Transformer"
        root = str(inner if inner.is_dir() else self._folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(root, local_files_only=True)
        return tokenizer, transformers.AutoModel.from_pretrained(root, local_files_only=True).eval()

    def _encoded(self, texts: list[str]) -> NDArray[np.float32]:
        """Return the pooled vectors of one batch."""
        torch = import_module("torch")
        assert self._loaded is not None  # noqa: S101  # set by the only caller
        tokenizer, model = self._loaded
        tokens = tokenizer(texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            states = model(**tokens).last_hidden_state
        if self._pooling().pooling_mode_cls_token:
            pooled = states[:, 0]
        else:
            mask = tokens["attention_mask"].unsqueeze(-1).to(states.dtype)
            pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        return pooled.float().numpy()

    def _pooling(self) -> _Pooling:
        path = self._folder / "1_Pooling" / "config.json"
        return msgspec.json.decode(path.read_bytes(), type=_Pooling) if path.is_file() else _Pooling()


def _folder_hash(folder: Path) -> str:
    """Return what tells one model folder from another: names, sizes, and the beginning of each file."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}:{path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(_HASHED_BYTES))
    return digest.hexdigest()[:16]
