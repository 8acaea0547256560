"""Schemathesis runs against our own OpenAPI document: nothing that it can think of crashes the server."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import HEAD, model, running_gateway


@pytest.mark.slow
@pytest.mark.timeout(390)  # longer than its command may take
async def test_schemathesis_finds_no_server_error(tmp_path: Path) -> None:
    """Positive and negative cases for every route: no 5xx, statuses and content types as documented."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        "--max-examples=60",
        "--seed=7",
        "--generation-deterministic",
        "--phases=examples,coverage,fuzzing",
        "--checks=not_a_server_error,status_code_conformance,content_type_conformance",
        "--mode=all",
        "--workers=1",
        "--request-timeout=20",
    ]
    async with (
        scripted_upstream(Script((Reply(text="ok"),), models=("m",))) as upstream,
        running_gateway(
            tmp_path,
            model("m", upstream.url + "/v1", extra='capabilities = ["chat", "embeddings"]'),
            head=HEAD.replace("[health]", 'unknown_model = "auto"\n[health]'),
        ) as gateway,
    ):
        run = await asyncio.to_thread(
            subprocess.run,
            [*command, f"{gateway.url}/schema/openapi.json"],
            capture_output=True,
            text=True,
            timeout=360,
            check=False,
            cwd=tmp_path,
        )

    assert 0 == run.returncode, run.stdout[-6000:] + run.stderr[-2000:]
    assert re.search(r"[1-9]\d* generated", run.stdout), run.stdout[-2000:]
