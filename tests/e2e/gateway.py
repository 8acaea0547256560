"""Runs the real application under uvicorn on a loopback port, with scripted upstreams behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
import openai

from config.loader import load_settings, reload
from config.settings import Settings
from config.types import Json
from proxy.app import create_app
from proxy.house import House
from proxy.server import GatewayServer, uvicorn_config
from router.providers.scripted import RecordedRequest, ScriptedUpstream

HEAD = """
[server]
port = 0
[routing]
shipped_models = false
[health]
find_ollama = false
probe_timeout_s = 20
"""
MODEL = """
[[model]]
name = "{name}"
{extra}
  [[model.deployment]]
  provider = "{provider}"
  base_url = "{base_url}"
  upstream_model = "{upstream_model}"
  weight = {weight}
"""


@dataclass
class Gateway:
    """A running gateway."""

    url: str
    house: House
    http: httpx.AsyncClient
    sdk: openai.AsyncOpenAI
    """The official client; its key is made up and it does not retry."""

    @property
    def v1(self) -> str:
        """Base URL for SDKs."""
        return f"{self.url}/v1"

    async def chat(self, **body: object) -> httpx.Response:
        """Ask the main door."""
        return await self.http.post("/v1/chat/completions", json={"model": "m", "messages": user("hi"), **body})

    async def decision(self, response: httpx.Response) -> Json:
        """Return the booked decision of a response."""
        found = await self.http.get(f"/v1/decisions/{response.headers['x-thalamus-decision-id']}")
        assert 200 == found.status_code, found.text
        return cast("Json", found.json())


def user(text: str) -> list[dict[str, str]]:
    """Return a conversation of one user turn."""
    return [{"role": "user", "content": text}]


def model(
    name: str,
    base_url: str,
    *,
    provider: str = "vllm",
    upstream_model: str = "scripted",
    weight: float = 1,
    extra: str = "",
) -> str:
    """Return the TOML of a model with one deployment."""
    return MODEL.format(
        name=name, base_url=base_url, provider=provider, upstream_model=upstream_model, weight=weight, extra=extra
    )


def asked(upstream: ScriptedUpstream) -> list[RecordedRequest]:
    """Return the questions; the rest are probes for the list of models."""
    return [request for request in upstream.requests if request.method == "POST"]


@asynccontextmanager
async def running_gateway(
    folder: Path, *toml: str, env: dict[str, str] | None = None, head: str = HEAD
) -> AsyncGenerator[Gateway, None]:
    """Serve these settings until the block ends."""
    env = {"ANTHROPIC_API_KEY": "sk-ant-made-up"} if env is None else env
    config_file = folder / "thalamus.toml"
    config_file.write_text(head + "".join(toml), encoding="utf-8")

    def read(running: Settings) -> tuple[Settings, tuple[str, ...]]:
        return reload(config_file, env, running)

    settings = load_settings(config_file, env)
    app = create_app(settings, read_settings=read)
    server = GatewayServer(uvicorn_config(settings, app), app.state.house)
    async with AsyncExitStack() as stack:
        task = asyncio.create_task(server.serve())
        stack.push_async_callback(_stop, server, task)
        while not server.started:
            assert not task.done(), "the server ended before it began"
            await asyncio.sleep(0.01)
        url = server.base_url()
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=20))
        sdk = await stack.enter_async_context(openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0))
        yield Gateway(url, app.state.house, http, sdk)


async def _stop(server: GatewayServer, task: asyncio.Task[None]) -> None:
    server.should_exit = True
    await task
