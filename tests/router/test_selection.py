"""Which model and which deployments, decided on a catalogue made from settings."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from config.errors import ModelNotFoundError, UnavailableError
from config.loader import shipped_providers
from config.model_settings import DeploymentSettings, ModelSettings
from config.settings import RoutingSettings, Settings
from router.catalog import build_catalog
from router.rules import Rule
from router.selection import candidates_of, decide_auto, decide_named
from router.snapshot import Catalog


def catalog(*models: ModelSettings, aliases: dict[str, str] | None = None) -> Catalog:
    return build_catalog(
        Settings(providers=shipped_providers(), models=models, aliases=aliases or {}, routing=RoutingSettings()),
        {"OPENAI_API_KEY": "sk-a"},
    )


def a_model(
    name: str, *, weight: float = 1, provider: str = "openai", fallbacks: tuple[str, ...] = ()
) -> ModelSettings:
    return ModelSettings(name, (DeploymentSettings(provider, name, weight=weight),), fallbacks=fallbacks)


def auto(found: Catalog, rng: Random, **changes: object) -> object:
    wishes: dict[str, object] = {"rule": None, "default_model": None, "routed": True, "conversation_id": None}
    return decide_auto(found, rng=rng, **(wishes | changes))  # type: ignore[arg-type]


AWAY = ModelSettings("away", (DeploymentSettings("deepseek", "deepseek-chat"),))
"""Its key is not set."""
LAST = ModelSettings("extractive", (DeploymentSettings("extractive", "extractive"),))


def test_auto_draws_by_weight_and_keeps_the_probabilities() -> None:
    """The whole vector, the seed and the failover order stand in the decision."""
    found = catalog(a_model("a", weight=3), a_model("b"), AWAY)
    rng = Random(5)
    decisions = [auto(found, rng) for _ in range(2_000)]

    assert {("a", "b")} == {each.eligible for each in decisions}  # type: ignore[attr-defined]
    assert {(0.75, 0.25)} == {each.probabilities for each in decisions}  # type: ignore[attr-defined]
    share = Counter(each.chosen for each in decisions)["a"] / 2_000  # type: ignore[attr-defined]
    assert 0.75 == pytest.approx(share, abs=0.03)
    assert all({"a", "b"} == set(each.ranked) for each in decisions)  # type: ignore[attr-defined]


def test_the_same_seed_gives_the_same_choice() -> None:
    """What was decided can be decided again."""
    found = catalog(a_model("a"), a_model("b"), a_model("c"))
    first = auto(found, Random(1))

    assert first == auto(found, Random(1))
    assert first.seed is not None  # type: ignore[attr-defined]


def test_turns_of_a_conversation_stay_together() -> None:
    """One conversation, one model; many conversations spread."""
    found = catalog(a_model("a"), a_model("b"))
    rng = Random(2)

    same = {auto(found, rng, conversation_id="talk").chosen for _ in range(20)}  # type: ignore[attr-defined]
    many = {auto(found, rng, conversation_id=str(n)).chosen for n in range(50)}  # type: ignore[attr-defined]
    assert 1 == len(same)
    assert {"a", "b"} == many


def test_a_rule_settles_it_and_a_rule_for_a_model_that_is_away_is_said_to_be() -> None:
    """Degraded is data: the reason says why the wish was not followed."""
    found = catalog(a_model("a"), a_model("b"), AWAY, aliases={"coder": "b"})

    followed = auto(found, Random(0), rule=Rule("code", "coder"))
    degraded = auto(found, Random(0), rule=Rule("code", "away"))
    unknown = auto(found, Random(0), rule=Rule("code", "nobody"))
    assert ("b", (0.0, 1.0), None) == (followed.chosen, followed.probabilities, followed.seed)  # type: ignore[attr-defined]
    for decision in (degraded, unknown):
        assert "not live" in decision.reasons[0]  # type: ignore[attr-defined]
        assert decision.chosen in {"a", "b"}  # type: ignore[attr-defined]


def test_the_router_switched_off_uses_the_default_model() -> None:
    """No rule and no draw; without a default the first live model."""
    found = catalog(a_model("a"), a_model("b"))

    assert "b" == auto(found, Random(0), routed=False, default_model="b", rule=Rule("x", "a")).chosen  # type: ignore[attr-defined]
    assert "a" == auto(found, Random(0), routed=False).chosen  # type: ignore[attr-defined]


def test_the_last_resort_is_chosen_only_alone() -> None:
    """The extractive model never competes."""
    assert "extractive" == auto(catalog(AWAY, LAST), Random(0)).chosen  # type: ignore[attr-defined]
    assert ("a",) == auto(catalog(LAST, a_model("a")), Random(0)).eligible  # type: ignore[attr-defined]


def test_nothing_live_is_told() -> None:
    """The error says what to do."""
    with pytest.raises(UnavailableError, match="set a provider's key"):
        auto(catalog(AWAY), Random(0))


def test_a_named_model_comes_with_its_fallbacks() -> None:
    """And those without a key are left out."""
    found = catalog(a_model("a", fallbacks=("away", "b")), a_model("b"), AWAY, aliases={"smart": "a"})
    decision = decide_named(found, "smart")

    assert ("smart", ("a", "away", "b")) == (decision.requested, decision.ranked)
    assert ["a", "b"] == [each.model for each in candidates_of(found, decision, rng=Random(0))]


def test_an_unknown_and_a_keyless_model() -> None:
    """One is the caller's error, the other ours."""
    found = catalog(AWAY)

    with pytest.raises(ModelNotFoundError):
        decide_named(found, "nobody")
    with pytest.raises(UnavailableError, match="key"):
        candidates_of(found, decide_named(found, "away"), rng=Random(0))


def test_a_drained_deployment_gets_nothing() -> None:
    """Weight 0 is out, also for failover."""
    two = ModelSettings(
        "m", (DeploymentSettings("openai", "x", weight=0), DeploymentSettings("openai", "y", base_url="http://b/v1"))
    )
    found = catalog(two)

    assert ["y"] == [
        each.target.upstream_model for each in candidates_of(found, decide_named(found, "m"), rng=Random(0))
    ]
