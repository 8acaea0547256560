from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.identity import ROOMS

HERE = Path(__file__).resolve().parents[1]
LINT = Path(sys.executable).with_name("lint-imports")


def _lint(folder):
    return subprocess.run(
        [LINT, "--no-cache"],
        cwd=folder,
        # the copy must be linted, not the checkout that an editable install puts on the path
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path):
    """A copy of the rooms and of the contract between them."""
    for room in ROOMS:
        shutil.copytree(HERE / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "library"))
    shutil.copy(HERE / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_go_down_only():
    """No room imports from a floor above it, nor from a room beside it."""
    done = _lint(HERE)

    assert 0 == done.returncode, done.stdout


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("config", "import router.events"),
        ("router", "from proxy import identity"),
        ("router", "import classifier.tables"),
        ("classifier", "import retrieval.tables"),
        ("admin", "import proxy.identity"),
    ],
)
def test_import_that_goes_up_or_sideways_is_found(copy, room, line):
    """A planted wrong import breaks the contract: the check would notice a real one."""
    (copy / room / "planted.py").write_text(f"{line}\n")

    done = _lint(copy)

    assert 1 == done.returncode, done.stdout
    assert f"{room}.planted" in done.stdout
