"""Streamed and plain requests are resolved alike: the same candidates, deadlines and number of attempts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from litestar.types import HTTPScope

from config.judge_settings import JudgeSettings
from config.loader import load_settings
from config.settings import Settings
from proxy.app import create_app
from proxy.connection import Connection
from proxy.doors import ANTHROPIC, OPENAI, UNIFIED, Door
from proxy.house import House
from proxy.pipeline import handle
from router.answer import Answer
from router.attempt import AttemptLog, Candidate
from router.catalog import build_catalog
from router.dispatch import CandidatesExhaustedError, Dispatcher
from router.providers.base import ChatRequest

HEAD = """
[server]
require_key = "never"
[routing]
shipped_models = false
max_attempts = {max_attempts}
[timeouts]
total_s = {total_s}
[[provider]]
name = "p"
needs_key = false
[[provider]]
name = "q"
dialect = "anthropic"
needs_key = false
"""
DEPLOYMENT = st.fixed_dictionaries({
    "provider": st.sampled_from(["p", "q"]),
    "base_url": st.integers(1, 4).map("http://10.0.0.{}".format),
    "upstream_model": st.just("u"),
    "weight": st.sampled_from([0.5, 1.0, 3.0]),
    "priority": st.integers(0, 2),
    "timeouts": st.fixed_dictionaries(
        {},
        optional={
            name: st.integers(1, 99).map(float) for name in ("connect_s", "first_content_s", "idle_s", "total_s")
        },
    ),
})  # fmt: skip
MODELS = st.lists(st.lists(DEPLOYMENT, min_size=1, max_size=4), min_size=1, max_size=3)
ASKED = st.sampled_from(["auto", "m0"])
DOORS = st.sampled_from([OPENAI, ANTHROPIC, UNIFIED])


@dataclass
class Listening:
    """Stands for the dispatcher, and notes what it is given."""

    given: list[tuple[tuple[Candidate, ...], float, int]] = field(default_factory=list)

    async def run(
        self,
        request: ChatRequest,
        candidates: Iterable[Candidate],
        *,
        log: AttemptLog,
        deadline: float,
        max_attempts: int,
    ) -> Answer:
        del request, log
        left_s = deadline - asyncio.get_running_loop().time()
        self.given.append((tuple(candidates), left_s, max_attempts))
        raise CandidatesExhaustedError("this test wants no answer")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """The wired product, without a server."""
    built = cast("House", create_app(Settings(state_dir=tmp_path, judge=JudgeSettings(mode="never"))).state.house)
    yield built
    asyncio.run(built.writer.aclose(0))


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    models=MODELS,
    asked=ASKED,
    door=DOORS,
    max_attempts=st.integers(1, 6),
    total_s=st.integers(5, 900),
    seed=st.integers(),
)
def test_the_same_settings_serve_streamed_and_plain(
    house: House,
    tmp_path: Path,
    models: list[list[dict[str, Any]]],
    asked: str,
    door: Door,
    max_attempts: int,
    total_s: int,
    seed: int,
) -> None:
    """Whatever is configured, both kinds of request get the same candidates in the same order, and as much time."""
    file = tmp_path / "thalamus.toml"
    file.write_text(HEAD.format(max_attempts=max_attempts, total_s=float(total_s)) + _toml(models), encoding="utf-8")
    house.settings = load_settings(file, {})
    house.catalog = build_catalog(house.settings)
    listening = Listening()
    house.dispatcher = cast("Dispatcher", listening)
    for stream in (True, False):
        house.rng = Random(seed)
        asyncio.run(_ask(house, door, asked, stream=stream))
    (streamed, streamed_s, n_streamed), (plain, plain_s, n_plain) = listening.given

    assert streamed == plain
    assert [each.timeouts for each in streamed] == [each.timeouts for each in plain]
    assert max_attempts == n_streamed == n_plain
    assert float(total_s) == pytest.approx(streamed_s, abs=1.0)
    assert float(total_s) == pytest.approx(plain_s, abs=1.0)


async def _ask(house: House, door: Door, asked: str, *, stream: bool) -> None:
    body = {"model": asked, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "stream": stream}
    messages = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        return await asyncio.get_running_loop().create_future()

    async def send(message: MutableMapping[str, Any]) -> None:
        assert message.get("status", 503) == 503

    headers = [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "client": None, "query_string": b""}
    await handle(house, door, Connection(cast("HTTPScope", scope), receive, cast("Any", send)))


def _toml(models: list[list[dict[str, Any]]]) -> str:
    lines: list[str] = []
    for n, deployments in enumerate(models):
        fallbacks = [f"m{other}" for other in range(len(models)) if other != n]
        lines += ["[[model]]", f'name = "m{n}"', f"fallbacks = {json.dumps(fallbacks)}"]
        for each in deployments:
            lines.append("  [[model.deployment]]")
            lines += [f"  {name} = {json.dumps(value)}" for name, value in each.items() if name != "timeouts"]
            waits = ", ".join(f"{name} = {value}" for name, value in each["timeouts"].items())
            lines.append(f"  timeouts = {{ {waits} }}")
    return "\n".join([*lines, ""])
