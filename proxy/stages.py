"""The stages before an answer: each reads and fills the exchange, and degrades visibly instead of failing.

Only `admit` and `parse` may refuse a request. What a stage decides is made in the lower rooms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from config.errors import InvalidRequestError, UnavailableError
from config.redact import preview
from proxy.admission import admit_key, require_scope
from proxy.allowed import catalog_of, check_model, why_not_followed
from proxy.choosing import key_dial
from proxy.guard import via
from proxy.placing import place
from proxy.question import MAX_LANGUAGE_CHARS
from proxy.reflexes import look
from proxy.requests.content import decode_content
from proxy.similar import asked_of
from proxy.telemetry.client_ids import client_request_id, valid_trace_parent
from proxy.token_reservation import reserve_tokens
from retrieval.segment import language_of
from router.affinity import conversation_key, is_continued
from router.rules import first_match
from router.selection import Wishes, candidates_of, decide_auto, decide_embeddings, decide_named
from router.snapshot import AUTO

if TYPE_CHECKING:
    from config.trace import span
    from config.types import Decision, Json
    from proxy.connection import Connection
    from proxy.exchange import Exchange
    from proxy.house import House
    from router.attempt import Candidate
    from router.providers.base import ChatRequest

ROUTER_HEADER = "x-thalamus-router"
RETRIEVAL_HEADER = "x-thalamus-retrieval"
EXPLORE_HEADER = "x-thalamus-explore"


async def admit(house: House, exchange: Exchange, connection: Connection) -> None:
    """Check the proxy key, its requests a minute, and the headers that steer."""
    if house.draining:
        raise UnavailableError("The server is shutting down.", code="shutting_down", retry_after_s=1)
    identity = connection.caller or await admit_key(house, connection.headers)
    require_scope(identity, "chat")
    if identity is not None:
        exchange.key_prefix, exchange.key_models = identity.prefix, identity.models
        exchange.key_dial = key_dial(house.settings.routing, name=identity.name, prefix=identity.prefix)
    exchange.lease = house.limiter.lease(identity, house.settings.limits)
    if exchange.lease is not None:
        exchange.lease.take_request()
    exchange.admitted = True
    exchange.trace_parent = valid_trace_parent(connection.headers.get("traceparent"))
    exchange.client_request_id = client_request_id(connection.headers.get("x-request-id"))
    wish = connection.headers.get(ROUTER_HEADER)
    if wish not in {None, "off", "explain"}:
        raise InvalidRequestError(f"{ROUTER_HEADER} must be 'off' or 'explain'.", param=ROUTER_HEADER)
    exchange.routed = wish != "off"
    exchange.explain = wish == "explain"
    exchange.retrieves = not _switched_off(connection, RETRIEVAL_HEADER)
    exchange.explores = not _switched_off(connection, EXPLORE_HEADER)


async def parse(house: House, exchange: Exchange, connection: Connection) -> None:
    """Read the body, bounded before and after decompression, keep it whole, and reserve the tokens it may use."""
    server, storage = house.settings.server, house.settings.storage
    raw = await connection.body(server.max_body_bytes)
    body = decode_content(raw, connection.headers.get("content-encoding"), server.max_body_bytes)
    exchange.n_body_bytes = len(body)
    parsed = exchange.door.parse(body, headers=connection.headers, max_depth=server.max_json_depth)
    forwarded = {**parsed.request.headers, "via": via(house.instance_id, connection.headers.get("via"))}
    exchange.parsed = replace(parsed, request=replace(parsed.request, id=exchange.id, headers=forwarded))
    exchange.warnings += parsed.warnings
    check_model(house, exchange)
    await reserve_tokens(exchange)
    if storage.store_preview:
        exchange.preview = preview(parsed.last_user_text)
    if not exchange.door.embeds:
        exchange.asked = asked_of(house.settings, parsed.last_user_text)
    if storage.store_bodies:
        exchange.request_body = body


def reflex(house: House, exchange: Exchange, note: span) -> None:
    """Match the request's own rules, then the configured ones, and look for orders that are hard to take back."""
    parsed = exchange.known()
    exchange.thinks = exchange.routed and not exchange.door.embeds and house.catalog.canonical(parsed.model) == AUTO
    look(house, exchange, note)  # a confirmed request is read as it was asked at first
    parsed = exchange.known()
    if not exchange.thinks:
        note(skipped=exchange.risk is None)
        return
    exchange.rule = exchange.rule or first_match((*parsed.routing_rules, *house.rules), parsed.last_user_text)
    note(rule=exchange.rule.pattern if exchange.rule else None)


