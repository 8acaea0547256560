"""What no client should ever see, and what it sees instead; and the small ends that requests do not reach."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typing_extensions import override

from config.errors import InvalidRequestError
from config.settings import RetrievalSettings, RoutingSettings, ServerSettings, Settings
from proxy.app import create_app
from proxy.documents import Documents
from proxy.house import House
from proxy.server import GatewayServer, uvicorn_config
from router.providers.embeddings import EmbeddingsProvider
from router.providers.openai_compatible import OpenAICompatibleProvider
from router.providers.scripted import Reply, Script, scripted_upstream
from router.reasoning_store import ReasoningStore
from tests.e2e.gateway import model, running_gateway


class BrokenDocuments(Documents):
    """Documents with a bug."""

    @override
    def look_up(self, question: str, *_: object) -> None:
        """Fail as bugs do."""
        raise ZeroDivisionError(question)


async def test_a_bug_is_a_plain_500_and_the_next_request_works(tmp_path: Path) -> None:
    """No trace, no text of ours; the refusal is in the books."""
    async with (
        scripted_upstream(Script((Reply(text="hello"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        gateway.house.documents = BrokenDocuments(RetrievalSettings(), gateway.house.documents.library)
        broken = await gateway.chat(model="auto")
        booked = await gateway.decision(broken)
        after = await gateway.chat()

    assert (500, "internal_error") == (broken.status_code, broken.json()["error"]["code"])
    assert "ZeroDivision" not in broken.text
    assert ("refused", "internal_error") == (booked["status"], booked["error_code"])
    assert 200 == after.status_code


async def test_vectors_are_not_streamed() -> None:
    """The provider refuses by itself, whoever asks."""
    provider = EmbeddingsProvider(OpenAICompatibleProvider(ReasoningStore()))
    assert "openai" == provider.dialect

    with pytest.raises(InvalidRequestError) as caught:
        async for _ in provider.stream(None, None):  # type: ignore[arg-type]
            pass
    assert "stream" == caught.value.param


async def test_the_server_tells_where_it_listens(tmp_path: Path) -> None:
    """The command line prints the address that was really bound."""
    told: list[str] = []
    settings = Settings(
        server=ServerSettings(port=0), routing=RoutingSettings(shipped_models=False), state_dir=tmp_path
    )
    app = create_app(settings)

    def ready(url: str, house: House) -> None:
        told.append(url)
        assert house.ready
        server.should_exit = True

    server = GatewayServer(uvicorn_config(settings, app), app.state.house, on_ready=ready)
    async with asyncio.timeout(15):
        await server.serve()

    assert 1 == len(told)
    assert told[0].startswith("http://127.0.0.1:")
    assert not told[0].endswith(":0")
