"""Fixtures over scripted upstreams: `pytest_plugins = ("tests.upstream_fixtures",)` gives them to a test file."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from router.providers.scripted import ScriptedUpstream, scripted_upstream
from tests.upstreams import replying

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable


@pytest.fixture
async def upstream() -> AsyncGenerator[ScriptedUpstream, None]:
    """An upstream without a script: it echoes, with usage."""
    async with scripted_upstream() as running:
        yield running


@pytest.fixture
async def start_upstream() -> AsyncGenerator[Callable[..., Awaitable[ScriptedUpstream]], None]:
    """Call what this gives with replies to start an upstream; all of them are stopped at the end."""
    running: list[ScriptedUpstream] = []

    async def start(*replies: dict[str, object], **script: object) -> ScriptedUpstream:
        one = ScriptedUpstream(replying(*replies, **script))
        await one.start()
        running.append(one)
        return one

    yield start
    for one in running:
        await one.stop()


@pytest.fixture
def closed_port_url() -> str:
    """A loopback URL at which nobody listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