def decide(house: House, exchange: Exchange, note: span) -> tuple[ChatRequest, tuple[Candidate, ...]]:
    """Choose the model, and put the candidates in the order in which they will be tried."""
    parsed = exchange.known()
    request = parsed.request
    catalog = catalog_of(house, exchange)
    if exchange.door.embeds:
        exchange.decision = decide_embeddings(catalog, parsed.model)
    elif catalog.canonical(parsed.model) == AUTO:
        exchange.decision = decide_auto(
            catalog,
            wishes=exchange.wishes
            or Wishes(exchange.rule, house.settings.routing.default_model, None, exchange.routed),
            conversation_id=parsed.conversation_id,
            rng=house.rng,
            choice=exchange.choice,
        )
    else:
        exchange.decision = decide_named(catalog, parsed.model)
    exchange.decision = with_features(exchange, exchange.decision)
    rule = exchange.rule
    if rule is not None and exchange.decision.chosen != catalog.canonical(rule.model):
        exchange.warnings += (f"rule for model '{rule.model}' not followed: {why_not_followed(house, exchange)}",)
    looked_up = _conversation(house, exchange)
    candidates = candidates_of(
        catalog,
        exchange.decision,
        balancer=house.balancer,
        affinity=house.affinity,
        conversation=looked_up,
        is_healthy=lambda each: house.health.available(each.target),
    )
    if exchange.door.embeds:
        candidates = _that_embed(house, candidates)
    note(chosen=exchange.decision.chosen, reasons=list(exchange.decision.reasons), candidates=len(candidates))
    return place(house, exchange, request, candidates), candidates


def with_features(exchange: Exchange, decision: Decision) -> Decision:
    """Return the decision with what is known of the request, what its choice was made from, and who judged it."""
    language = language_of(exchange.known().last_user_text[-MAX_LANGUAGE_CHARS:])
    arm = exchange.trial.label if exchange.trial is not None else decision.arm
    return replace(decision, features=_known_of(language, exchange), judge=exchange.judged or None, arm=arm)


def _switched_off(connection: Connection, header: str) -> bool:
    wish = connection.headers.get(header)
    if wish not in {None, "off"}:
        raise InvalidRequestError(f"{header} must be 'off'.", param=header)
    return wish is not None


def _known_of(language: str, exchange: Exchange) -> Json:
    known: Json = ({} if exchange.features is None else exchange.features.as_json()) | exchange.learned
    choice, considered = exchange.choice, exchange.considered
    made: Json = {} if choice is None or considered is None else considered.as_json(choice)
    trial: Json = {} if exchange.trial is None else {"trial": exchange.trial.as_json()}
    return {"language": language, **known, **made, **trial} | ({} if exchange.risk is None else {"risk": exchange.risk})


def _conversation(house: House, exchange: Exchange) -> bytes | None:
    """Note the conversation's key, and return it where somebody may have served this conversation before."""
    parsed, catalog = exchange.known(), catalog_of(house, exchange)
    ranked = exchange.decision.ranked if exchange.decision is not None else ()
    has_choice = any(len(catalog.resolve(name).deployments) > 1 for name in ranked)
    if exchange.conversation is None and (not has_choice or not house.affinity.enabled or exchange.door.embeds):
        return None
    body = parsed.request.body
    key = exchange.conversation or conversation_key(
        body, conversation_id=parsed.conversation_id, caller=exchange.key_prefix
    )
    exchange.conversation = key
    return key if parsed.conversation_id is not None or is_continued(body) else None


def _that_embed(house: House, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Leave out dialects that have no embeddings. Raises `InvalidRequestError` where none is left."""
    able = tuple(each for each in candidates if house.embedder.speaks(each.dialect))
    if not able:
        raise InvalidRequestError(
            f"The model '{candidates[0].model}' cannot embed.", param="model", code="model_cannot_embed"
        )
    return able
