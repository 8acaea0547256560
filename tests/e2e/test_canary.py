"""Canary keys: whatever goes wrong upstream, no key stands afterwards in a log, a file, a page, a header or an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from router.providers.scripted import scripted_upstream
from tests.e2e.gateway import user
from tests.upstreams import replying

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

PROXY_KEY = "sk-thal-canaryProxy0123456789abcdefghijklmnopqrstu"
SHAPED = "sk-canary-provider-0123456789abcdef"
SHAPELESS = "canary!0a1b2c3d4e5f60718293a4b5c6d7e8f9.Sixteen1letters2"
"""A key that no pattern knows by its looks."""
COMMAND = [sys.executable, "-P", "-m", "proxy.cli"]
DIALECTS = {"vllm": "/v1", "anthropic": "", "ollama": ""}
DOORS = ("/v1/chat/completions", "/api/chat", "/api/claude")


def faults(key: str) -> dict[str, dict[str, object]]:
    """Return every way in which an upstream quotes the key it was sent."""
    said = f"Incorrect API key provided: {key}. You sent 'Authorization: Bearer {key}' (x-api-key={key})."
    error = {"message": said, "type": f"auth {key}", "code": key, "param": key, "status": key}
    return {
        "echo-401": {"status": 401, "body": {"error": error}},
        "echo-403": {"status": 403, "body": {"detail": said}},
        "echo-400": {"status": 400, "body": {"error": error, "request": {"headers": {"authorization": key}}}},
        "echo-404": {"status": 404, "body": {"error": f"no model for {key}"}},
        "echo-429": {"status": 429, "body": {"error": error}, "headers": {"retry-after": "1", "x-echo": key}},
        "nested-500": {"status": 500, "body": {"error": {"message": json.dumps({"error": error})}}},
        "html-500": {"status": 500, "body": f"<html><title>{said}</title><h1>{key}</h1><p>{said}</p></html>"},
        "text-502": {"status": 502, "body": said},
        "long-503": {"status": 503, "body": {"error": {"message": "x " * 900 + said * 50}}},
        "event": {"text": "a b c", "fault": "error_event", "body": {"error": error, "type": "error"}},
        "late-event": {"text": "a b c", "fault": "error_event", "after_chunks": 2,
                       "body": {"error": error, "type": "error"}},
        "json": {"fault": "json_instead_of_sse", "body": {"error": error}},
        "html": {"fault": "html_instead_of_sse", "body": f"<html><title>{said}</title></html>"},
        "redirect": {"status": 302, "body": "", "headers": {"location": f"http://{key.split(',', maxsplit=1)[0]}.example/"}},
        "headers": {"text": "ok", "status": 200, "headers": {"x-echo": key, "set-cookie": f"k={key}", "x-api-key": key,
                                                               "authorization": key, "server": key}},
        "broken": {"status": 200, "body": f'{{"choices": [{key}'},
        "cut": {"text": "a b c", "fault": "cut_mid_stream"},
        "reset": {"text": "a b c", "fault": "reset"},
        "refused": {"fault": "refuse"},
    }  # fmt: skip


def settings(url: str, names: list[str]) -> str:
    """Return one model per fault and dialect."""
    lines = ["[server]\nport = 0\n[routing]\nshipped_models = false\n[health]\nfind_ollama = false\n"]
    lines.append('[breaker]\nenabled = false\n[logging]\nlevel = "DEBUG"\nformat = "json"\n')
    for provider, path in DIALECTS.items():
        for name in names:
            lines.append(f'[[model]]\nname = "{provider}-{name}"\n  [[model.deployment]]\n  provider = "{provider}"')
            lines.append(f'  base_url = "{url}{path}"\n  upstream_model = "{name}"\n  api_key_env = "CANARY_KEY"')
    lines.append('[[model]]\nname = "closed"\n  [[model.deployment]]\n  provider = "vllm"')
    lines.append('  base_url = "http://127.0.0.1:9/v1"\n  upstream_model = "x"\n  api_key_env = "CANARY_KEY"')
    return "\n".join(lines)


@contextmanager
def serving(folder: Path, key: str) -> Generator[str]:
    """Run the real command with both keys in its environment; what it prints goes to files in `folder`."""
    env = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    env |= {"CANARY_KEY": key, "THALAMUS_API_KEY": PROXY_KEY}
    words = [*COMMAND, "serve", "--config", "thalamus.toml", "--json"]
    with (folder / "stderr.log").open("wb") as stderr:
        process = subprocess.Popen(words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=stderr)
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        assert line, (folder / "stderr.log").read_text()
        yield json.loads(line)["base_url"].removesuffix("/v1")
    finally:
        process.terminate()
        (folder / "stdout.log").write_bytes(line + process.stdout.read())
        process.stdout.close()
        process.wait(timeout=30)


def contents(folder: Path) -> dict[Path, bytes]:
    """Return every file that was written."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


async def shown(http: httpx.AsyncClient, models: list[str]) -> str:
    """Ask every model through every door, streamed and plain; return all that a client is ever shown."""
    texts: list[str] = []
    for n, model in enumerate(models):
        for stream in (False, True):
            door = DOORS[(n + stream) % len(DOORS)]
            body = {"model": model, "max_tokens": 50, "messages": user("hi"), "stream": stream}
            answer = await http.post(door, json=body, headers={"x-thalamus-router": "explain"})
            decision = await http.get(f"/v1/decisions/{answer.headers['x-thalamus-decision-id']}")
            assert 200 == decision.status_code, decision.text
            texts += [repr(answer.headers.raw), answer.text, decision.text]
    for path in ("/health", "/health/ready", "/metrics", "/v1/models", "/schema/openapi.json", "/nowhere"):
        answer = await http.get(path)
        texts += [repr(answer.headers.raw), answer.text]
    wrong = await http.get("/v1/models", headers={"authorization": f"Bearer {PROXY_KEY}x"})
    texts += [repr(wrong.headers.raw), wrong.text]
    return "\n".join(texts)


@pytest.mark.parametrize("key", [SHAPED, SHAPELESS], ids=["shaped", "shapeless"])
async def test_no_key_is_ever_seen(tmp_path: Path, key: str) -> None:
    """Nineteen faults in three dialects and three doors: zero sightings of either key, anywhere."""
    wanted = faults(key)
    script = replying(*({**reply, "match": {"model": name}} for name, reply in wanted.items()))
    async with scripted_upstream(script) as upstream:
        (tmp_path / "thalamus.toml").write_text(settings(upstream.url, [*wanted]))
        models = [*(f"{provider}-{name}" for provider in DIALECTS for name in wanted), "closed"]
        with serving(tmp_path, key) as url:
            bearer = {"authorization": f"Bearer {PROXY_KEY}"}
            async with httpx.AsyncClient(base_url=url, headers=bearer, timeout=20) as http:
                told = await shown(http, models)
        seen_upstream = repr([each.headers for each in upstream.requests])
    files = contents(tmp_path)
    sightings = {
        (str(where), secret)
        for secret in (key, PROXY_KEY, key[:-3], PROXY_KEY[:-3], key[-16:])
        for where, data in [("shown", told.encode()), *files.items()]
        if secret.encode() in data
    }

    assert set() == sightings
    assert key in seen_upstream  # the canary did fly
    assert PROXY_KEY not in seen_upstream
    assert b'"event"' in files[tmp_path / "stderr.log"]
    assert any(file.suffix == ".sqlite" for file in files)
