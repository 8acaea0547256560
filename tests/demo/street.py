"""The scripted upstreams of the demo, and the real gateway in front of them, as a process of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from router.providers.scripted import ScriptedUpstream
from tests.demo.day import UPSTREAMS, WELL, script

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from tests.demo.day import Phase

HEAD: Final = """
[server]
port = {port}
[routing]
shipped_models = false
[health]
find_ollama = false
[timeouts]
connect_s = 1
first_content_s = 2.5
idle_s = 5
total_s = 20
"""
MODEL: Final = """
[[model]]
name = "{name}"
fallbacks = {others}
  [[model.deployment]]
  provider = "{provider}"
  base_url = "{base_url}"
  upstream_model = "{name}-1"
  {key}
    [model.deployment.timeouts]
    total_s = 4
"""
PROVIDERS: Final = {"claude": "anthropic", "gpt": "openai", "deepseek": "deepseek", "local": "ollama"}
DEPLOYMENTS: Final = {name: f"{name}/{provider}" for name, provider in PROVIDERS.items()}
"""The gateway's names of them."""
STARTS_WITHIN_S: Final = 30.0


class Street:
    """The upstreams, and how each of them is."""

    def __init__(self, *, retry_after_s: int) -> None:
        self._retry_after_s = retry_after_s
        self._upstreams = {name: ScriptedUpstream(script(name, WELL, retry_after_s=0)) for name in UPSTREAMS}

    @property
    def urls(self) -> Mapping[str, str]:
        """Return the roots by name."""
        return {name: each.url for name, each in self._upstreams.items()}

    async def open(self) -> None:
        """Let everybody listen."""
        for each in self._upstreams.values():
            await each.start()

    async def close(self) -> None:
        """Stop everybody."""
        for each in self._upstreams.values():
            await each.stop()

    async def enter(self, phase: Phase) -> None:
        """Put everybody into the state of this phase."""
        for name, upstream in self._upstreams.items():
            trouble = phase.trouble(name)
            upstream.follow(script(name, trouble, retry_after_s=self._retry_after_s))
            if trouble.listens:
                await upstream.open_door()
            else:
                await upstream.stop()


@asynccontextmanager
async def serving(folder: Path, urls: Mapping[str, str]) -> AsyncGenerator[str, None]:
    """Run `thalamus serve` on a free port for the length of the block; yield its base URL."""
    port = _free_port()
    config = folder / "thalamus.toml"
    config.write_text(_settings(port, urls), encoding="utf-8")
    with (folder / "gateway.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "thalamus"),
            "serve",
            "--config",
            str(config),
            env={**os.environ, "DEMO_KEY": "sk-demo"},
            stdout=log,
            stderr=log,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            await _ready(url, process, folder)
            yield url
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _settings(port: int, urls: Mapping[str, str]) -> str:
    parts = [HEAD.format(port=port)]
    for name, provider in PROVIDERS.items():
        others = [other for other in UPSTREAMS if other != name]
        base_url = urls[name] + ("/v1" if provider in {"openai", "deepseek"} else "")
        key = 'api_key_env = "DEMO_KEY"' if provider != "ollama" else ""
        parts.append(MODEL.format(name=name, provider=provider, base_url=base_url, key=key, others=others))
    return "".join(parts)


async def _ready(url: str, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(STARTS_WITHIN_S):
        while process.returncode is None:
            try:
                if (await http.get(f"{url}/health/ready")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    sys.exit("the gateway did not start:\n" + (folder / "gateway.log").read_text("utf-8", "replace")[-4_000:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
