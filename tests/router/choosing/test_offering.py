"""What the catalogue offers: prices of who is asked first, and the usual wait."""

from __future__ import annotations

from datetime import date

import pytest

from config.errors import UpstreamError
from config.loader import shipped_providers
from config.model_settings import DeploymentSettings, ModelSettings, PriceOverride, Timeouts
from config.prices import list_prices
from config.settings import Settings
from router.attempt import Attempt, Candidate
from router.catalog import build_catalog
from router.choosing import offering
from router.choosing.offering import Waits, first_deployment, offers_of
from router.providers.base import Target
from router.snapshot import Catalog, Deployment
from tests.router.balancing import Clock


def price(usd: float) -> PriceOverride:
    return PriceOverride(usd, usd * 4, source_date=date(2026, 11, 21))


def catalog(*deployments: DeploymentSettings) -> Catalog:
    models = (ModelSettings("m", deployments, description="fast", domains=("code",)),)
    return build_catalog(Settings(providers=shipped_providers(), models=models), {"OPENAI_API_KEY": "sk-a"})


def looked_up(deployment: Deployment) -> object:
    return list_prices(deployment.target.provider, deployment.target.upstream_model, deployment.pricing)


def test_an_offer_has_the_price_of_who_is_asked_first() -> None:
    """The lowest group, in it the largest weight; drained and dead ones do not count."""
    found = catalog(
        DeploymentSettings("openai", "drained", weight=0, price=price(9)),
        DeploymentSettings("deepseek", "no-key", price=price(8)),
        DeploymentSettings("openai", "second", priority=1, weight=5, price=price(7)),
        DeploymentSettings("openai", "small", weight=1, price=price(3)),
        DeploymentSettings("openai", "large", weight=2, price=price(2)),
    )

    offers = offers_of(
        tuple(found.models.values()),
        weights={"m": 3.0},
        price=looked_up,  # type: ignore[arg-type]
        usual_ms=lambda _: 120.0,
    )

    assert [(each.model, each.description, each.domains) for each in offers] == [("m", "fast", ("code",))]
    assert [(each.input_usd, each.output_usd) for each in offers] == [(2, 8)]
    assert [(each.weight, each.latency_ms) for each in offers] == [(3.0, 120.0)]


def test_who_has_no_live_deployment_has_no_price() -> None:
    """Nobody is asked first then."""
    found = catalog(DeploymentSettings("deepseek", "no-key", price=price(8)))

    offers = offers_of(
        tuple(found.models.values()),
        weights={"m": 0.0},
        price=looked_up,
        usual_ms=lambda _: None,  # type: ignore[arg-type]
    )

    assert first_deployment(found.models["m"]) is None
    assert offers[0].input_usd is None


def answered(waits: Waits, model: str, after_s: float, *, failure: UpstreamError | None = None) -> None:
    clock = Clock()
    target = Target(f"{model}/x", "x", "http://a", model)
    attempt = Attempt(1, Candidate(model, target, "openai", Timeouts()), clock)
    waits.attempt_began(attempt)
    clock.now += after_s
    attempt.content_arrived()
    if failure is not None:
        attempt.fail(failure)
    waits.attempt_ended(attempt)


def test_the_usual_wait_forgets_slowly() -> None:
    """The first answer counts whole, each later one a tenth; failures say nothing."""
    waits = Waits()
    assert waits.usual_ms("m") is None
    answered(waits, "m", 1.0)
    answered(waits, "m", 2.0)
    answered(waits, "m", 60.0, failure=UpstreamError("away", failure_class="transient"))

    assert waits.usual_ms("m") == pytest.approx(1_100, rel=1 / 6)


def test_waits_that_are_nearly_alike_are_told_alike() -> None:
    """A question asked again within the minute finds the same offers."""
    waits = Waits()
    for model, after_s in (("a", 0.86), ("b", 0.95), ("c", 0.001), ("d", 0.03), ("e", 2.0)):
        answered(waits, model, after_s)

    assert waits.usual_ms("a") == waits.usual_ms("b") != waits.usual_ms("e")
    assert waits.usual_ms("c") == waits.usual_ms("d") == 50.0


def test_an_attempt_without_content_says_nothing() -> None:
    """The client left before the first word."""
    waits = Waits()
    attempt = Attempt(1, Candidate("m", Target("m/x", "x", "http://a", "m"), "openai", Timeouts()), Clock())

    waits.attempt_ended(attempt)

    assert waits.usual_ms("m") is None


def test_the_memory_of_waits_is_bounded() -> None:
    """Names that nobody uses any more make room."""
    waits = Waits()
    for n in range(offering.MAX_MODELS + 1):
        answered(waits, str(n), 1.0)

    assert waits.usual_ms("0") is None
    assert waits.usual_ms(str(offering.MAX_MODELS)) is not None
