"""What turns the documents into vectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.bounds import PositiveCount, PositiveSeconds
from config.forms import WebAddress


@dataclass(frozen=True, slots=True)
class EmbedderSettings:
    """What turns documents and questions into vectors; another one builds the index anew."""

    kind: Literal["lsa", "ollama", "openai", "folder"] = "lsa"
    """`lsa` is built in and learns from the documents themselves; `ollama` and `openai` are servers (`openai`: any with
    its API); `folder` is a sentence-transformers model on disk and needs the extra `ml`."""
    model: str = ""
    """Name of the model on the server, such as `nomic-embed-text`; `lsa` and `folder` need none."""
    base_url: WebAddress | None = None
    """Address of the server; `None` is `http://127.0.0.1:11434` for `ollama`, and `https://api.openai.com/v1` for
    `openai`."""
    api_key_env: str | None = None
    """Environment variable with the server's key; `None` sends none."""
    folder: Path | None = None
    """Folder of a sentence-transformers model; for `folder` only, other kinds take `None`."""
    question_prefix: str = ""
    """Put before every question, where the model wants it, such as `query: `."""
    passage_prefix: str = ""
    """Put before every passage, such as `passage: `."""
    batch: PositiveCount = 64
    """Texts per call."""
    timeout_s: PositiveSeconds = 30.0
    """Longest wait for one call, seconds."""
