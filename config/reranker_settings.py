"""What reads the best passages once more, beside the question."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.bounds import PositiveCount, PositiveSeconds
from config.forms import WebAddress


@dataclass(frozen=True, slots=True)
class RerankerSettings:
    """What orders the best passages anew; nothing unless named. Where it fails, the order stays as it was."""

    kind: Literal["none", "server", "folder"] = "none"
    """`server` is any with `POST /rerank` (Cohere, Jina, vLLM, llama.cpp, Infinity); `folder` is a cross-encoder on
    disk, as sentence-transformers lays it out, and needs the extra `ml`."""
    model: str = ""
    """Name of the model on the server, such as `bge-reranker-v2-m3`; `folder` needs none."""
    base_url: WebAddress | None = None
    """Address of the server, to which `/rerank` is added; for `server` only, other kinds take `None`."""
    api_key_env: str | None = None
    """Environment variable with the server's key; `None` sends none."""
    folder: Path | None = None
    """Folder of a cross-encoder; for `folder` only, other kinds take `None`."""
    candidates: PositiveCount = 40
    """Passages that are read for a question; the others are not sent."""
    timeout_s: PositiveSeconds = 2.0
    """Longest wait for the server, seconds."""
