"""The decision explorer's view of the house."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from admin.desk.decisions import Bodies, PolicyNow, Replayed
from config.ids import new_id
from config.prices import cost_of
from proxy.choosing import offers, terms_of, weights_of
from proxy.desk.asking import ask
from proxy.doors import ANTHROPIC, EMBEDDINGS, OPENAI, ROUTE, UNIFIED, Door
from proxy.health_api import AUDIT
from proxy.requests.extract import CONVERSATION_HEADERS
from router.choosing.offering import first_deployment
from router.feedback import submit_feedback
from router.history import FLUSH_S, decision_bodies, decision_json
from router.providers.json_values import as_object

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.types import Json, Usage
    from proxy.desk.asking import Answer
    from proxy.house import House

DOORS: Final[Mapping[str, Door]] = {
    **{each.name: each for each in (OPENAI, ANTHROPIC, UNIFIED, ROUTE, EMBEDDINGS)},
    "library": OPENAI,
}
"""Where a stored request may come in again, by the endpoint in the books."""
STREAMED: Final = ("stream", "stream_options")
REPLAY: Final = "replay:"
"""Before the id of the decision whose request was sent again: the conversation of the new one."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody at the dashboard, as feedback knows callers: what is said counts as an administrator's."""

    prefix: str
    scopes: frozenset[str] = frozenset({"admin"})


class HouseDecisions:
    """A `DecisionsDesk` over the running house."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def find(self, decision_id: str) -> Json | None:
        """Return one decision, written or not."""
        return await decision_json(self._house.database, decision_id, writer=self._house.writer)

    async def bodies(self, decision_id: str) -> Bodies:
        """Return what is stored."""
        request, answer = await decision_bodies(self._house.database, decision_id)
        return Bodies(request, answer, self._house.settings.storage.store_bodies)

    async def policy(self, models: Sequence[str]) -> PolicyNow:
        """Return offers, experience and terms of now."""
        house = self._house
        known = [model for name in models if (model := house.catalog.models.get(name)) is not None]
        found = await offers(house, known, weights_of(house.catalog, known))
        routing = house.settings.routing
        return PolicyNow({each.model: each for each in found}, house.experience, terms_of(routing, routing.dial))

    def similar(self, decision_id: str) -> Json:
        """Return what is remembered."""
        return self._house.similar.like(decision_id).as_json()

    async def cost_usd(self, model: str, usage: Usage) -> float | None:
        """Price tokens at the deployment that a model's requests go to first."""
        known = self._house.catalog.models.get(model)
        deployment = first_deployment(known) if known is not None else None
        if deployment is None:
            return None
        target, pricing = deployment.target, deployment.pricing
        cost = await asyncio.to_thread(  # the first look reads a large list
            lambda: cost_of(usage, provider=target.provider, upstream_model=target.upstream_model, overrides=pricing)
        )
        return cost.usd

    def intents(self) -> tuple[str, ...]:
        """Return the catalogue's names."""
        return tuple(each.name for each in self._house.understanding.catalogue.intents)

    def models(self) -> tuple[str, ...]:
        """Return those with a live deployment."""
        return tuple(each.name for each in self._house.catalog.models.values() if each.live)

    async def say(self, decision_id: str, opinion: Mapping[str, object], *, actor: str) -> None:
        """Say it, have it audited, and wait until both are written."""
        house = self._house
        await submit_feedback(
            {"decision_id": decision_id, **opinion},
            database=house.database,
            ledger=house.ledger,
            writer=house.writer,
            caller=Speaker(actor),
        )
        self._audit("feedback", decision_id, actor=actor, after=dict(opinion))
        await house.writer.flush(FLUSH_S)

    async def replay(self, decision_id: str, model: str, *, actor: str) -> Replayed | Literal["no_body", "no_door"]:
        """Send it again, whole and not streamed."""
        house = self._house
        decision = await self.find(decision_id)
        request, _ = await decision_bodies(house.database, decision_id)
        if decision is None or request is None:
            return "no_body"
        door = DOORS.get(str(decision["endpoint"]))
        body = _object(request)
        if door is None or body is None:
            return "no_door"
        kept = {name: value for name, value in body.items() if name not in STREAMED}
        self._audit("replay", decision_id, actor=actor, after={"model": model})
        answer = await ask(
            house,
            door,
            msgspec.json.encode({**kept, "model": model}),
            actor=actor,
            headers={CONVERSATION_HEADERS[0]: f"{REPLAY}{decision_id}"},
        )
        return Replayed(answer.headers.get("x-thalamus-decision-id"), answer.status, _problem(answer))

    def _audit(self, action: str, decision_id: str, *, actor: str, after: Json) -> None:
        row: Json = {"action": action, "subject": decision_id, "before": None, "after": after}
        self._house.writer.submit(AUDIT, {"id": new_id(), "ts": datetime.now(UTC), "actor": actor, **row})


def _object(body: bytes) -> Json | None:
    try:
        return as_object(msgspec.json.decode(body))
    except msgspec.DecodeError:
        return None


def _problem(answer: Answer) -> str | None:
    if answer.status < 400:  # noqa: PLR2004  # the first error
        return None
    error = as_object((_object(answer.body) or {}).get("error")) or {}
    return str(error.get("message") or answer.status)
