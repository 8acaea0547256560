"""What commands share that ask models without a server: the dialects over one transport, and who may be asked."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from router.dispatch import Dispatcher
from router.providers.anthropic import AnthropicProvider
from router.providers.ollama import OllamaProvider
from router.providers.openai_compatible import OpenAICompatibleProvider
from router.reasoning_store import ReasoningStore
from router.transport import AiohttpTransport
from router.words import Words, candidate_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from router.attempt import Candidate
    from router.snapshot import Catalog


@asynccontextmanager
async def words_of(find: Callable[[str], Sequence[Candidate]]) -> AsyncGenerator[tuple[Words, AiohttpTransport]]:
    """Yield who asks the models that `find` gives by name, and the transport it uses; both end with the block."""
    transport, store = AiohttpTransport(), ReasoningStore()
    dispatcher = Dispatcher(
        {
            "openai": OpenAICompatibleProvider(store),
            "anthropic": AnthropicProvider(store),
            "ollama": OllamaProvider(store),
        },
        transport,
    )
    try:
        yield Words(dispatcher, find), transport
    finally:
        await transport.aclose()


def live_in(catalog: Catalog) -> Callable[[str], Sequence[Candidate]]:
    """Return what gives the live deployments of a model by its name. It raises `ModelNotFoundError`."""

    def find(name: str) -> Sequence[Candidate]:
        model = catalog.resolve(name)
        return [candidate_of(model.name, each) for each in model.deployments if each.live]

    return find
