"""Rerankers: models that read a question and a passage together, and say how well one answers the other.

None is built in. What is found by words and vectors is read once more by the one that is handed in; see `reranked`.
"""

from __future__ import annotations

import math
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from config.errors import SettingsError, UpstreamError
from retrieval.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from config.reranker_settings import RerankerSettings
    from config.secret import Secret
    from retrieval.choose import Candidate, Texts

MAX_TOKENS: Final = 512
BATCH: Final = 16


class Reranker(Protocol):
    """Reads passages beside a question. Called in threads, never on the event loop."""

    def scores(self, question: str, passages: Sequence[str]) -> list[float]:
        """Return for each passage, 0 to 1, how well it answers. Raises `UpstreamError`."""
        ...


def reranked(
    reranker: Reranker, question: str, candidates: Sequence[Candidate], texts: Texts, *, n: int
) -> list[Candidate]:
    """Return the `n` best candidates with the reranker's scores, best first. Raises `UpstreamError`."""
    best = sorted(candidates, key=lambda each: -each.score)[:n]
    said = [_text(each, texts) for each in best]
    scores = reranker.scores(question, said) if said else []
    return sorted(
        (each._replace(score=score) for each, score in zip(best, scores, strict=True)), key=lambda each: -each.score
    )


def _text(candidate: Candidate, texts: Texts) -> str:
    starts = texts.starts(candidate.document)
    return texts.text(candidate.document)[starts[candidate.first] : starts[candidate.last]].strip()


class _Result(msgspec.Struct):
    index: int
    relevance_score: float


class _Answer(msgspec.Struct):
    results: list[_Result]


class ServerReranker:
    """A server with `POST /rerank`, as Cohere and Jina have it, and vLLM, llama.cpp and Infinity after them."""

    def __init__(self, model: str, *, base_url: str, key: Secret | None = None, timeout_s: float = 2.0) -> None:
        self._model = model
        self._wire = Wire(f"{base_url.rstrip('/')}/rerank", who="reranker", key=key, timeout_s=timeout_s)

    def scores(self, question: str, passages: Sequence[str]) -> list[float]:
        """Return the server's scores; those that are not shares are turned into some. Raises `UpstreamError`."""
        body: dict[str, object] = {
            "model": self._model,
            "query": question,
            "documents": list(passages),
            "top_n": len(passages),
        }
        try:
            found = msgspec.json.decode(self._wire.post(body), type=_Answer).results
        except msgspec.MsgspecError as error:
            raise self._wire.unreadable(error, wanted="scores") from error
        by_place = {each.index: each.relevance_score for each in found}
        if set(by_place) != set(range(len(passages))):
            raise self._wire.unreadable(ValueError(f"{len(found)} for {len(passages)} passages"), wanted="scores")
        raw = [by_place[place] for place in range(len(passages))]
        return raw if all(0 <= each <= 1 for each in raw) else [_share(each) for each in raw]


class FolderReranker:
    """A cross-encoder in a folder of this machine, as sentence-transformers lays it out; loaded by the first question.

    Needs the extra `ml`. One call at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    def scores(self, question: str, passages: Sequence[str]) -> list[float]:
        """Return the model's scores as shares. Raises `UpstreamError`."""
        with self._lock:
            try:
                self._loaded = self._loaded or self._load()
                raw: list[float] = []
                for start in range(0, len(passages), BATCH):
                    raw += self._read(question, list(passages[start : start + BATCH]))
            except (OSError, RuntimeError, ValueError, KeyError) as error:
                message = f"the model of {self._folder} cannot be used: {error}"
                raise UpstreamError(message, failure_class="model_gone") from error
        return [_share(each) for each in raw]

    def _load(self) -> tuple[Any, Any]:
        """Return the tokenizer and the model."""
        try:
            transformers = import_module("transformers")
            import_module("torch")
        except ImportError as error:
            message = "a model folder needs the extra ml: pip install 'thalamus-proxy[ml]'"
            raise UpstreamError(message, failure_class="model_gone") from error
        root = str(self._folder)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(root, local_files_only=True).eval()
        return transformers.AutoTokenizer.from_pretrained(root, local_files_only=True), model

    def _read(self, question: str, passages: list[str]) -> list[float]:
        """Return the logits of one batch: of a model with one label that, of others that of the last."""
        torch = import_module("torch")
        assert self._loaded is not None  # noqa: S101  # set by the only caller
        tokenizer, model = self._loaded
        tokens = tokenizer(
            [question] * len(passages),
            passages,
            padding=True,
            truncation="longest_first",
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        with torch.inference_mode():
            logits = model(**tokens).logits
        return [float(each) for each in logits[:, -1]]


def make_reranker(settings: RerankerSettings, *, key: Secret | None = None) -> Reranker | None:
    """Return the reranker of the settings, `None` where none is named. Nothing is called or loaded yet.

    Raises `SettingsError` where a server or a folder is not named or not there.
    """
    if settings.kind == "none":
        return None
    if settings.kind == "folder":
        if settings.folder is None or not settings.folder.is_dir():
            raise SettingsError("[retrieval.reranker] kind = \"folder\" needs 'folder', a folder that is there.")
        return FolderReranker(settings.folder)
    if not settings.base_url or not settings.model:
        raise SettingsError("[retrieval.reranker] kind = \"server\" needs 'base_url' and 'model'.")
    return ServerReranker(settings.model, base_url=settings.base_url, key=key, timeout_s=settings.timeout_s)


def _share(logit: float) -> float:
    """Return a logit as a share, 0 to 1."""
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))
