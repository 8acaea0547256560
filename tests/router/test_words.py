"""A `TextGenerator` over scripted upstreams, through the real dispatcher and wire."""

from __future__ import annotations

import pytest

from config.errors import UpstreamError
from config.prices import Pricing
from config.settings import Timeouts
from router.attempt import Candidate
from router.dispatch import Dispatcher
from router.providers.base import Target
from router.providers.openai_compatible import OpenAICompatibleProvider
from router.reasoning_store import ReasoningStore
from router.snapshot import Deployment
from router.transport import AiohttpTransport
from router.words import Words, candidate_of

pytest_plugins = ("tests.upstream_fixtures",)
MESSAGES = ({"role": "system", "content": "be brief"}, {"role": "user", "content": "say it"})


@pytest.fixture
async def ended():
    """The attempts whose end was told."""
    return []


@pytest.fixture
async def words_over(ended):
    """Call what this gives with base URLs; each is a candidate of the model `m`."""
    transport = AiohttpTransport()

    class Watch:
        def attempt_began(self, attempt):
            pass

        def attempt_ended(self, attempt):
            ended.append((attempt.candidate.target.deployment, attempt.status, attempt.note))

    def over(*urls, pricing=None):
        found = [
            Candidate("m", Target(f"m/{at}", "vllm", url, "scripted"), "openai", Timeouts(), pricing)
            for at, url in enumerate(urls)
        ]
        dispatcher = Dispatcher({"openai": OpenAICompatibleProvider(ReasoningStore())}, transport, observers=(Watch(),))
        return Words(dispatcher, {"m": found}.__getitem__)

    yield over
    await transport.aclose()


async def test_a_text_comes_back_and_what_it_cost_is_added_up(words_over, start_upstream, ended) -> None:
    """Tokens as the upstream tells them, money by the deployment's own price."""
    one = await start_upstream({"text": "well", "usage": {"input": 10, "output": 5}})
    words = words_over(f"{one.url}/v1", pricing=Pricing(1.0, 2.0))
    said = [await words.generate(MESSAGES, model="m", timeout_s=5) for _ in range(2)]

    assert ["well", "well"] == said
    assert [("m/0", 200, None)] * 2 == ended
    assert (2, 20, 10, 0, 0) == (
        words.spent.n_answers,
        words.spent.input_tokens,
        words.spent.output_tokens,
        words.spent.n_estimated,
        words.spent.n_unpriced,
    )
    assert 40e-6 == pytest.approx(words.spent.usd)


async def test_tokens_that_nobody_told_are_counted_and_unknown_prices_said(words_over, start_upstream) -> None:
    """Unknown is not free."""
    one = await start_upstream({"text": "a few words", "quirks": ["usage_never"]})
    words = words_over(f"{one.url}/v1", pricing=Pricing())
    pieces = [piece async for piece in words.stream(MESSAGES, model="m", timeout_s=5)]

    assert "a few words" == "".join(pieces)
    assert (1, 1, 1) == (words.spent.n_answers, words.spent.n_estimated, words.spent.n_unpriced)
    assert words.spent.input_tokens > 5


async def test_the_next_candidate_is_asked_where_one_fails(words_over, start_upstream, ended) -> None:
    """Failing over, and the last failure where nobody answers."""
    bad, good = await start_upstream({"status": 500}), await start_upstream({"text": "well"})

    assert "well" == await words_over(f"{bad.url}/v1", f"{good.url}/v1").generate(MESSAGES, model="m", timeout_s=5)
    with pytest.raises(UpstreamError):
        await words_over(f"{bad.url}/v1").generate(MESSAGES, model="m", timeout_s=5)
    assert [500, 200, 500] == [status for _, status, _ in ended]


async def test_nobody_to_ask_is_an_error() -> None:
    """A model without candidates is not waited for."""
    words = Words(Dispatcher({}, AiohttpTransport()), lambda _: ())
    with pytest.raises(UpstreamError, match="Nobody answered"):
        await words.generate(MESSAGES, model="m", timeout_s=5)


async def test_a_stream_that_breaks_or_is_left_ends_its_attempt(words_over, start_upstream, ended) -> None:
    """Neither is paid for here, and both are told to the observers."""
    cut = await start_upstream({"text": "one two three four", "fault": "cut_mid_stream"})
    words = words_over(f"{cut.url}/v1")
    with pytest.raises(UpstreamError):
        async for _ in words.stream(MESSAGES, model="m", timeout_s=5):
            pass
    whole = await start_upstream({"chunks": ["one ", "two ", "three"]})
    words = words_over(f"{whole.url}/v1")
    pieces = words.stream(MESSAGES, model="m", timeout_s=5)
    await anext(pieces)
    await pieces.aclose()

    assert 2 == len(ended)
    assert 200 != ended[0][1]
    assert "the caller left" == ended[1][2]


def test_a_deployment_is_a_candidate() -> None:
    """With its own price and limits."""
    target = Target("m/x", "x", "http://127.0.0.1", "u")
    deployment = Deployment("m/x", target, "openai", Timeouts(), 1.0, 0, "live", Pricing(1.0, 1.0))

    assert Candidate("m", target, "openai", Timeouts(), Pricing(1.0, 1.0)) == candidate_of("m", deployment)
