"""Which model: rules first, then a weighted draw; the rest is the failover chain. Then its deployments, balanced.

The learned policy and the judge will stand between the rules and the draw. Until then the decision says that
nothing but weights spoke.
"""

from __future__ import annotations

import hashlib
from random import Random
from typing import TYPE_CHECKING

from config.errors import UnavailableError
from config.types import Decision
from router.attempt import Candidate
from router.balancing.base import shares
from router.snapshot import AUTO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from router.affinity import Affinity
    from router.balancer import Balancer
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


def decide_auto(
    catalog: Catalog,
    *,
    rule: Rule | None,
    default_model: str | None,
    routed: bool,
    conversation_id: str | None,
    rng: Random,
) -> Decision:
    """Return the decision for `auto` among the live models.

    A rule or the default model settles it; else one model is drawn with probability weight / sum of weights, from
    the conversation's own seed where there is a conversation, so that its turns stay together. All other live
    models follow in the catalogue's order. Raises `UnavailableError` when no model is live.
    """
    live = {model.name: model for model in catalog.live_models()}
    if not live:
        raise UnavailableError(
            "No model is live: set a provider's key, start Ollama, or name a server in thalamus.toml.",
            code="no_live_model",
        )
    settled, reasons = _settled(catalog, live, rule=rule, default_model=default_model, routed=routed)
    if settled is not None:
        chosen, seed = settled, None
        probabilities = tuple(float(name == chosen) for name in live)
    else:
        weights = catalog.auto_weights()
        seed = _seed(conversation_id, rng)
        chosen = Random(seed).choices(list(live), weights)[0]  # noqa: S311  # the draw guards no secret
        probabilities = shares(weights)
        reasons.append("drawn by weight" + (" for this conversation" if conversation_id else ""))
    return Decision(
        requested="auto",
        eligible=tuple(live),
        probabilities=probabilities,
        ranked=(chosen, *(name for name in live if name != chosen)),
        reasons=tuple(reasons),
        policy_version=WEIGHTS_POLICY,
        seed=seed,
    )


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


def _settled(
    catalog: Catalog, live: dict[str, Model], *, rule: Rule | None, default_model: str | None, routed: bool
) -> tuple[str | None, list[str]]:
    """Return the model that needs no draw, and what was considered; a wish for a model that is away is said to be."""
    reasons: list[str] = []
    wishes: list[tuple[str, str]] = []
    if routed and rule is not None:
        wishes.append((rule.model, f"rule {rule.name or rule.pattern!r} names {rule.model!r}"))
    if default_model is not None:
        wishes.append((default_model, f"{default_model!r} is the default model"))
    for wish, reason in wishes:
        name = catalog.canonical(wish)
        model = catalog.models.get(name)
        if model is not None and model.live:
            return name, [*reasons, reason]
        reasons.append(f"{reason}, which is not live")
    if not routed:
        return next(iter(live)), [*reasons, "the router is switched off: the first live model"]
    return None, reasons


def _usable(deployments: Iterable[Deployment]) -> list[Deployment]:
    return [each for each in deployments if each.usable]


def _seed(conversation_id: str | None, rng: Random) -> int:
    if conversation_id is None:
        return rng.getrandbits(53)
    return int.from_bytes(hashlib.sha256(conversation_id.encode()).digest()[:6])
