"""The real gateway before the demo's upstreams, as a process of its own, and the door to its dashboard."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

import retrieval
from tests.demo.day import UPSTREAMS
from tests.demo.street import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

HEAD: Final = """
[server]
port = {port}
require_key = "never"
[routing]
shipped_models = false
[[routing.rules]]
name = "contracts go to the careful one"
pattern = "contract|合同"
kind = "regex"
model = "claude"
[learning]
mode = "{learning}"
[retrieval]
library = "{library}"
[experiment]
holdout = 0.2
[storage]
store_bodies = true
[health]
find_ollama = false
[timeouts]
connect_s = {connect_s}
first_content_s = {first_content_s}
idle_s = 5
total_s = {total_s}
"""
MODEL: Final = """
[[model]]
name = "{name}"
description = "{description}"
fallbacks = {others}
  [[model.deployment]]
  provider = "{provider}"
  base_url = "{base_url}"
  upstream_model = "{name}-1"
  {key}
    [model.deployment.price]
    input_usd_per_mtok = {input}
    output_usd_per_mtok = {output}
    source_date = 2026-11-21
    [model.deployment.timeouts]
    total_s = {deployment_s}
"""
BRISK: Final = {"connect_s": 1, "first_content_s": 2.5, "total_s": 20, "deployment_s": 4}
"""So short that a bad day shows what failing over is worth."""
PATIENT: Final = {"connect_s": 30, "first_content_s": 60, "total_s": 120, "deployment_s": 60}
"""Where nobody is in trouble, and the machine may be busy."""
DESCRIPTIONS: Final = {
    "claude": "slow and good", "gpt": "good, and fails at times", "deepseek": "fast and poor", "local": "costs nothing",
}  # fmt: skip
PRICES: Final = {"claude": (3.0, 15.0), "gpt": (1.25, 10.0), "deepseek": (0.28, 0.42), "local": (0.0, 0.0)}
"""Of input and output, made up like the models."""
EXAMPLES: Final = Path(retrieval.__file__).parent / "examples"
STARTS_WITHIN_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway that answers, and who may log in to its dashboard."""

    url: str
    name: str
    password: str

    @property
    def dashboard(self) -> str:
        """Return the dashboard's address."""
        return f"{self.url}/dashboard"


@asynccontextmanager
async def serving(
    folder: Path, urls: Mapping[str, str], *, learning: str = "live", port: int = 0, patient: bool = False
) -> AsyncGenerator[Served, None]:
    """Run `thalamus serve` for the length of the block, on a free port where `port` is 0.

    A `patient` one gives up on nobody who is merely slow.
    """
    port = port or _free_port()
    config = folder / "thalamus.toml"
    config.write_text(_settings(port, urls, learning, PATIENT if patient else BRISK), encoding="utf-8")
    thalamus = str(Path(sys.executable).parent / "thalamus")
    made = await _password(thalamus, config)
    with (folder / "gateway.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            thalamus, "serve", "--config", str(config), env=_environment(), stdout=log, stderr=log
        )
        try:
            url = f"http://127.0.0.1:{port}"
            await _ready(url, process, folder)
            yield Served(url, made["name"], made["password"])
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _password(thalamus: str, config: Path) -> Mapping[str, str]:
    """Make the dashboard's first user, by the command that an operator would give."""
    process = await asyncio.create_subprocess_exec(
        thalamus, "dashboard", "password", "--config", str(config), "--json", env=_environment(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, complaint = await process.communicate()
    if process.returncode:
        sys.exit(f"no password for the dashboard:\n{complaint.decode('utf-8', 'replace')[-4_000:]}")
    return json.loads(said)


def _environment() -> Mapping[str, str]:
    """Return ours without what would make another gateway of it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("THALAMUS_")}
    return {**kept, "DEMO_KEY": "sk-demo"}


def _settings(port: int, urls: Mapping[str, str], learning: str, limits: Mapping[str, float]) -> str:
    parts = [HEAD.format(port=port, learning=learning, library=EXAMPLES.as_posix(), **limits)]
    for name, provider in PROVIDERS.items():
        usd_in, usd_out = PRICES[name]
        parts.append(
            MODEL.format(
                name=name,
                description=DESCRIPTIONS[name],
                provider=provider,
                base_url=urls[name] + ("/v1" if provider in {"openai", "deepseek"} else ""),
                key='api_key_env = "DEMO_KEY"' if provider != "ollama" else "",
                others=[other for other in UPSTREAMS if other != name],
                input=usd_in,
                output=usd_out,
                **limits,
            )
        )
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
