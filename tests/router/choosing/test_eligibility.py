"""Who may answer: capabilities, windows, health and permission, each exclusion with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from config.loader import shipped_providers
from config.model_settings import DeploymentSettings, ModelSettings
from config.settings import Settings
from router.catalog import build_catalog
from router.choosing.eligibility import KEY, Eligible, eligible_among
from router.choosing.values import Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.model_settings import Capability
    from router.snapshot import Deployment

PLAIN = Question("Why?", n_tokens=100)


def a_model(
    name: str, *capabilities: Capability, window: int | None = None, weights: tuple[float, ...] = (1.0,)
) -> ModelSettings:
    deployments = tuple(
        DeploymentSettings("openai", f"{name}-{i}", weight=weight, context_window=window)
        for i, weight in enumerate(weights)
    )
    return ModelSettings(name, deployments, capabilities=("chat", *capabilities))


def eligible(
    question: Question,
    *models: ModelSettings,
    weights: dict[str, float] | None = None,
    is_healthy: Callable[[Deployment], bool] = lambda _: True,
) -> Eligible:
    found = build_catalog(Settings(providers=shipped_providers(), models=models), {"OPENAI_API_KEY": "sk-a"})
    by_name = {each.name: 1.0 for each in models} | (weights or {})
    return eligible_among(found.live_models(), question, weights=by_name, is_healthy=is_healthy)


def names(found: Eligible) -> list[str]:
    return [each.name for each in found.models]


def test_all_that_fit_are_left_in_order() -> None:
    """Nothing is excluded without need."""
    found = eligible(PLAIN, a_model("a"), a_model("b"))

    assert (names(found), found.excluded, found.relaxed) == (["a", "b"], {}, None)


@pytest.mark.parametrize(
    ("question", "capability", "reason"),
    [
        (Question("", has_tools=True), "tools", "it has no tools"),
        (Question("", has_images=True), "vision", "it has no vision"),
        (Question("", wants_json=True), "json_schema", "it has no JSON by schema"),
    ],
)
def test_who_lacks_what_the_request_needs_is_excluded(question: Question, capability: Capability, reason: str) -> None:
    """Tools, images and JSON by schema go to those that are described to have them."""
    found = eligible(question, a_model("able", capability), a_model("plain"))

    assert names(found) == ["able"]
    assert found.excluded == {"plain": (reason,)}


def test_a_prompt_longer_than_every_window_of_a_model_excludes_it() -> None:
    """A window nobody told is no reason, nor is one that just suffices."""
    found = eligible(
        Question("", n_tokens=8_000),
        a_model("small", window=4_000),
        a_model("just", window=8_000),
        a_model("unknown"),
        a_model("two", window=4_000, weights=(1.0, 1.0)),
    )

    assert names(found) == ["just", "unknown"]
    assert found.excluded["small"] == ("its window of 4000 tokens is too small",)


def test_a_model_rests_only_when_all_its_deployments_do() -> None:
    """One healthy deployment is enough; one that is drained does not count."""
    resting = {"b/openai", "c/openai#1", "d/openai#1"}

    found = eligible(
        PLAIN,
        a_model("a"),
        a_model("b"),
        a_model("c", weights=(1.0, 1.0)),
        a_model("d", weights=(1.0, 0.0)),
        is_healthy=lambda each: each.id not in resting,
    )

    assert names(found) == ["a", "c"]
    assert found.excluded["b"] == ("its deployments are resting after failures",)


def test_a_model_of_weight_zero_stands_behind() -> None:
    """Discovered models are not drawn while a configured one is live."""
    found = eligible(PLAIN, a_model("a"), a_model("found"), weights={"found": 0.0})

    assert found.excluded == {"found": ("it stands behind the configured models",)}


def test_where_nobody_fits_those_that_fit_best_are_left_and_it_is_said() -> None:
    """A capability may just not be configured: the request is not refused for it."""
    question = Question("", has_tools=True, has_images=True)

    found = eligible(question, a_model("sees", "vision"), a_model("plain"), a_model("works", "tools"))

    assert names(found) == ["sees", "works"]
    assert found.relaxed == "it has no tools; it has no vision"
    assert found.excluded == {"plain": ("it has no tools", "it has no vision")}


def test_of_nobody_nobody_is_left() -> None:
    """Without live models there is nothing to choose from; who calls says so."""
    assert eligible_among((), PLAIN, weights={}) == Eligible(())


def test_models_that_the_key_may_not_use_are_told_of_and_never_left() -> None:
    """Unlike other reasons this one is not relaxed where nobody else fits."""
    found = build_catalog(Settings(providers=shipped_providers(), models=(a_model("a"),)), {"OPENAI_API_KEY": "sk-a"})
    pictures = replace(PLAIN, has_images=True)
    left = eligible_among(found.live_models(), pictures, weights={"a": 1.0}, barred=("b", "c"))

    assert (["a"], {"b": (KEY,), "c": (KEY,)}, "it has no vision") == (names(left), left.excluded, left.relaxed)
    assert Eligible((), {"b": (KEY,)}) == eligible_among((), PLAIN, weights={}, barred=("b",))
