"""`make demo`: scripted upstreams, one gateway in front of them, and a small tour of what it does."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from router.providers.scripted import Match, Reply, Script, UsageSpec, scripted_upstream

CONFIG = """
[server]
port = {port}
[routing]
shipped_models = false
[[routing.rules]]
pattern = "code|代码"
model = "careful"
kind = "regex"
[health]
find_ollama = false

[[model]]
name = "quick"
description = "fast and cheap"
fallbacks = ["careful"]
  [[model.deployment]]
  provider = "openai_compatible"
  base_url = "{quick}/v1"
  upstream_model = "quick-1"
  weight = 3
    [model.deployment.price]
    input_usd_per_mtok = 0.2
    output_usd_per_mtok = 0.8
    source_date = 2026-11-01

[[model]]
name = "careful"
description = "slower and better, speaks Anthropic's dialect"
  [[model.deployment]]
  provider = "anthropic"
  base_url = "{careful}"
  upstream_model = "careful-1"
  api_key_env = "DEMO_KEY"
    [model.deployment.price]
    input_usd_per_mtok = 3.0
    output_usd_per_mtok = 15.0
    source_date = 2026-11-01

[[model]]
name = "flaky"
description = "breaks before its first word"
fallbacks = ["local"]
  [[model.deployment]]
  provider = "openai_compatible"
  base_url = "{flaky}/v1"
  upstream_model = "flaky-1"

[[model]]
name = "local"
description = "an Ollama on this machine"
  [[model.deployment]]
  provider = "ollama"
  base_url = "{local}"
  upstream_model = "local-1"
"""
ASKED = [
    ("auto", "What is a reverse proxy?", "drawn by weight"),
    ("auto", "帮我看看这段代码", "a rule names the model"),
    ("careful", "Write a careful summary", "named; another dialect, same client"),
    ("flaky", "今天天气怎么样？", "breaks before the first word, fails over unseen"),
    ("flaky", "break in the middle", "breaks after it: an honest error"),
    ("nobody", "Hello", "an unknown name"),
]
console = Console()


async def main() -> None:
    """Start everything, ask, and show what the books say."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="thalamus-demo-")))
        url = await start(stack, folder)
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30))
        table = Table("asked for", "question", "answer", "served by", "attempts", "cost USD", "what it shows")
        for model, question, shows in ASKED:
            answer, decision = await ask(http, model, question)
            attempts = "\n".join(
                f"{each['deployment']}: {each['failure_class'] or 'ok'}" for each in decision.get("attempts", [])
            )
            served = decision.get("served_model") or "nobody"
            table.add_row(model, question, escape(answer), served, attempts, cost_of(decision), shows)
        console.print(table)
        health = (await http.get("/health")).json()
        console.print(f"health: [bold]{health['status']}[/], database: {health['components']['database']['status']}")


async def ask(http: httpx.AsyncClient, model: str, question: str) -> tuple[str, dict[str, Any]]:
    """Ask one streamed question, printing it as it comes; return the answer and the booked decision."""
    console.print(f"[bold]{model}[/] ← {question}")
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": question}]}
    said: list[str] = []
    async with http.stream("POST", "/v1/chat/completions", json=body) as response:
        decision_id = response.headers["x-thalamus-decision-id"]
        if response.is_error:
            await response.aread()
            said.append(f"[{response.status_code}] {response.json()['error']['message']}")
        else:
            said.extend([text_of(line) async for line in response.aiter_lines()])
    console.print("  " + escape("".join(said)), style="dim")
    found = await http.get(f"/v1/decisions/{decision_id}")
    return "".join(said), found.json() if found.is_success else {}


def cost_of(decision: dict[str, Any]) -> str:
    """Return what the answer cost, or that its price is unknown."""
    costs = [each["cost_usd"] for each in decision.get("attempts", []) if each["committed"]]
    if not costs:
        return "-"
    return "unknown" if None in costs else f"{sum(costs):.6f}"


def text_of(line: str) -> str:
    """Return what one line of the stream says."""
    if not line.startswith("data: {"):
        return ""
    event = json.loads(line[6:])
    if "error" in event:
        return f" [error in the stream: {event['error']['message']}]"
    return "".join(choice["delta"].get("content") or "" for choice in event["choices"])


async def start(stack: AsyncExitStack, folder: Path) -> str:
    """Start the upstreams and the gateway; return its base URL."""
    usage = UsageSpec(input=120, output=40)
    scripts = {
        "quick": Script((Reply(template="quick says: {last_user}", usage=usage, delay_chunk_s=0.01),)),
        "careful": Script((Reply(template="Carefully considered: {last_user}", usage=usage, delay_chunk_s=0.03),)),
        "flaky": Script(
            (
                Reply(match=Match(contains="middle"), text="I begin but ", fault="cut_mid_stream", after_chunks=3),
                Reply(fault="cut_before_content"),
            )
        ),
        "local": Script(
            (Reply(template="local says: {last_user}", usage=usage, delay_chunk_s=0.02),), models=("local-1",)
        ),
    }
    urls = {name: (await stack.enter_async_context(scripted_upstream(script))).url for name, script in scripts.items()}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "thalamus.toml"
    config.write_text(CONFIG.format(port=port, **urls), encoding="utf-8")
    command = [str(Path(sys.executable).parent / "thalamus"), "serve", "--config", str(config)]
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "DEMO_KEY": "demo"}, stdout=asyncio.subprocess.DEVNULL
    )

    async def stop() -> None:
        process.terminate()
        await process.wait()

    stack.push_async_callback(stop)
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient() as http:
        for _ in range(200):
            try:
                if (await http.get(f"{url}/health/ready")).is_success:
                    return url
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    sys.exit("the gateway did not start")


if __name__ == "__main__":
    asyncio.run(main())
