from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from tests.e2e.gateway import running_gateway

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_server_that_ended_gives_its_memory_back(tmp_path: Path) -> None:
    """What is frozen while it serves would stay for ever: some 40 MB of models for each server of a process."""
    async with running_gateway(tmp_path):
        frozen = gc.get_freeze_count()

    assert frozen > 0
    assert 0 == gc.get_freeze_count()
