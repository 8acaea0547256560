"""The things that are compared: a mock upstream, the wire without a gateway, nginx, this gateway, LiteLLM."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

N_EVENTS = 64
"""Content events in the mock's unpaced stream."""
PLAIN = (
    '{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,'
    '"message":{"role":"assistant","content":"The gateway relays this answer without changing a byte of it, and books '
    'what it cost.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":24,'
    '"completion_tokens":18,"total_tokens":42,"prompt_tokens_details":{"cached_tokens":0}}}'
)


@dataclass(frozen=True)
class Target:
    """Something that answers `POST {url}/v1/chat/completions`."""

    name: str
    url: str
    model: str
    pid: int | None
    """Process whose CPU and memory are read; `None` for the wire without a gateway."""
    ready_s: float = 0.0


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stream_body() -> str:
    """Return the mock's whole unpaced stream."""
    head = '{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench",'
    events = [head + '"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}']
    events += [
        head + f'"choices":[{{"index":0,"delta":{{"content":"word{n} "}},"finish_reason":null}}]}}'
        for n in range(N_EVENTS)
    ]
    events.append(head + '"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')
    events.append(head + '"choices":[],"usage":{"prompt_tokens":24,"completion_tokens":64,"total_tokens":88}}')
    return "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"])


NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 10000000; keepalive_timeout 300s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {blocks}
}}
"""
MOCK_BLOCK = """
  server {{ listen 127.0.0.1:{port}; root {folder}/files;
    location /plain/ {{ default_type application/json; error_page 405 =200 $uri; }}
    location /stream/ {{ default_type text/event-stream; error_page 405 =200 $uri; }}
  }}
"""
PROXY_BLOCK = """
  upstream mock {{ server 127.0.0.1:{mock}; keepalive 256; }}
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
"""


@contextmanager
def nginx(folder: Path, blocks: str) -> Generator[int]:
    """Run one nginx worker with these server blocks; yields the worker's pid."""
    folder.mkdir(parents=True)
    conf = folder / "nginx.conf"
    conf.write_text(NGINX.format(folder=folder, blocks=blocks))
    with process([require("nginx"), "-p", str(folder), "-c", str(conf)], folder / "out.log") as pid:
        time.sleep(0.3)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        yield int(children[0]) if children else pid


@contextmanager
def mock_upstream(folder: Path) -> Generator[int]:
    """Serve the static answers; yields the port."""
    port = free_port()
    for name, body in (("plain", PLAIN), ("stream", stream_body())):
        path = folder / "files" / name / "v1" / "chat"
        path.mkdir(parents=True)
        (path / "completions").write_text(body)  # nginx serves a file on POST by way of its own 405 page
    with nginx(folder / "mock", MOCK_BLOCK.format(port=port, folder=folder)):
        yield port


@contextmanager
def process(command: list[str], log: Path, env: dict[str, str] | None = None) -> Generator[int]:
    """Run a process for the length of the block; ended by SIGTERM, then SIGKILL."""
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        try:
            yield child.pid
        finally:
            child.terminate()
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def wait_until_up(url: str, limit_s: float = 90.0) -> float:
    """Return the seconds until `url` answers anything. Raises `TimeoutError`."""
    started = time.monotonic()
    while time.monotonic() - started < limit_s:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return time.monotonic() - started
        except urllib.error.HTTPError:
            return time.monotonic() - started
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"{url} did not answer within {limit_s} s")


THALAMUS = """
[server]
port = {port}
[routing]
shipped_models = false
[health]
find_ollama = false
{models}
"""
MODEL = """
[[model]]
name = "{name}"
  [[model.deployment]]
  provider = "vllm"
  base_url = "{base_url}"
  upstream_model = "bench"
"""


LIBRARY = """
[retrieval]
library = "{folder}"
"""
DOCUMENT = """# Relaying

## What does a gateway do with an answer that it relays from a provider?
A gateway relays an answer from a provider byte for byte, counts its tokens, prices them and books the request. What it
does with an answer that breaks off is to say so in the stream; it never invents a finish.
"""
"""Holds the answer to the question of the load, so that a passage is placed in every request."""


@contextmanager
def thalamus(folder: Path, base_urls: dict[str, str], *, documents: int = 0) -> Generator[tuple[str, int, float]]:
    """Run this gateway with one model per base URL; yields its URL, pid and the seconds until it was ready.

    With `documents` it has a library of so many: one that holds the answer to the load's question, and others.
    """
    folder.mkdir(parents=True)
    port = free_port()
    models = "".join(MODEL.format(name=name, base_url=url) for name, url in base_urls.items())
    config = folder / "thalamus.toml"
    config.write_text(THALAMUS.format(port=port, models=models))
    if documents:
        library = folder / "library"
        library.mkdir()
        (library / "relaying.md").write_text(DOCUMENT)
        for n in range(1, documents):
            (library / f"{n}.md").write_text(
                f"# Item {n}\n\nItem {n} weighs {n * 7 % 90} kg and stands on shelf {n % 13}.\n"
            )
        config.write_text(config.read_text() + LIBRARY.format(folder=library))
    command = [str(Path(sys.executable).parent / "thalamus"), "serve", "--config", str(config)]
    with process(command, folder / "out.log") as pid:
        ready = wait_until_up(f"http://127.0.0.1:{port}/health/ready")
        yield f"http://127.0.0.1:{port}", pid, ready


LITELLM = """
model_list:
{models}
litellm_settings: {{telemetry: false}}
"""


@contextmanager
def litellm(folder: Path, base_urls: dict[str, str], binary: str) -> Generator[tuple[str, int, float]]:
    """Run a LiteLLM proxy, one worker, without key check and database."""
    folder.mkdir(parents=True)
    port = free_port()
    row = "  - {{model_name: {name}, litellm_params: {{model: openai/bench, api_base: '{url}', api_key: none}}}}"
    config = folder / "litellm.yaml"
    config.write_text(LITELLM.format(models="\n".join(row.format(name=n, url=u) for n, u in base_urls.items())))
    env = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        "LITELLM_LOG": "ERROR",
    }
    command = [binary, "--config", str(config), "--port", str(port), "--host", "127.0.0.1", "--num_workers", "1"]
    with process(command, folder / "out.log", env) as pid:
        ready = wait_until_up(f"http://127.0.0.1:{port}/health/liveliness")
        yield f"http://127.0.0.1:{port}", pid, ready


def require(tool: str) -> str:
    """Return the tool's path. Exits with the package to install when it is missing."""
    found = shutil.which(tool)
    if found is None:
        sys.exit(f"{tool} is missing: apt-get install {tool}")
    return found


def litellm_binary() -> str | None:
    """Return the LiteLLM command to compare with, from `THALAMUS_BENCH_LITELLM` or the path."""
    return os.environ.get("THALAMUS_BENCH_LITELLM") or shutil.which("litellm")
