"""What `library.py` offers, for programs with an event loop: the stages that choose, and the books; no server."""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec
import structlog

from config.errors import InvalidRequestError, NotFoundError, UnavailableError
from config.ids import new_id
from config.loader import load_settings
from config.prices import cost_of
from config.redact import preview
from config.types import AttemptRecord, Usage
from proxy import judgement
from proxy.analysis import ANALYZE, messages_of, think
from proxy.app import build_house
from proxy.exchange import Exchange
from proxy.lifespan import living, thinking_works
from proxy.requests.extract import CONVERSATION_HEADERS, DIAL_HEADER
from proxy.requests.parse import parse_chat
from proxy.similar import asked_of
from router.attempt import AttemptLog
from router.choosing.dial import parse_dial
from router.choosing.offering import first_deployment
from router.choosing.stored import candidates_json, question_json
from router.feedback import submit_feedback
from router.snapshot import AUTO
from router.transport import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.settings import Settings
    from config.types import Json
    from proxy.house import House
    from router.providers.base import Transport
    from router.snapshot import Catalog

LIBRARY: Final = replace(ANALYZE, name="library")
MAX_OPEN: Final = 10_000
"""Routes that wait to hear what became of them; beyond it the oldest is booked without."""
FIRST_LOOK_S: Final = 5.0
_JSON: Final = {"content-type": "application/json"}
_OPINIONS: Final = ("rating", "thumbs", "comment", "corrected_intent", "corrected_model")


@dataclass(frozen=True, slots=True)
class Route:
    """Which model should answer."""

    id: str
    """Of the decision; hand it to `update_result`."""
    model: str
    ranked: tuple[str, ...]
    """The model, then those to try where it fails."""
    probabilities: Mapping[str, float]
    """With which each could be chosen; they sum to 1."""
    reasons: tuple[str, ...]
    version: str
    """Of the policy."""
    confidence: float
    """How likely it is to be the best of them, 0 to 1."""
    features: Json
    """What is known of the question, without its words."""
    candidates: tuple[Json, ...]
    """Those that may answer, each with its probability, score, and what the score is the sum of."""
    judge: Json | None = None
    """What a judge said, where one was asked."""


