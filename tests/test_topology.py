from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

import httpx
import pytest

SETTINGS = {"THALAMUS_HEALTH__FIND_OLLAMA": "false", "THALAMUS_SERVER__DRAIN_S": "5"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program():
    """The runner, loaded as the program it is."""
    path = Path(__file__).with_name("bin") / "topology.py"
    spec = importlib.util.spec_from_file_location("topology_program", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


async def test_two_gateways_share_keys_and_survive_each_other(program, empty_database_url, tmp_path):
    """A key made through one replica is known to the other, and the front passes over a replica that ended."""
    async with program.topology(tmp_path, database_url=empty_database_url, n_gateways=2, env=SETTINGS) as running:
        first, second = running.gateways
        key = await _make_key(program, empty_database_url, tmp_path / "gateway-1", running.pepper)
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            headers = {"authorization": f"Bearer {key}"}
            direct = [await client.get(f"{each.url}/v1/models", headers=headers) for each in (first, second)]
            wrong = [
                await client.get(f"{each.url}/v1/models", headers={"authorization": "Bearer no"})
                for each in (first, second)
            ]
        first.process.terminate()
        await first.process.wait()
        ready = [await _fresh_get(f"{running.url}/health/ready") for _ in range(4)]

    assert [200, 200] == [each.status_code for each in direct]
    assert [401, 401] == [each.status_code for each in wrong]
    assert [200] * 4 == [each.status_code for each in ready]
    assert [0, 0] == [first.process.returncode, second.process.returncode]


async def test_part_that_does_not_start_is_told(program, tmp_path):
    """A database that is none ends the start with what the command said."""
    (tmp_path / "file").touch()
    with pytest.raises(program.TopologyError, match="db upgrade failed"):
        async with program.topology(tmp_path, database_url=f"sqlite:///{tmp_path}/file/no.sqlite", env=SETTINGS):
            pass


async def _make_key(program, database_url, folder, pepper):
    process = await asyncio.create_subprocess_exec(
        *program.THALAMUS, "keys", "create", "test",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=program.environment(database_url, pepper, {**SETTINGS, "THALAMUS_STATE_DIR": str(folder)}),
    )  # fmt: skip
    said, _ = await process.communicate()
    return said.decode().strip()


async def _fresh_get(url):
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return await client.get(url)
