"""The stage `policy`: what is known of the request becomes a question, the catalogue's models become offers.

What is chosen by them is decided in `router/choosing`. Nothing here asks a model, and nothing here may fail a request.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from classifier.readings import features_from
from config.confidence import shown
from config.prices import list_prices
from proxy.allowed import barred, catalog_of
from proxy.question import TOOL_LOOP, question_of
from proxy.trials import enrol, policy_of
from router.affinity import conversation_key, is_continued
from router.choosing.choose import Terms, settle, version_of
from router.choosing.drawing import thompson
from router.choosing.eligibility import eligible_among, misfits_of
from router.choosing.offering import Waits, first_deployment, offers_of
from router.choosing.scoring import Taste
from router.choosing.standings import Standings
from router.choosing.stored import candidates_json, expected_json, question_json, runner_up_json
from router.providers.json_values import as_objects
from router.selection import Wishes, seed_of, settled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.prices import Pricing, TokenPrices
    from config.settings import RoutingSettings
    from config.trace import span
    from config.types import Json
    from proxy.exchange import Exchange
    from proxy.house import House
    from router.choosing.eligibility import Eligible
    from router.choosing.values import Choice, Offer, Question
    from router.snapshot import Catalog, Deployment, Model


@dataclass(slots=True)
class Chooser:
    """What choices need beside the catalogue and what was learned; one a server."""

    standings: Standings = field(default_factory=lambda: Standings(clock=time.monotonic, max_entries=1_024))
    waits: Waits = field(default_factory=Waits)
    priced: set[tuple[str, str, Pricing]] = field(default_factory=set["tuple[str, str, Pricing]"])
    """Whose price was looked up before; the first time reads a large list and is done in a thread."""


@dataclass(frozen=True, slots=True)
class Considered:
    """What a choice was made from, for the books and the answer to why."""

    question: Question
    eligible: Eligible
    dial: float
    experience: str
    """Version of what was learned."""
    drawn: Mapping[str, float] = field(default_factory=dict[str, float])
    """With which probability each would be drawn, also where nothing is drawn."""
    own: str | None = None
    """The model that the conversation has."""

    def as_json(self, choice: Choice) -> Json:
        """Return what stands among the decision's features."""
        eligible = self.eligible
        told: Json = {
            "question": question_json(self.question),
            "expected": expected_json(choice),
            "dial": self.dial,
            "experience": self.experience,
            "choice_confidence": shown(choice.confidence, 6),
            "candidates": candidates_json(choice),
            "runner_up": runner_up_json(choice, dial=self.dial),
        }
        if eligible.excluded:
            told["excluded"] = {name: list(reasons) for name, reasons in eligible.excluded.items()}
        return told if eligible.relaxed is None else told | {"relaxed": eligible.relaxed}


async def policy(house: House, exchange: Exchange, note: span) -> None:
    """Give each model that may answer a probability, and draw; where a rule settles it this stage abstains."""
    if not exchange.thinks:
        note(abstained=True, skipped=True)
        return
    models = pool(house, exchange)
    enrol(house, exchange)
    learned = policy_of(house, exchange) == "learned" and any(each.origin != "last_resort" for each in models)
    if learned and len(models) > 1:
        await _hear(house, exchange)
    if learned or (exchange.features is not None and exchange.features.has_code):
        exchange.question = await question_of(exchange)
    exchange.wishes = _wishes(house, exchange, models)
    if not models or settled(catalog_of(house, exchange), exchange.wishes).model is not None or not learned:
        note(abstained=True, skipped=True)
        return
    choice, considered = await make_choice(house, exchange, models)
    note(
        chosen=choice.ranked[0].model,
        confidence=shown(choice.confidence),
        dial=considered.dial,
        candidates=candidates_json(choice),
        runner_up=runner_up_json(choice, dial=considered.dial),
        version=choice.version,
    )


async def make_choice(house: House, exchange: Exchange, models: Sequence[Model]) -> tuple[Choice, Considered]:
    """Choose among live `models`, at least one; the choice is left on the exchange too."""
    question = exchange.question = exchange.question or await question_of(exchange)
    weights = weights_of(catalog_of(house, exchange), models)
    eligible = eligible_among(
        models,
        question,
        weights=weights,
        is_healthy=lambda each: house.health.available(each.target),
        barred=barred(house, exchange),
    )
    dial = dial_of(house, exchange)
    warm = _warm(house, exchange)
    terms = terms_of(house.settings.routing, dial)
    stood = house.chooser.standings.of(
        question,
        await offers(house, eligible.models, weights),
        house.experience,
        terms=terms,
        warm=warm,
    )
    loops = question.task_state == TOOL_LOOP
    choice = settle(
        stood,
        version=version_of(terms, house.experience.version),
        seed=seed_of(_draw_id(exchange), house.rng),
        explores=exchange.explores and not loops and warm is None,
        stay=warm if loops else None,
        own=warm,
    )
    drawn = {each.model: p for each, p in zip(stood.expected, stood.probabilities, strict=True)}
    considered = Considered(question, eligible, dial, house.experience.version, drawn, own=warm)
    if eligible.relaxed is not None:
        choice = replace(choice, reasons=(f"nobody fits: {eligible.relaxed}", *choice.reasons))
    exchange.choice, exchange.considered = choice, considered
    return choice, considered


