"""Why this model, what did it cost, and what would have happened otherwise? One decision, told whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, cast

from admin.explained import (
    attempts_of,
    candidates_of,
    draw_of,
    entities_of,
    intent_of,
    stages_of,
    usage_of,
)
from admin.page import Action, Done, Page, Refused
from admin.pages.decisions import STATES
from admin.queries.names import known_domains
from config.errors import InvalidRequestError, NotFoundError, StorageError, UnavailableError
from config.ids import is_id
from router.choosing.flips import Options, flips_json, flips_of
from router.choosing.rerun import CLOSE, rerun_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar.datastructures import FormMultiDict

    from admin.desk.decisions import Bodies, DecisionsDesk
    from admin.page import Data, Visit
    from config.types import Json

MAX_BODY_CHARS: Final = 100_000
"""Of a stored request or answer that the page shows; all of it is in the books."""
MAX_COMMENT_CHARS: Final = 4_000
KINDS: Final = ("rating", "thumbs", "comment", "corrected_intent", "corrected_model")


async def read(visit: Visit) -> Data:
    """Return everything that is known of one decision."""
    desk, decision = _desk(visit), await _found(visit)
    bodies = await desk.bodies(str(decision["id"]))
    return {
        "decision": decision,
        "state": STATES.get(str(decision["status"]), "off"),
        "stages": stages_of(decision),
        "intent": intent_of(decision),
        "entities": entities_of(decision),
        "candidates": candidates_of(decision),
        "draw": draw_of(decision),
        "attempts": attempts_of(decision),
        "costs": await _costs(desk, decision),
        "flips": await _flips(visit, desk, decision),
        **desk.similar(str(decision["id"])),
        "bodies": _shown(bodies),
        "replay": {"models": list(desk.models()), "is_possible": bodies.request is not None},
        "said": {str(each["kind"]): each for each in cast("list[Json]", decision["outcomes"])},
        "intents": list(desk.intents()),
        "may_change": visit.user.role == "admin",
    }


async def say(visit: Visit, form: FormMultiDict) -> Done:
    """Take a rating, thumbs, a comment, the right intent or the right model: one of them a form."""
    decision_id = _id(visit)
    kind = next((name for name in KINDS if str(form.get(name) or "").strip()), None)
    if kind is None:
        raise Refused("decision.say_something")
    text = str(form[kind]).strip()
    if kind == "rating" and text not in {"1", "2", "3", "4", "5"}:
        raise Refused("decision.bad_rating")
    try:
        opinion = {kind: int(text) if kind == "rating" else text}
        await _desk(visit).say(decision_id, opinion, actor=visit.actor)
    except NotFoundError as error:
        raise Refused("decision.unknown", status=404, id=decision_id) from error
    except InvalidRequestError as error:
        raise Refused("decision.not_taken", reason=str(error)) from error
    except UnavailableError as error:
        raise StorageError(str(error)) from error
    return Done(to=f"/decisions/{decision_id}", message=f"decision.took_{kind}")


async def replay(visit: Visit, form: FormMultiDict) -> Done:
    """Send the stored request again to one model, and show the new decision."""
    decision_id, desk, model = _id(visit), _desk(visit), str(form.get("model") or "")
    if model not in desk.models():
        raise Refused("decision.no_such_model", value=model[:80])
    found = await desk.replay(decision_id, model, actor=visit.actor)
    if found in {"no_body", "no_door"}:
        raise Refused(f"decision.replay_{found}", status=409)
    replayed = cast("Any", found)
    if replayed.decision_id is None:
        raise Refused("decision.replay_refused", status=502, reason=replayed.message or replayed.status)
    if replayed.message is not None:
        values = {"model": model, "reason": replayed.message}
        return Done(to=f"/decisions/{replayed.decision_id}", message="decision.replay_failed", values=values)
    return Done(to=f"/decisions/{replayed.decision_id}", message="decision.replayed", values={"model": model})


async def _found(visit: Visit) -> Json:
    decision_id = _id(visit)
    try:
        found = await _desk(visit).find(decision_id)
    except UnavailableError as error:
        raise StorageError(str(error)) from error
    if found is None:
        raise Refused("decision.unknown", status=404, id=decision_id)
    return found


def _id(visit: Visit) -> str:
    decision_id = visit.path["id"]
    if not is_id(decision_id):
        raise Refused("decision.malformed_id", value=decision_id[:60])
    return decision_id


def _desk(visit: Visit) -> DecisionsDesk:
    desk = visit.desk.decisions
    if desk is None:  # pragma: no cover  # the page is not shown then
        raise Refused("failing.no_such_page", status=404)
    return desk


async def _costs(desk: DecisionsDesk, decision: Json) -> Json:
    """Return what the answer cost, and estimates: the same tokens at the runner-up's and the dearest's price."""
    usage, served = usage_of(decision), decision.get("served_model")
    names = [str(each["model"]) for each in candidates_of(decision)]
    if usage is None or not names:
        return {"usd": decision["cost_usd"], "runner_up": None, "dearest": None}
    prices = {name: await desk.cost_usd(name, usage) for name in names}
    other = next((name for name in names if name != served), None)
    known = {name: usd for name, usd in prices.items() if usd is not None}
    dearest = max(known, key=known.__getitem__) if known else None
    return {
        "usd": decision["cost_usd"],
        "runner_up": None if other is None else {"model": other, "usd": prices[other], "estimated": True},
        "dearest": None if dearest is None else {"model": dearest, "usd": known[dearest], "estimated": True},
    }


async def _flips(visit: Visit, desk: DecisionsDesk, decision: Json) -> Json:
    """Return the single changes that would have favoured another model, or why there are none to tell."""
    features = cast("Mapping[str, Any]", decision.get("features") or {})
    names = [str(each["model"]) for each in candidates_of(decision)]
    policy = await desk.policy([*names, *(features.get("excluded") or {})])
    rerun = rerun_of(decision, offers=policy.offers, experience=policy.experience, terms=policy.terms)
    if rerun is None:
        return {"state": "no_policy", "changes": []}
    if len(rerun.offers) + len(rerun.resting) < 2:  # noqa: PLR2004  # a choice needs two
        return {"state": "only_one", "changes": []}
    domains = {*await known_domains(visit.desk.database), *(each for offer in rerun.offers for each in offer.domains)}
    options = Options(domains=sorted(domains), intents=desk.intents())
    probabilities = rerun.probabilities()
    return {
        "state": "shown",
        "favourite": rerun.favourite(),
        "probability": round(probabilities[rerun.favourite()], 6),
        "accuracy": _accuracy(decision, probabilities) if rerun.explores else "not_drawn",
        "changes": flips_json(flips_of(rerun, options)),
    }


def _accuracy(decision: Json, probabilities: Mapping[str, float]) -> Literal["same", "judged", "changed"]:
    """Return whether running the choice again gives the probabilities that it was drawn with, and why not."""
    stored = {str(each["model"]): each["probability"] for each in candidates_of(decision)}
    far = [
        name
        for name, value in stored.items()
        if not isinstance(value, int | float) or abs(value - probabilities.get(name, 0.0)) > CLOSE
    ]
    if not far:
        return "same"
    judge = decision.get("judge")
    return "judged" if isinstance(judge, dict) and cast("Json", judge).get("followed") else "changed"


def _shown(bodies: Bodies) -> Json:
    def text(body: bytes | None) -> str | None:
        return None if body is None else body.decode("utf-8", "replace")[:MAX_BODY_CHARS]

    return {
        "request": text(bodies.request),
        "answer": text(bodies.answer),
        "are_stored": bodies.are_stored,
        "is_cut": max(len(bodies.request or b""), len(bodies.answer or b"")) > MAX_BODY_CHARS,
    }


PAGE = Page(name="decision", path="/decisions/{id:str}", read=read, is_shown=lambda desk: desk.decisions is not None)
SAY = Action(path="/decisions/{id:str}/say", act=say)
REPLAY = Action(path="/decisions/{id:str}/replay", act=replay)
