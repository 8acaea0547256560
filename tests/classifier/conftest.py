from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from classifier.foundry.forge import Forged, forge
from tests.classifier.small_corpus import multi_rows, order, single_rows


@pytest.fixture(scope="session")
def forged_single(tmp_path_factory) -> Forged:
    """A single-label artefact."""
    return forge(order(single_rows()), tmp_path_factory.mktemp("single") / "small")


@pytest.fixture(scope="session")
def forged_multi(tmp_path_factory) -> Forged:
    """A multi-label artefact."""
    return forge(order(multi_rows(), task="multi"), tmp_path_factory.mktemp("multi") / "small")


@pytest.fixture
def artefact(forged_single, tmp_path) -> Path:
    """A copy of the single-label artefact, to be damaged."""
    return Path(shutil.copytree(forged_single.folder, tmp_path / "small"))
