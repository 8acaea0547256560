"""Which model: rules first, then a choice or a weighted draw; the rest is the failover chain. Then its deployments.

How a choice is made among models that may answer is for `router/choosing`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Literal

from config.errors import UnavailableError
from config.types import Decision
from router.attempt import Candidate
from router.balancing.base import shares
from router.snapshot import AUTO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from router.affinity import Affinity
    from router.balancer import Balancer
    from router.choosing.values import Choice
    from router.rules import Rule
    from router.snapshot import Catalog, Deployment, Model

WEIGHTS_POLICY = "weights-1"
NAMED_POLICY = "named-1"


def decide_named(catalog: Catalog, name: str) -> Decision:
    """Return the decision for a model the client named: that model, then its configured fallbacks.

    Raises `ModelNotFoundError` for an unknown name.
    """
    model = catalog.resolve(name)
    ranked = tuple(dict.fromkeys((model.name, *model.fallbacks)))
    return Decision(
        requested=name,
        eligible=(model.name,),
        probabilities=(1.0,),
        ranked=ranked,
        reasons=(f"the client named {name!r}",),
        policy_version=NAMED_POLICY,
    )


@dataclass(frozen=True, slots=True)
class Wishes:
    """Who has a say in what `auto` is, before anything is drawn; each may be absent."""

    rule: Rule | None = None
    """Of the request or of the settings."""
    default_model: str | None = None
    code_model: str | None = None
    """The shipped rule: who gets a request with code. Not following it is no news where nobody named it."""
    routed: bool = True
    """False where the client switched the router off."""
    chain: tuple[str, ...] = ()
    """The order of failover, as far as somebody named one."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A model that needs no draw, `None` where none was settled, and what was considered."""

    model: str | None
    reasons: tuple[str, ...]
    by: Literal["rule", "default_model", "code_rule", "router_off"] | None = None
    """Who settled it."""


def decide_auto(
    catalog: Catalog, *, wishes: Wishes, conversation_id: str | None, rng: Random, choice: Choice | None = None
) -> Decision:
    """Return the decision for `auto` among the live models.

    A rule or the default model settles it; else the `choice`, where one was made; else one model is drawn with
    probability weight / sum of weights, from the conversation's own seed where there is a conversation, so that its
    turns stay together. All other live models follow in the catalogue's order. Raises `UnavailableError` when no model
    is live.
    """
    live = tuple(model.name for model in catalog.live_models())
    if not live:
        raise no_live_model()
    found = settled(catalog, wishes)
    if found.model is not None:
        among = live if found.model in live else (*live, found.model)  # a rule may name what `auto` may not choose
        return _decided(among, tuple(float(name == found.model) for name in among), found.model, found.reasons)
    if choice is not None:
        return decide_chosen(catalog, choice, reasons=found.reasons, chain=wishes.chain)
    weights = catalog.auto_weights()
    seed = seed_of(conversation_id, rng)
    chosen = Random(seed).choices(live, weights)[0]  # noqa: S311  # the draw guards no secret
    drawn = "drawn by weight" + (" for this conversation" if conversation_id else "")
    decision = _decided(live, shares(weights), chosen, (*found.reasons, drawn))
    return replace(decision, seed=seed)


def decide_chosen(
    catalog: Catalog, choice: Choice, *, reasons: tuple[str, ...] = (), chain: Sequence[str] = ()
) -> Decision:
    """Return the decision that a choice is: its models in its order, then the other live ones as a last resort.

    After the chosen one come those of the `chain` in its order, for who names an order means it; then the others by
    score. The vector of probabilities is in the catalogue's order.
    """
    probabilities = {each.model: each.probability for each in choice.ranked}
    named = [name for each in chain if (name := catalog.canonical(each)) in probabilities]
    live = tuple(model.name for model in catalog.live_models())
    eligible = tuple(sorted(probabilities, key=lambda name: live.index(name) if name in live else len(live)))
    return Decision(
        requested=AUTO,
        eligible=eligible,
        probabilities=tuple(probabilities[name] for name in eligible),
        ranked=tuple(dict.fromkeys((choice.ranked[0].model, *named, *probabilities, *live))),
        reasons=(*reasons, *choice.reasons),
        policy_version=choice.version,
        explored=choice.explored,
        seed=choice.seed,
    )


