"""What labelling may cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.loader import shipped_providers
from config.model_settings import DeploymentSettings, ModelSettings
from config.prices import FREE, Pricing
from config.settings import Settings
from router.catalog import build_catalog
from router.labels.purse import Purse, Tariff, tariff_of
from router.snapshot import Model


def a_model(*prices: Pricing | None) -> Model:
    """Return a model with a deployment of each price."""
    told = ModelSettings("m", tuple(DeploymentSettings("openai", f"made-up-{n}") for n, _ in enumerate(prices)))
    catalog = build_catalog(Settings(providers=shipped_providers(), models=(told,)), {"OPENAI_API_KEY": "sk-a"})
    model = catalog.models["m"]
    return replace(
        model,
        deployments=tuple(
            each if price is None else replace(each, pricing=price)
            for each, price in zip(model.deployments, prices, strict=True)
        ),
    )


def test_a_model_is_taken_at_its_highest_price() -> None:
    """Any of its deployments may answer."""
    assert Tariff(2.0, 8.0) == tariff_of(a_model(Pricing(1.0, 8.0), Pricing(2.0, 4.0)))
    assert tariff_of(a_model(FREE)).is_free


def test_a_price_that_nobody_knows_is_not_zero() -> None:
    """It is unknown as soon as one deployment's is, and where none is live."""
    unknown = tariff_of(a_model(FREE, None))

    assert (False, False, 0.0) == (unknown.is_known, unknown.is_free, unknown.estimate("text"))
    assert not tariff_of(replace(a_model(FREE), deployments=())).is_known


def test_an_estimate_counts_what_goes_in_and_what_usually_comes_out() -> None:
    """Per million tokens."""
    assert 0.001 == pytest.approx(Tariff(0.0, 2.0).estimate("a"))
    assert Tariff(1.0, 0.0).estimate("a", n_more=1_000_000) > 1.0


def test_a_bound_holds_with_what_is_still_being_spent() -> None:
    """An estimate is held back until it is known what it came to."""
    purse = Purse(1.0)
    taken = [purse.take(0.4), purse.take(0.4), purse.take(0.4)]
    purse.settle(0.4, 0.1)

    assert [True, True, False] == taken
    assert purse.take(0.4)
    assert not purse.take(0.2)
    assert 0.1 == pytest.approx(purse.spent_usd)
    assert Purse().take(1e9)
