"""Which model a request would get, and why, without asking any: the same stages as for a request that is answered.

Nothing is drawn: the best one is told, beside the probability with which each would be drawn.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

import msgspec

from config.errors import InvalidRequestError, ModelNotFoundError, UnavailableError
from config.ids import new_id
from config.trace import span
from config.types import Decision
from proxy import choosing, classifying, judgement, stages
from proxy.allowed import catalog_of, check_model, refuse_outside
from proxy.doors import Door
from proxy.exchange import Exchange
from proxy.requests.parse import parse_chat
from proxy.requests.validate import is_list, wrong_type
from proxy.sinks.unchanged import UnchangedSink
from router.attempt import AttemptLog
from router.balancing.base import shares
from router.choosing.drawing import drawn
from router.choosing.stored import candidates_json, question_json, runner_up_json
from router.rules import first_match
from router.selection import WEIGHTS_POLICY, Settled, Wishes, decide_chosen, no_live_model, seed_of, settled
from router.snapshot import AUTO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.key_identity import KeyIdentity
    from config.settings import Settings
    from config.types import Json
    from proxy.house import House
    from proxy.sinks.base import Sink
    from router.providers.base import ChatRequest
    from router.snapshot import Model

MAX_MODELS: Final = 256
MAX_SHOWN: Final = 64
_OURS: Final = frozenset({"query", "models"})


def _no_sink(request: ChatRequest, *, settings: Settings, created: int) -> Sink:
    del request, settings, created
    return UnchangedSink()


ANALYZE: Final = Door("analyze", parse_chat, _no_sink, only_chooses=True)


async def analyze(house: House, fields: Json, *, headers: Mapping[str, str], caller: KeyIdentity | None) -> Json:
    """Return which model would answer, with its candidates and reasons, and book that.

    `fields` are `query` or a chat body's `messages`, and beside them whatever a chat body may have; `models` names the
    only ones to choose from. Raises `InvalidRequestError` and `ModelNotFoundError` for what is wrong in them, and
    `UnavailableError` where no model is live.
    """
    exchange = Exchange(new_id(), ANALYZE, AttemptLog(time.perf_counter))
    if caller is not None:
        exchange.key_prefix, exchange.key_models = caller.prefix, caller.models
        lease = house.limiter.lease(caller, house.settings.limits)
        if lease is not None:
            lease.take_request()
        exchange.key_dial = choosing.key_dial(house.settings.routing, name=caller.name, prefix=caller.prefix)
    exchange.allowed = _allowed(house, exchange, fields.get("models"))
    raw = msgspec.json.encode(_chat(fields))
    exchange.parsed = parse_chat(
        raw, headers={**headers, "content-type": "application/json"}, max_depth=house.settings.server.max_json_depth
    )
    exchange.n_body_bytes = len(raw)
    if house.catalog.canonical(exchange.parsed.model) != AUTO:
        raise InvalidRequestError("'model' must be 'auto', or 'auto' with a dial such as 'auto:cheap'.", param="model")
    check_model(house, exchange)
    exchange.explores = False
    with exchange.trace:
        found = await think(house, exchange)
        answer = _answer(house, exchange, found) | _similar(house, exchange, caller)
    judgement.take(house, exchange)
    house.ledger.record(exchange.record())
    return answer


async def think(house: House, exchange: Exchange) -> Settled:
    """Run the stages that choose; returns who settled it, nobody where it was chosen or weighted.

    Raises `UnavailableError` where no model is live.
    """
    parsed = exchange.known()
    exchange.thinks = True
    exchange.rule = first_match((*parsed.routing_rules, *house.rules), parsed.last_user_text)
    with span("classify") as note:
        await classifying.classify(house, exchange, note)
    with span("policy") as note:
        await choosing.policy(house, exchange, note)
    classifying.take(exchange, with_texts=house.settings.storage.store_preview)  # who is late is not needed any more
    with span("judge") as note:
        await judgement.judge(house, exchange, note)
    models = choosing.pool(house, exchange)
    if not models:
        raise no_live_model() if exchange.allowed is None else _none_of(house, exchange.allowed)
    found = settled(catalog_of(house, exchange), exchange.wishes or Wishes())
    exchange.decision = stages.with_features(exchange, _decision(house, exchange, models, found))
    if exchange.choice is None:  # what is expected of each is told also where it had no say
        await choosing.make_choice(house, exchange, models)
    exchange.status = "analyzed"
    return found


def _decision(house: House, exchange: Exchange, models: Sequence[Model], found: Settled) -> Decision:
    """Return what is booked: where nothing is to be drawn, the model has probability 1."""
    choice = exchange.choice
    if found.model is None and choice is not None:
        decision = decide_chosen(
            catalog_of(house, exchange), choice, reasons=found.reasons, chain=house.settings.routing.chain
        )
        return (
            decision
            if exchange.allowed is None
            else replace(decision, ranked=tuple(e for e in decision.ranked if e in exchange.allowed))
        )
    weights = choosing.weights_of(catalog_of(house, exchange), models)
    if found.model is None and exchange.explores:
        return _drawn_by_weight(house, exchange, weights, found)
    name = found.model or max(weights, key=weights.__getitem__)
    names = tuple(dict.fromkeys((*weights, name)))
    return Decision(
        requested=AUTO,
        eligible=names,
        probabilities=tuple(float(each == name) for each in names),
        ranked=(name, *(each for each in names if each != name)),
        reasons=found.reasons if found.model else (*found.reasons, f"{name!r} has the largest weight"),
        policy_version=WEIGHTS_POLICY,
    )


def _drawn_by_weight(house: House, exchange: Exchange, weights: Mapping[str, float], found: Settled) -> Decision:
    seed = seed_of(exchange.known().conversation_id, house.rng)
    probabilities = shares(tuple(weights.values()))
    names = tuple(weights)
    name = names[drawn(probabilities, seed=seed)]
    return Decision(
        requested=AUTO,
        eligible=names,
        probabilities=probabilities,
        ranked=(name, *(each for each in names if each != name)),
        reasons=(*found.reasons, "drawn by weight"),
        policy_version=WEIGHTS_POLICY,
        seed=seed,
    )


def _chances(house: House, exchange: Exchange, source: str) -> Mapping[str, float]:
    """Return with which probability a request that is answered would get each model."""
    decision, considered = exchange.decision, exchange.considered
    if source == "policy" and considered is not None:
        return considered.drawn
    if source == "weights":
        weights = choosing.weights_of(catalog_of(house, exchange), choosing.pool(house, exchange))
        return dict(zip(weights, shares(tuple(weights.values())), strict=True))
    return {} if decision is None else {decision.chosen: 1.0}


def _answer(house: House, exchange: Exchange, found: Settled) -> Json:
    decision, choice, considered = exchange.decision, exchange.choice, exchange.considered
    if decision is None or choice is None or considered is None:
        raise RuntimeError("an analysis decides and considers")
    source = found.by or ("weights" if decision.policy_version == WEIGHTS_POLICY else "policy")
    chances = _chances(house, exchange, source)
    sure = found.model is not None
    confidence = 1.0 if sure else choice.confidence if source == "policy" else chances[decision.chosen]
    return {
        "selectedModel": decision.chosen,
        "confidence": round(100 * confidence),
        "reasoning": ". ".join(decision.reasons),
        "source": "judge" if source == "policy" and exchange.judged.get("followed") else source,
        "decision_id": exchange.id,
        "policy_version": decision.policy_version,
        "dial": considered.dial,
        "features": question_json(considered.question),
        "candidates": [
            {**each, "probability": round(chances.get(str(each["model"]), 0.0), 6)} for each in candidates_json(choice)
        ],
        "runner_up": None if sure else runner_up_json(choice, dial=considered.dial),
        "excluded": {name: list(reasons) for name, reasons in considered.eligible.excluded.items()},
    }


def _similar(house: House, exchange: Exchange, caller: KeyIdentity | None) -> Json:
    """Return questions like this one: a key sees its own, an admin and the owner of a gateway without keys all."""
    sees = None if caller is None or "admin" in caller.scopes else caller.prefix
    found = house.similar.find(exchange.known().last_user_text, caller=sees)
    return found.among(catalog_of(house, exchange).models).as_json()


def _chat(fields: Json) -> Json:
    """Return the chat body that is analyzed."""
    query, messages = fields.get("query"), fields.get("messages")
    chat: Json = {name: value for name, value in fields.items() if name not in _OURS}
    chat["model"] = fields.get("model") or AUTO
    if query is None and messages is None:
        raise InvalidRequestError(
            "Missing required parameter: 'query' or 'messages'.", param="query", code="missing_required_parameter"
        )
    if query is not None and messages is not None:
        raise InvalidRequestError("Send 'query' or 'messages', not both.", param="query")
    if query is None:
        return chat
    if not isinstance(query, str):
        raise wrong_type(query, "query", "a string")
    return chat | {"messages": messages_of(query, param="query")}


def messages_of(query: str, *, param: str) -> list[Json]:
    """Return a question as the messages of a chat. Raises `InvalidRequestError` where it is empty."""
    if not query.strip():
        raise InvalidRequestError(f"'{param}' is empty.", param=param, code="invalid_value")
    return [{"role": "user", "content": query}]


def _allowed(house: House, exchange: Exchange, value: object) -> frozenset[str] | None:
    """Return the models that may be chosen, `None` where the request does not say."""
    if value is None:
        return None
    if not is_list(value):
        raise wrong_type(value, "models", "an array of model names")
    if not value or len(value) > MAX_MODELS:
        raise InvalidRequestError(f"'models' must hold 1 to {MAX_MODELS} names.", param="models")
    names: set[str] = set()
    for position, name in enumerate(value):
        if not isinstance(name, str) or not name:
            raise wrong_type(name, f"models[{position}]", "a model's name")
        refuse_outside(house, exchange, name, param=f"models[{position}]")
        model = house.catalog.models.get(house.catalog.canonical(name))
        if model is None:
            raise ModelNotFoundError(f"The model '{name[:200]}' does not exist here.", param=f"models[{position}]")
        if "chat" not in model.capabilities:
            raise InvalidRequestError(f"The model '{model.name}' does not chat.", param=f"models[{position}]")
        names.add(model.name)
    return frozenset(names)


def _none_of(house: House, allowed: frozenset[str]) -> UnavailableError:
    away = cast("Mapping[str, str]", house.catalog.state()["not_live"])
    told = "; ".join(f"{name}: {away.get(name, 'drained')}" for name in sorted(allowed)[:MAX_SHOWN])
    return UnavailableError(f"None of these models is live ({told}).", code="no_live_model")
