"""Which model and which deployments, decided on a catalogue made from settings."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from config.errors import ModelNotFoundError, UnavailableError
from config.loader import shipped_providers
from config.model_settings import DeploymentSettings, ModelSettings
from config.settings import RoutingSettings, Settings
from router.affinity import Affinity, Lifetimes
from router.attempt import Attempt, Candidate
from router.balancer import Balancer
from router.catalog import build_catalog
from router.choosing.choose import Standing, settle
from router.choosing.drawing import drawn, thompson, with_floor
from router.choosing.values import Choice, Expected
from router.load import Load
from router.rules import Rule
from router.selection import (
    Wishes,
    candidates_of,
    decide_auto,
    decide_chosen,
    decide_embeddings,
    decide_named,
    settled,
)
from router.snapshot import Catalog, Deployment


def catalog(*models: ModelSettings, aliases: dict[str, str] | None = None) -> Catalog:
    return build_catalog(
        Settings(providers=shipped_providers(), models=models, aliases=aliases or {}, routing=RoutingSettings()),
        {"OPENAI_API_KEY": "sk-a"},
    )


def balancer() -> Balancer:
    return Balancer("smooth_weighted", pressure=Load(clock=lambda: 0.0), rng=Random(0))


def ask(balancer: Balancer, candidate: Candidate) -> None:
    """Begin an attempt."""
    balancer.attempt_began(Attempt(1, candidate, lambda: 0.0))


def a_model(
    name: str, *, weight: float = 1, provider: str = "openai", fallbacks: tuple[str, ...] = ()
) -> ModelSettings:
    return ModelSettings(name, (DeploymentSettings(provider, name, weight=weight),), fallbacks=fallbacks)


def auto(found: Catalog, rng: Random, **changes: object) -> object:
    conversation_id = changes.pop("conversation_id", None)
    wishes = Wishes(**changes)  # type: ignore[arg-type]
    return decide_auto(found, wishes=wishes, conversation_id=conversation_id, rng=rng)  # type: ignore[arg-type]


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
    assert ["a", "b"] == [each.model for each in candidates_of(found, decision, balancer=balancer())]


def test_an_unknown_and_a_keyless_model() -> None:
    """One is the caller's error, the other ours."""
    found = catalog(AWAY)

    with pytest.raises(ModelNotFoundError):
        decide_named(found, "nobody")
    with pytest.raises(UnavailableError, match="key"):
        candidates_of(found, decide_named(found, "away"), balancer=balancer())


def test_a_model_that_is_drained_is_said_to_be() -> None:
    """Its key is there, so who looks for the reason is not sent to look for a key."""
    found = catalog(a_model("m", weight=0))

    with pytest.raises(UnavailableError, match="drained"):
        candidates_of(found, decide_named(found, "m"), balancer=balancer())


def test_a_drained_deployment_gets_nothing() -> None:
    """Weight 0 is out, also for failover."""
    two = ModelSettings(
        "m", (DeploymentSettings("openai", "x", weight=0), DeploymentSettings("openai", "y", base_url="http://b/v1"))
    )
    found = catalog(two)

    assert ["y"] == [
        each.target.upstream_model for each in candidates_of(found, decide_named(found, "m"), balancer=balancer())
    ]


def two_places(name: str = "m", *, fallbacks: tuple[str, ...] = ()) -> ModelSettings:
    """A model with two servers that share its requests evenly."""
    return ModelSettings(
        name,
        tuple(DeploymentSettings("openai", "x", base_url=f"http://{place}/v1") for place in "ab"),
        fallbacks=fallbacks,
    )


def test_a_models_deployments_take_turns() -> None:
    """Only who was asked moves on: standing in a failover chain that nobody needed takes no turn."""
    found, balanced = catalog(two_places("m", fallbacks=("n",)), two_places("n")), balancer()

    firsts: list[str] = []
    for name in "mnmn":
        candidates = candidates_of(found, decide_named(found, name), balancer=balanced)
        ask(balanced, candidates[0])
        firsts.append(candidates[0].target.deployment)
    assert ["m/openai#1", "n/openai#1", "m/openai#2", "n/openai#2"] == firsts


def test_stand_ins_share_the_load_of_a_model_that_is_down() -> None:
    """They take turns too, whoever was asked before them."""
    found, balanced = catalog(a_model("m", fallbacks=("n",)), two_places("n")), balancer()

    stand_ins: list[str] = []
    for _ in range(4):
        candidates = candidates_of(found, decide_named(found, "m"), balancer=balanced)
        for each in candidates[:2]:
            ask(balanced, each)
        stand_ins.append(candidates[1].target.deployment)
    assert ["n/openai#1", "n/openai#2"] * 2 == stand_ins


def test_the_unhealthy_stand_behind_the_healthy_and_still_are_there() -> None:
    """Who may be asked is the gate's to say; the order only prefers."""
    found = catalog(two_places())

    def is_healthy(each: Deployment) -> bool:
        return each.id != "m/openai#1"

    ordered = candidates_of(found, decide_named(found, "m"), balancer=balancer(), is_healthy=is_healthy)
    assert ["m/openai#2", "m/openai#1"] == [each.target.deployment for each in ordered]


