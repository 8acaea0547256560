"""Weights set at run time: what they make of a catalogue, and which are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import InvalidRequestError
from config.loader import shipped_providers
from config.model_settings import DeploymentSettings, ModelSettings
from config.settings import Settings
from router.catalog import build_catalog
from router.snapshot import Catalog
from router.weights import refuse_nothing_left, reweighed, shares_of, wanted_weights


def a_model(name: str, *weights: float, spare: float | None = None) -> ModelSettings:
    """A model with a deployment for each weight, and one in a group behind them."""
    rows = [(weight, 0) for weight in weights] + ([] if spare is None else [(spare, 1)])
    return ModelSettings(
        name,
        tuple(
            DeploymentSettings("openai", "x", base_url=f"http://s{n}/v1", weight=weight, priority=priority)
            for n, (weight, priority) in enumerate(rows)
        ),
    )


def catalog(*models: ModelSettings, key: str = "sk-a") -> Catalog:
    return build_catalog(Settings(providers=shipped_providers(), models=models), {"OPENAI_API_KEY": key})


def weights_of(found: Catalog) -> dict[str, float]:
    return {each.id: each.weight for model in found.models.values() for each in model.deployments}


TWO = catalog(a_model("m", 3, 1), a_model("n", 2))


def test_a_deployments_weight_is_its_share_inside_its_model() -> None:
    """The others keep theirs; a name nobody has changes nothing."""
    found = reweighed(TWO, {"m/openai#2": 9, "gone": 5})

    assert {"m/openai#1": 3, "m/openai#2": 9, "n/openai": 2} == weights_of(found)
    assert weights_of(TWO) == weights_of(reweighed(TWO, {}))
    assert TWO.models["n"] is found.models["n"]


def test_a_models_weight_is_divided_in_proportion() -> None:
    """`auto` draws it with that sum; weights of its deployments set beside it say how it is divided."""
    assert {"m/openai#1": 0.75, "m/openai#2": 0.25, "n/openai": 2} == weights_of(reweighed(TWO, {"m": 1}))
    divided = reweighed(TWO, {"m": 1, "m/openai#1": 1})
    assert {"m/openai#1": 0.5, "m/openai#2": 0.5, "n/openai": 2} == weights_of(divided)
    assert (1.0, 2.0) == divided.auto_weights()


def test_a_drained_model_stays_known_and_gets_nothing() -> None:
    """Weight 0 of a model drains all its deployments."""
    found = reweighed(TWO, {"m": 0})

    assert {"m/openai#1": 0, "m/openai#2": 0, "n/openai": 2} == weights_of(found)
    assert ["n"] == [each.name for each in found.live_models()]


def test_a_model_that_the_file_drained_comes_back() -> None:
    """Its deployments divide the weight evenly, but for those that were drained by name."""
    drained = catalog(a_model("m", 0, 0, 0))

    assert {2.0} == set(weights_of(reweighed(drained, {"m": 6})).values())
    assert [0, 3, 3] == list(weights_of(reweighed(drained, {"m": 6, "m/openai#1": 0})).values())
    all_by_name = {"m": 6.0, "m/openai#1": 0.0, "m/openai#2": 0.0, "m/openai#3": 0.0}
    assert {0.0} == set(weights_of(reweighed(drained, all_by_name)).values())


def test_a_model_named_like_a_deployment_is_meant_itself() -> None:
    """Nothing is weighed twice."""
    found = reweighed(catalog(a_model("m", 1), a_model("m/openai", 1)), {"m/openai": 7})

    assert {"m/openai": 1, "m/openai/openai": 7} == weights_of(found)


@given(
    st.dictionaries(
        st.sampled_from(["m", "n", "m/openai#1", "m/openai#2", "n/openai", "gone"]), st.floats(0, 1e6), max_size=6
    )
)
def test_whatever_is_set_weights_stay_finite_and_sums_hold(weights: dict[str, float]) -> None:
    """A model's deployments sum to its weight unless every one of them is drained by name."""
    found = reweighed(TWO, weights)

    for model in found.models.values():
        total = sum(each.weight for each in model.deployments)
        assert all(0 <= each.weight <= 1e6 * 1.01 for each in model.deployments)
        if model.name in weights and not all(weights.get(each.id) == 0 for each in model.deployments):
            assert weights[model.name] == pytest.approx(total)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "weights"),
        ({"weights": {}}, "weights"),
        ({"weights": [1]}, "weights"),
        ({"weights": {"m": 1}, "model": "m"}, "model"),
        ({"weights": {"nobody": 1}}, "weights.nobody"),
        ({"weights": {"nobody": None}}, "weights.nobody"),
        ({"weights": {"old": 1}}, "weights.old"),
        ({"weights": {"m": -1}}, "weights.m"),
        ({"weights": {"m": -0.001}}, "weights.m"),
        ({"weights": {"m": 1_000_001}}, "weights.m"),
        ({"weights": {"m": 10**400}}, "weights.m"),
        ({"weights": {"m": float("nan")}}, "weights.m"),
        ({"weights": {"m": float("inf")}}, "weights.m"),
        ({"weights": {"m": "1"}}, "weights.m"),
        ({"weights": {"m": True}}, "weights.m"),
        ({"weights": {"n": 1, "m/openai#1": [1]}}, "weights.m/openai#1"),
    ],
)
def test_what_is_no_weight_is_refused_by_name(body: dict[str, object], param: str) -> None:
    """Nothing is guessed, and the field at fault is told."""
    with pytest.raises(InvalidRequestError) as caught:
        wanted_weights(body, TWO, present={"old"})

    assert (400, param) == (caught.value.status, caught.value.param)


def test_what_may_be_set_and_cleared() -> None:
    """Any name of the catalogue, and an override of a name that is gone may be cleared."""
    body = {"weights": {"m": 0, "n/openai": 1e6, "m/openai#1": None, "old": None}}

    assert {"m": 0.0, "n/openai": 1e6, "m/openai#1": None, "old": None} == wanted_weights(
        {**body}, TWO, present={"old"}
    )


def test_weights_that_leave_nobody_are_refused() -> None:
    """Where somebody could answer; where nobody has a key, weights are not the trouble."""
    with pytest.raises(InvalidRequestError, match="drained"):
        refuse_nothing_left(reweighed(TWO, {"m": 0, "n": 0}))
    refuse_nothing_left(reweighed(TWO, {"m": 0}))
    refuse_nothing_left(reweighed(catalog(a_model("m", 1), key=""), {"m": 0}))


def test_shares_are_told_by_group_and_by_draw() -> None:
    """A spare has all of its own group; a model's share is what `auto` draws it with."""
    found = catalog(a_model("m", 3, 1, spare=4), a_model("n", 8))

    assert {
        "m": 0.5,
        "m/openai#1": 0.75,
        "m/openai#2": 0.25,
        "m/openai#3": 1.0,
        "n": 0.5,
        "n/openai": 1.0,
    } == shares_of(found)
    assert {0.0} == set(shares_of(catalog(a_model("m", 1), key="")).values())
