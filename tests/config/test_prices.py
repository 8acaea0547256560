from __future__ import annotations

import subprocess
import sys
import timeit
from datetime import UTC, datetime

import pytest
from genai_prices import Usage as ListUsage
from genai_prices import calc_price

from config.loader import shipped_models
from config.prices import FREE, Pricing, cost_of, list_prices
from config.types import Cost, Usage

OFF_PEAK = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PEAK = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
USAGE = Usage(input_tokens=10_000, output_tokens=1_000, cached_tokens=3_000, cache_write_tokens=2_000)


@pytest.mark.parametrize(
    ("provider", "list_name", "model"),
    [
        ("anthropic", "anthropic", "claude-sonnet-5-5"),
        ("anthropic", "anthropic", "claude-sonnet-4-5-20250929"),
        ("openai", "openai", "gpt-6.1-terra"),
        ("openai", "openai", "gpt-4o-mini"),
        ("deepseek", "deepseek", "deepseek-flash"),
        ("gemini", "google", "gemini-2.5-pro"),
        ("groq", "groq", "llama-3.3-70b-versatile"),
        ("xai", "x-ai", "grok-4.7"),
    ],
)
@pytest.mark.parametrize("input_tokens", [10_000, 150_000, 300_000])
@pytest.mark.parametrize("moment", [OFF_PEAK, PEAK])
def test_cost_is_what_the_price_list_computes(provider, list_name, model, input_tokens, moment):
    """Our quick path agrees with the list's own slow arithmetic, tiers, caches and hours included."""
    usage = Usage(input_tokens=input_tokens, output_tokens=1_000, cached_tokens=3_000)
    listed = calc_price(
        ListUsage(input_tokens=input_tokens, output_tokens=1_000, cache_read_tokens=3_000),
        model,
        provider_id=list_name,
        genai_request_timestamp=moment,
    )

    cost = cost_of(usage, provider=provider, upstream_model=model, now=lambda: moment)

    assert float(listed.total_price) == pytest.approx(cost.usd, rel=1e-12)
    assert "upstream" == cost.source


def test_cached_and_cache_writing_tokens_are_priced_apart():
    """Claude's cache reads cost a twentieth and its writes a quarter more than other input."""
    cost = cost_of(USAGE, provider="anthropic", upstream_model="claude-sonnet-5-5", now=lambda: OFF_PEAK)

    assert (5_000 * 2 + 3_000 * 0.1 + 2_000 * 2.5 + 1_000 * 10) / 1e6 == pytest.approx(cost.usd)


def test_peak_hours_cost_more_where_the_provider_says_so():
    """DeepSeek's price depends on the hour, so a price is not kept for ever."""
    cheap, dear = (
        cost_of(USAGE, provider="deepseek", upstream_model="deepseek-flash", now=lambda at=at: at).usd
        for at in (OFF_PEAK, PEAK)
    )

    assert cheap * 2 == pytest.approx(dear)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("qwen", "qwen-max"),
        ("no-such-provider", "gpt-4o"),
        ("openai_compatible", "gpt-4o"),
    ],
)
def test_unknown_price_is_not_free(provider, model):
    """A model nobody has a price for costs an unknown amount, never 0."""
    assert Cost(None, "unknown") == cost_of(USAGE, provider=provider, upstream_model=model)
    assert list_prices(provider, model) is None


@pytest.mark.parametrize("provider", ["ollama", "vllm", "llamacpp", "lmstudio", "extractive"])
def test_models_on_own_machines_are_known_to_cost_nothing(provider):
    """Local is free, and known to be."""
    assert Cost(0.0, "upstream") == cost_of(USAGE, provider=provider, upstream_model="anything")


def test_own_price_comes_before_the_list():
    """What the operator negotiated is what is charged; cached input costs like other input unless said."""
    own = Pricing(input_usd_per_mtok=1.0, output_usd_per_mtok=2.0)
    with_cache = Pricing(input_usd_per_mtok=1.0, output_usd_per_mtok=2.0, cached_usd_per_mtok=0.5)

    assert 0.012 == pytest.approx(cost_of(USAGE, provider="openai", upstream_model="gpt-4o", overrides=own).usd)
    assert 0.0105 == pytest.approx(cost_of(USAGE, provider="x", upstream_model="y", overrides=with_cache).usd)
    assert 0.0 == cost_of(USAGE, provider="openai", upstream_model="gpt-4o", overrides=FREE).usd


def test_counted_usage_makes_an_estimate():
    """A cost of tokens that we counted ourselves says so."""
    counted = Usage(1_000, 10, source="estimated")

    assert "estimated" == cost_of(counted, provider="openai", upstream_model="gpt-4o").source
    assert "unknown" == cost_of(counted, provider="openai", upstream_model="nope").source


def test_more_cached_than_input_tokens_never_cost_less_than_nothing():
    """A provider that miscounts does not make a negative bill."""
    odd = Usage(input_tokens=100, output_tokens=0, cached_tokens=500, cache_write_tokens=500)

    assert 0 < cost_of(odd, provider="anthropic", upstream_model="claude-sonnet-5-5").usd < 1e-4


def test_every_shipped_remote_model_has_a_price():
    """A name we ship is one the list knows."""
    unknown = [
        each.upstream_model
        for model in shipped_models()
        for each in model.deployments
        if list_prices(each.provider, each.upstream_model) is None
    ]

    assert [] == unknown


def test_a_warm_look_up_takes_less_than_20_microseconds():
    """Pricing an attempt costs the request nothing."""

    def price():
        cost_of(USAGE, provider="anthropic", upstream_model="claude-sonnet-5-5")

    price()

    assert min(timeit.repeat(price, number=500, repeat=5)) / 500 < 20e-6


def test_importing_prices_does_not_load_the_list():
    """The list takes a fifth of a second to load; who does not need it does not wait for it."""
    code = "import sys, config.prices; sys.exit('genai_prices' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