def test_a_conversation_goes_back_to_who_served_it_as_long_as_that_is_healthy() -> None:
    """Its place counts for its model only, and ends with ill health."""
    found, memory = catalog(two_places(), two_places("n")), Affinity(Lifetimes(60), clock=lambda: 0.0)
    memory.remember(b"talk", "m", found.models["m"].deployments[1].target)

    def first(name: str, *, sick: str = "") -> str:
        ordered = candidates_of(
            found,
            decide_named(found, name),
            balancer=balancer(),
            affinity=memory,
            conversation=b"talk",
            is_healthy=lambda each: each.id != sick,
        )
        return ordered[0].target.deployment

    assert "m/openai#2" == first("m")
    assert "m/openai#1" == first("m", sick="m/openai#2")
    assert "n/openai#1" == first("n")


def test_embeddings_come_from_one_model_and_no_other() -> None:
    """Vectors of two models cannot be compared, so nobody stands in; `auto` is the first that embeds."""
    embeds = ModelSettings("e", (DeploymentSettings("openai", "e"),), capabilities=("embeddings",), fallbacks=("a",))
    found = catalog(a_model("a"), embeds)

    assert ("e",) == decide_embeddings(found, "auto").ranked
    assert ("e",) == decide_embeddings(found, "e").ranked
    with pytest.raises(UnavailableError, match="embeds"):
        decide_embeddings(catalog(a_model("a")), "auto")


def chosen(seed: int, *names: str) -> Choice:
    """Return a choice among models of which the later ones score higher."""
    expected = tuple(Expected(name, 0.5 + 0.01 * n, 0.1) for n, name in enumerate(names))
    parts = tuple({"quality": each.quality} for each in expected)
    scores = tuple(each.quality for each in expected)
    probabilities = with_floor(thompson(scores, [0.1] * len(names)))
    stood = Standing(expected, parts, scores, probabilities, probabilities)
    return settle(stood, version="v", seed=seed)


def test_a_choice_is_tried_in_its_order_and_the_others_last() -> None:
    """The drawn one, the rest by score, then live models that were not eligible; the vector is in catalogue order."""
    found = catalog(a_model("a"), a_model("b"), a_model("c"), a_model("d"), AWAY)
    decision = decide_chosen(found, chosen(3, "b", "d", "a"))

    others = [name for name in ("a", "d", "b") if name != decision.chosen]
    assert (decision.chosen, *others, "c") == decision.ranked
    assert ("a", "b", "d") == decision.eligible
    assert 1.0 == pytest.approx(sum(decision.probabilities))


def test_a_named_chain_is_the_order_of_failover() -> None:
    """Who names an order means it: after the chosen one it comes before scores."""
    found = catalog(a_model("a"), a_model("b"), a_model("c"), a_model("d"))
    wishes = Wishes(chain=("d", "away", "c"))

    decision = decide_auto(found, wishes=wishes, conversation_id=None, rng=Random(0), choice=chosen(1, "a", "b", "c"))

    named = [name for name in ("c",) if name != decision.chosen]
    by_score = [name for name in ("c", "b", "a") if name not in {decision.chosen, *named}]
    assert (decision.chosen, *named, *by_score, "d") == decision.ranked


def test_a_model_that_is_gone_meanwhile_keeps_its_place_in_the_vector() -> None:
    """A probe may take a model away between the choice and the decision."""
    decision = decide_chosen(catalog(a_model("a")), chosen(1, "a", "b"))

    assert ("a", "b") == decision.eligible


def test_a_rule_may_name_what_auto_may_not_choose() -> None:
    """Then it is eligible for this request, with probability 1."""
    found = catalog(a_model("a"), replace(a_model("own"), auto=False))

    decision = auto(found, Random(0), rule=Rule("x", "own"))

    assert ("a", "own") == decision.eligible  # type: ignore[attr-defined]
    assert (0.0, 1.0) == decision.probabilities  # type: ignore[attr-defined]


def test_code_goes_to_the_model_for_code_where_nothing_else_settles_it() -> None:
    """A rule and the default model come first; a model that is not there is no news."""
    found = catalog(a_model("a"), a_model("cursor"), a_model("b"))

    assert "cursor" == auto(found, Random(0), code_model="cursor").chosen  # type: ignore[attr-defined]
    assert "b" == auto(found, Random(0), code_model="cursor", default_model="b").chosen  # type: ignore[attr-defined]
    assert "a" == auto(found, Random(0), code_model="cursor", rule=Rule("x", "a")).chosen  # type: ignore[attr-defined]
    absent = auto(catalog(a_model("a")), Random(0), code_model="cursor")
    assert ("drawn by weight",) == absent.reasons  # type: ignore[attr-defined]
    assert [None, "rule", "default_model", "code_rule", "router_off"] == [
        settled(found, wishes).by
        for wishes in (
            Wishes(),
            Wishes(Rule("x", "a")),
            Wishes(default_model="a"),
            Wishes(code_model="cursor"),
            Wishes(routed=False),
        )
    ]


def test_1000_stored_decisions_draw_the_same_model_again() -> None:
    """The vector and the seed of the books are enough to replay a choice, after JSON and back."""
    found = catalog(*(a_model(name) for name in "abcdef"))
    rows = []
    for seed in range(1_000):
        names = tuple(name for n, name in enumerate("abcdef") if n == 0 or seed & (1 << n))
        decision = decide_chosen(found, chosen(seed, *names))
        rows.append(json.dumps([decision.eligible, decision.probabilities, decision.seed, decision.chosen]))

    replayed = [json.loads(row) for row in rows]

    assert [row[3] for row in replayed] == [row[0][drawn(row[1], seed=row[2])] for row in replayed]
    assert {"a", "b", "c", "d", "e", "f"} == {row[3] for row in replayed}
