"""Where commands are run in tests, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.loader import shipped_providers
from proxy.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SET_AROUND = ("THALAMUS_CONFIG", "THALAMUS_API_KEY", "OLLAMA_HOST", "NO_COLOR")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, and an environment without keys or settings."""
    for name in (*_SET_AROUND, *(key for row in shipped_providers() for key in row.api_key_env)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs one command in the folder; returns its exit code, stdout and stderr."""

    def go(*words: str) -> tuple[int, str, str]:
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return go
