"""One gateway with a model per cell: its faulty upstream, and beside it a sound one or one that failed before."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from router.providers.scripted import Reply, Script, ScriptedUpstream, UsageSpec, scripted_upstream
from tests.e2e.gateway import HEAD, Gateway, running_gateway, user
from tests.faults.cells import Cell
from tests.faults.dialects import WORDS, response
from tests.faults.server import FaultServer
from tests.router.test_transport import SELF_SIGNED
from tests.upstreams import raw_request

CANARY = "sk-canary-of-the-fault-suite"
"""Every upstream key begins with it; it may be seen nowhere."""
SOUND_TEXT = "a sound answer"
BREAKER = """
[breaker]
min_retries = 1_000_000
"""
PROVIDERS = """
[[provider]]
name = "faulty-openai"
[[provider]]
name = "faulty-anthropic"
dialect = "anthropic"
auth = "x-api-key"
[[provider]]
name = "faulty-ollama"
dialect = "ollama"
[[provider]]
name = "sound"
[[provider]]
name = "before"
"""
MODEL = """
[[model]]
name = "{name}"
{deployments}
"""
DEPLOYMENT = """
  [[model.deployment]]
  provider = "{provider}"
  base_url = "{base_url}"
  upstream_model = "{provider}"
  priority = {priority}
  api_key_env = "{key}"
  {more}
"""
REFUSED = response(503, WORDS["openai"].error("Out of order.", "server_error"))


@dataclass(frozen=True, slots=True)
class Street:
    """The gateway and the servers behind it."""

    gateway: Gateway
    faulty: dict[str, FaultServer]
    """By the cell's id, which is also the model's name."""
    sound: ScriptedUpstream


@asynccontextmanager
async def open_street(
    folder: Path, cells: Iterable[Cell], *, head: str = HEAD + BREAKER
) -> AsyncGenerator[Street, None]:
    """Start everything these cells need."""
    sound_script = Script((Reply(text=SOUND_TEXT, usage=UsageSpec(input=9, output=3)),))
    async with AsyncExitStack() as stack:
        sound = await stack.enter_async_context(scripted_upstream(sound_script))
        faulty: dict[str, FaultServer] = {}
        env: dict[str, str] = {}
        models: list[str] = []
        for n, cell in enumerate(cells):
            env[f"KEY_{n}"] = f"{CANARY}-{n}"
            url = await _faulty_url(stack, cell, faulty, folder)
            deployments = [_faulty(cell, url, f"KEY_{n}")]
            if cell.place == "first":
                more = f"context_window = {cell.fault.other_window}" if cell.fault.other_window else ""
                deployments.append(_other("sound", f"{sound.url}/v1", 9, f"KEY_{n}", more))
            elif cell.place == "last":
                before = await stack.enter_async_context(FaultServer(REFUSED))
                deployments.append(_other("before", f"{before.url}/v1", 1, f"KEY_{n}", ""))
            models.append(MODEL.format(name=cell.id, deployments="".join(deployments)))
        gateway = await stack.enter_async_context(running_gateway(folder, PROVIDERS, *models, env=env, head=head))
        yield Street(gateway, faulty, sound)


def question(cell: Cell) -> bytes:
    """Return the bytes of a request for the cell's model."""
    body = raw_request(model=cell.id, stream=cell.mode == "streamed", messages=user("hi"))
    return body.replace(b"host: double", b"host: 127.0.0.1", 1)


async def _faulty_url(stack: AsyncExitStack, cell: Cell, faulty: dict[str, FaultServer], folder: Path) -> str:
    if cell.fault.play == "closed port":
        return f"http://127.0.0.1:{_closed_port(stack)}"
    if cell.fault.play == "no address":
        return f"http://{cell.id}.invalid"
    tls = _self_signed(folder) if cell.fault.play == "untrusted" else None
    server = await stack.enter_async_context(FaultServer(*(cell.scripts or ((),)), tls=tls))
    faulty[cell.id] = server
    return server.url


def _faulty(cell: Cell, url: str, key: str) -> str:
    fault = cell.fault
    waits = f"first_content_s = {fault.patience_s}, idle_s = {fault.idle_s}, total_s = {fault.total_s}"
    more = f"timeouts = {{ {waits} }}"
    if fault.window:
        more += f"\n  context_window = {fault.window}"
    return _other(f"faulty-{cell.dialect}", url + WORDS[cell.dialect].path, 5, key, more)


def _other(provider: str, base_url: str, priority: int, key: str, more: str) -> str:
    return DEPLOYMENT.format(provider=provider, base_url=base_url, priority=priority, key=key, more=more)


def _closed_port(stack: AsyncExitStack) -> int:
    """Return a port that is bound, so that nobody gets it, and at which nobody listens."""
    held = stack.enter_context(socket.socket())
    held.bind(("127.0.0.1", 0))
    return held.getsockname()[1]


def _self_signed(folder: Path) -> ssl.SSLContext:
    path = folder / "self-signed.pem"
    path.write_text(SELF_SIGNED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