def settled(catalog: Catalog, wishes: Wishes) -> Settled:
    """Return the model that needs no draw, and what was considered; a wish for a model that is away is said to be."""
    reasons: list[str] = []
    rule, default, code = wishes.rule, wishes.default_model, wishes.code_model
    asked: list[tuple[str, str, Literal["rule", "default_model"]]] = []
    if wishes.routed and rule is not None:
        asked.append((rule.model, f"rule {rule.name or rule.pattern!r} names {rule.model!r}", "rule"))
    if default is not None:
        asked.append((default, f"{default!r} is the default model", "default_model"))
    for wish, reason, by in asked:
        name = catalog.canonical(wish)
        if _is_live(catalog, name):
            return Settled(name, (*reasons, reason), by)
        reasons.append(f"{reason}, which is not live")
    if not wishes.routed:
        first = next((model.name for model in catalog.live_models()), None)
        return Settled(first, (*reasons, "the router is switched off: the first live model"), "router_off")
    if code and any(model.name == catalog.canonical(code) for model in catalog.live_models()):
        return Settled(catalog.canonical(code), (*reasons, f"the shipped rule gives code to {code!r}"), "code_rule")
    return Settled(None, tuple(reasons))


def no_live_model() -> UnavailableError:
    """Return the error for a catalogue in which nothing can answer."""
    return UnavailableError(
        "No model is live: set a provider's key, start Ollama, or name a server in thalamus.toml.",
        code="no_live_model",
    )


def seed_of(conversation_id: str | None, rng: Random) -> int:
    """Return what a draw is made from: the conversation's own number, so that its turns stay together, or a new one."""
    if conversation_id is None:
        return rng.getrandbits(53)
    return int.from_bytes(hashlib.sha256(conversation_id.encode()).digest()[:6])


def decide_embeddings(catalog: Catalog, name: str) -> Decision:
    """Return the decision for embeddings: one model and no other, for vectors of two models cannot be compared.

    `auto` is the first live model that embeds. Raises `ModelNotFoundError`, or `UnavailableError` when none embeds.
    """
    if catalog.canonical(name) == AUTO:
        embedding = catalog.embedding_models()
        if not embedding:
            raise UnavailableError(
                "No live model embeds: name one with the capability 'embeddings'.", code="no_live_model"
            )
        model, reason = embedding[0], "the first live model that embeds"
    else:
        model, reason = catalog.resolve(name), f"the client named {name!r}"
    return Decision(name, (model.name,), (1.0,), (model.name,), (reason,), NAMED_POLICY)


def candidates_of(
    catalog: Catalog,
    decision: Decision,
    *,
    balancer: Balancer,
    affinity: Affinity | None = None,
    conversation: bytes | None = None,
    is_healthy: Callable[[Deployment], bool] = lambda _: True,
) -> tuple[Candidate, ...]:
    """Return the deployments to try, model by model in the decision's order, balanced inside each model.

    Who served this `conversation` (a key of `router/affinity.py`) goes first in its model. Deployments that are known
    to be away come after the live ones: they are a last resort, not a first guess. Raises `UnavailableError` when the
    decided models have no deployment with a key, or only drained ones.
    """

    def is_ready(deployment: Deployment) -> bool:
        return deployment.live and is_healthy(deployment)

    ordered: list[tuple[Model, Deployment]] = []
    for name in decision.ranked:
        model = catalog.resolve(name)
        served = affinity.deployment(conversation, model.name) if affinity is not None else None
        for each in balancer.order(_usable(model.deployments), ready=is_ready, preferred=served):
            ordered.append((model, each))  # noqa: PERF401  # as a comprehension it cannot be read
    ordered.sort(key=lambda pair: not pair[1].live)  # stable: keeps the order among live ones
    if not ordered:
        is_drained = bool(_usable(catalog.resolve(decision.chosen).deployments))
        why = "all of its deployments are drained" if is_drained else "none of its deployments has a key or a server"
        raise UnavailableError(f"The model '{decision.chosen}' is known, but {why}.", code="model_not_live")
    return tuple(
        Candidate(model.name, each.target, each.dialect, each.timeouts, each.pricing) for model, each in ordered
    )


def _decided(
    live: tuple[str, ...], probabilities: tuple[float, ...], chosen: str, reasons: tuple[str, ...]
) -> Decision:
    return Decision(
        requested=AUTO,
        eligible=live,
        probabilities=probabilities,
        ranked=(chosen, *(name for name in live if name != chosen)),
        reasons=reasons,
        policy_version=WEIGHTS_POLICY,
    )


def _is_live(catalog: Catalog, name: str) -> bool:
    model = catalog.models.get(name)
    return model is not None and model.live


def _usable(deployments: Iterable[Deployment]) -> list[Deployment]:
    return [each for each in deployments if each.usable]