async def offers(house: House, models: Sequence[Model], weights: dict[str, float]) -> tuple[Offer, ...]:
    """Return the models as offers; a price that was never looked up is looked up in a thread."""
    chooser = house.chooser
    wanted = [found for each in models if (found := first_deployment(each)) is not None]
    new = [each for each in wanted if _place(each) not in chooser.priced]
    if new:
        await asyncio.to_thread(lambda: [_price(each) for each in new])
        chooser.priced.update(_place(each) for each in new)
    return offers_of(models, weights=weights, price=_price, usual_ms=chooser.waits.usual_ms)


def pool(house: House, exchange: Exchange) -> tuple[Model, ...]:
    """Return the live models that may be chosen: those of `auto`, or those the request names, that its key may use."""
    catalog, allowed = catalog_of(house, exchange), exchange.allowed
    if allowed is None:
        return catalog.live_models()
    return tuple(each for each in catalog.models.values() if each.name in allowed and each.live)


def weights_of(catalog: Catalog, models: Sequence[Model]) -> dict[str, float]:
    """Return each model's weight: among those of `auto` with which it is drawn there, else its own."""
    drawn = dict(zip((each.name for each in catalog.live_models()), catalog.auto_weights(), strict=True))
    return {each.name: drawn.get(each.name, each.weight) for each in models}


async def warm_up(house: House) -> None:
    """Do beforehand what the first choice would else do: read the list of prices, and tabulate a distribution."""
    models = house.catalog.live_models()
    if len(models) > 1:
        await offers(house, models, weights_of(house.catalog, models))
        await asyncio.to_thread(thompson, (0.5, 0.5), (0.1, 0.1))


def terms_of(routing: RoutingSettings, dial: float) -> Terms:
    """Return how is chosen by the settings, at this dial."""
    return Terms(
        Taste(dial, routing.latency_weight, routing.switching_weight),
        method=routing.draw,
        temperature=routing.temperature,
        floor=routing.floor,
        spread=routing.spread,
        newcomer_share=routing.newcomer_share,
        threshold=routing.threshold,
    )


def dial_of(house: House, exchange: Exchange) -> float:
    """Return the dial of the request: its own, else of the name it asked for, its key, its trial, the settings."""
    parsed, trial = exchange.known(), exchange.trial
    given = (parsed.dial, house.catalog.dial(parsed.model), exchange.key_dial, trial.dial if trial else None)
    return next((each for each in given if each is not None), house.settings.routing.dial)


def key_dial(routing: RoutingSettings, *, name: str, prefix: str) -> float | None:
    """Return the dial that the settings give a key, `None` where they give it none."""
    return routing.key_dials.get(name, routing.key_dials.get(prefix))


async def _hear(house: House, exchange: Exchange) -> None:
    """Wait a moment for the models beside the request, whose domain and complexity matter for the choice."""
    wait_ms = house.settings.classifier.features_wait_ms
    if exchange.beside is None or wait_ms <= 0:
        return
    heard = await exchange.beside.hear(within_s=wait_ms / 1000)
    if exchange.features is not None:  # who is late goes on, and is heard for the books at the end
        exchange.learned = features_from(heard, exchange.features)


def _wishes(house: House, exchange: Exchange, models: Sequence[Model]) -> Wishes:
    routing, question = house.settings.routing, exchange.question
    code = None
    if routing.code_model and question is not None and question.has_code:
        named = house.catalog.canonical(routing.code_model)
        model = next((each for each in models if each.name == named), None)
        if model is not None and not misfits_of(
            model, question, weight=model.weight, is_healthy=lambda each: house.health.available(each.target)
        ):
            code = routing.code_model
    rule, default = exchange.rule, routing.default_model
    allowed = exchange.allowed
    if allowed is None and exchange.key_models is not None:
        allowed = catalog_of(house, exchange).models.keys()
    if allowed is not None:
        rule = rule if rule is not None and house.catalog.canonical(rule.model) in allowed else None
        default = default if default is not None and house.catalog.canonical(default) in allowed else None
    return Wishes(rule, default, code, exchange.routed, routing.chain)


def _draw_id(exchange: Exchange) -> str | None:
    """Return what the draw is made from: the conversation's id, with its turn where it goes on.

    A later turn that is drawn at all (nobody remembers the model) is drawn anew: what it is like follows from the
    first draw, so the same seed again would not be by chance.
    """
    parsed = exchange.known()
    turns = sum(each.get("role") == "user" for each in as_objects(parsed.request.body.get("messages")))
    return parsed.conversation_id and (f"{parsed.conversation_id} {turns}" if turns > 1 else parsed.conversation_id)


def _warm(house: House, exchange: Exchange) -> str | None:
    """Return the model that has the conversation's prompt in a cache; `None` where none is known."""
    parsed = exchange.known()
    if not house.affinity.enabled:
        return None
    body = parsed.request.body
    key = conversation_key(body, conversation_id=parsed.conversation_id, caller=exchange.key_prefix)
    exchange.conversation = key
    if parsed.conversation_id is None and not is_continued(body):
        return None
    return house.affinity.model(key)


def _price(deployment: Deployment) -> TokenPrices | None:
    return list_prices(deployment.target.provider, deployment.target.upstream_model, deployment.pricing)


def _place(deployment: Deployment) -> tuple[str, str, Pricing]:
    return deployment.target.provider, deployment.target.upstream_model, deployment.pricing