class AsyncRouter:
    """Decides, books and learns as a gateway of the same settings does. Open it with `async with`.

    `reachable` names models that the application calls itself: they count as live, whatever keys are set here.
    `transport` replaces the wire (tests).
    """

    def __init__(
        self, settings: Settings, *, reachable: Sequence[str] = (), transport: Transport | None = None
    ) -> None:
        _log_no_locals()
        self.house: House = build_house(settings, transport=transport or AiohttpTransport())
        self._reachable = frozenset(reachable)
        self._stack = AsyncExitStack()
        self._learned = asyncio.Event()
        self._open: OrderedDict[str, Exchange] = OrderedDict()

    @classmethod
    def from_file(cls, file: Path | str | None = None, *, reachable: Sequence[str] = ()) -> Self:
        """Return a router of a settings file and the environment. Raises `SettingsError`."""
        return cls(load_settings(Path(file) if file is not None else None, os.environ), reachable=reachable)

    async def __aenter__(self) -> Self:
        house = self.house
        self._take_catalog(house.plain_catalog)
        works = (
            *thinking_works(house),
            ("learn", self._learn),
            ("probe-upstreams", lambda: house.prober.run(self._take_catalog)),
        )
        await house.understanding.load()
        await self._stack.enter_async_context(living(house, works))
        self._take_catalog(house.plain_catalog)
        await asyncio.gather(self._probe(), house.judging.look(), self._has_learned(), self._remembers())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def route(
        self,
        asked: str | Sequence[Mapping[str, object]],
        *,
        models: Sequence[str] | None = None,
        conversation: str | None = None,
        dial: float | None = None,
        **chat: object,
    ) -> Route:
        """Return which model should answer a question, or a list of chat messages.

        `models` are the only ones to choose among; `conversation` keeps its turns together; `dial` is from 0, cheap, to
        1, good. `chat` is whatever a chat body may have, such as `tools`. Raises `InvalidRequestError` for what is
        wrong in them, `UnavailableError` where no model is live or this is closed.
        """
        house = self.house
        if not house.ready:
            raise UnavailableError("This router is not open.", code="closed")
        messages = messages_of(asked, param="asked") if isinstance(asked, str) else [dict(each) for each in asked]
        parse_dial(dial, param="dial")  # of the header below, which nobody gave, no error speaks
        given = {CONVERSATION_HEADERS[0]: conversation, DIAL_HEADER: None if dial is None else str(dial)}
        headers = _JSON | {name: value for name, value in given.items() if value is not None}
        raw = msgspec.json.encode({"model": AUTO, "messages": messages, **chat})
        exchange = Exchange(new_id(), LIBRARY, AttemptLog(time.perf_counter))
        exchange.parsed = parse_chat(raw, headers=headers, max_depth=house.settings.server.max_json_depth)
        exchange.n_body_bytes = len(raw)
        exchange.allowed = self._known(models)
        storage = house.settings.storage
        exchange.preview = preview(exchange.parsed.last_user_text) if storage.store_preview else None
        exchange.asked = asked_of(house.settings, exchange.parsed.last_user_text)
        exchange.request_body = raw if storage.store_bodies else None
        with exchange.trace:
            await think(house, exchange)
        judgement.later(house, exchange)
        self._open[exchange.id] = exchange
        while len(self._open) > MAX_OPEN:
            house.ledger.record(self._open.popitem(last=False)[1].record())
        return _route(exchange)

    async def update_result(
        self,
        route_id: str,
        *,
        model: str | None = None,
        failed: bool = False,
        duration_ms: float = 0.0,
        usage: Usage | None = None,
        **opinions: object,
    ) -> None:
        """Say what became of a route, now or later: who answered, and what somebody thought of it.

        `model` is who answered, the chosen one where it is left out. `opinions` are those of `POST /v1/feedback`:
        `rating` from 1 to 5, `thumbs`, `comment`, `corrected_model`, `corrected_intent`. The first call books the
        decision; opinions may follow for as long as the books keep it. Raises `InvalidRequestError`, and
        `NotFoundError` for an id that nobody has.
        """
        house = self.house
        unknown = [name for name in opinions if name not in _OPINIONS]
        if unknown:
            raise InvalidRequestError(f"There is no '{unknown[0]}' to say; known are {', '.join(_OPINIONS)}.")
        waiting = self._open.get(route_id)
        if waiting is not None:
            served = self._served(waiting, model)
            del self._open[route_id]
            attempt = self._attempt(served, failed=failed, duration_ms=duration_ms, usage=usage)
            record = replace(waiting.record(), attempts=(attempt,), served_model=None if failed else served)
            house.ledger.record(replace(record, status="failed_upstream" if failed else "completed"))
        said = {name: value for name, value in opinions.items() if value is not None}
        if said or waiting is None:
            await submit_feedback(
                {"decision_id": route_id, **said},
                database=house.database,
                ledger=house.ledger,
                writer=house.writer,
                caller=None,
            )

    async def close(self) -> None:
        """Book what nobody told the end of, write the books, and end; safe to call twice."""
        while self._open:
            self.house.ledger.record(self._open.popitem(last=False)[1].record())
        await self._stack.aclose()

    async def similar(self, route_id: str) -> Json:
        """Return `similar`, past questions like that of a route that waits for its result, and `similar_by_model`.

        Raises `NotFoundError` for a route that does not wait.
        """
        exchange = self._open.get(route_id)
        if exchange is None:
            raise NotFoundError(f"There is no route '{route_id}' that waits for its result.", param="route_id")
        return self.house.similar.find(exchange.known().last_user_text, caller=None, but=route_id).as_json()

    def forget(self, route_id: str) -> None:
        """Drop a route that is not to be booked."""
        self._open.pop(route_id, None)

    async def _probe(self) -> None:
        if self.house.settings.health.probe_interval_s > 0 and await self.house.prober.probe_once():
            self._take_catalog(self.house.prober.catalog())

    async def _learn(self) -> None:
        """Take up what was learned before, and learn on."""
        await self.house.learning.look(self.house)
        self._learned.set()
        await self.house.learning.run(self.house)

    async def _has_learned(self) -> None:
        """Wait until the first route knows what was learned before, but not for a database that is away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S):
                await self._learned.wait()

    async def _remembers(self) -> None:
        """Wait likewise until past questions can be found."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S):
                await self.house.similar.loaded.wait()

    def _take_catalog(self, catalog: Catalog) -> None:
        self.house.take_catalog(_with_reachable(catalog, self._reachable))

    def _known(self, models: Sequence[str] | None) -> frozenset[str] | None:
        return None if models is None else frozenset(self.house.catalog.resolve(name).name for name in models)

    def _served(self, exchange: Exchange, model: str | None) -> str:
        if model is not None:
            return self.house.catalog.resolve(model).name
        return exchange.decision.chosen if exchange.decision is not None else ""

    def _attempt(self, model: str, *, failed: bool, duration_ms: float, usage: Usage | None) -> AttemptRecord:
        deployment = first_deployment(self.house.catalog.resolve(model))
        cost = None
        if usage is not None and deployment is not None:
            target, pricing = deployment.target, deployment.pricing
            cost = cost_of(usage, provider=target.provider, upstream_model=target.upstream_model, overrides=pricing)
        return AttemptRecord(
            1,
            f"{model}/library",
            model,
            "library",
            committed=not failed,
            failure_class="transient" if failed else None,
            error="the application said that it failed" if failed else None,
            status=None if failed else 200,
            duration_ms=duration_ms,
            usage=usage,
            cost=cost,
        )


def _log_no_locals() -> None:
    """Keep structlog, where the application has not set it up, from printing local variables: texts and keys."""
    if not structlog.is_configured():
        *others, _rendering = structlog.get_config()["processors"]
        plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        structlog.configure(processors=[*others, plain])


def _route(exchange: Exchange) -> Route:
    decision, choice = exchange.decision, exchange.choice
    if decision is None or choice is None or exchange.question is None:
        raise RuntimeError("thinking ends with a decision")
    is_certain = max(decision.probabilities) >= 1.0
    return Route(
        exchange.id,
        decision.chosen,
        decision.ranked,
        dict(zip(decision.eligible, decision.probabilities, strict=True)),
        decision.reasons,
        decision.policy_version,
        1.0 if is_certain else choice.confidence,
        question_json(exchange.question),
        tuple(candidates_json(choice)),
        decision.judge,
    )


def _with_reachable(catalog: Catalog, names: frozenset[str]) -> Catalog:
    """Return the catalogue with these models live: who uses them calls them."""
    wanted = {catalog.canonical(name) for name in names}
    models = {
        name: replace(model, deployments=tuple(replace(each, state="live") for each in model.deployments))
        if name in wanted
        else model
        for name, model in catalog.models.items()
    }
    return replace(catalog, models=models)
