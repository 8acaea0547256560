"""Who is healthy, and who gets what? Weights, drain, trip, reset, and one question to one model."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from admin.asked import chosen_hours
from admin.page import Action, Done, Page, Refused
from admin.queries.performance import Attempts, attempts_by_deployment, profile, requests_by_model
from admin.seen import check_seen, seen_of
from config.errors import ClientFacingError, InvalidRequestError, UpstreamError
from config.types import Json
from router.providers.json_values import as_object
from router.weights import MAX_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litestar.datastructures import FormMultiDict

    from admin.desk.models import ModelsDesk
    from admin.page import Data, Visit

FIELD: Final = "weight:"
MAX_QUESTION: Final = 2_000
"""Characters of a test question."""
MAX_ANSWER: Final = 4_000
"""Characters of its answer that are shown."""


async def read(visit: Visit) -> Data:
    """Return every model with its deployments: shares, health, load; how their attempts went; and the profile."""
    desk, database = _desk(visit), visit.desk.database
    hours = chosen_hours(visit)
    weights, health, load = desk.weights(), desk.health(), desk.load()
    served = await requests_by_model(database, now=visit.now, hours=hours)
    total = sum(served.values())
    entries: list[Json] = []
    for entry in _entries(weights):
        name = str(entry["name"])
        if entry["kind"] == "model":
            n = served.get(name, 0)
            entries.append({**entry, "n_requests": n, "realised": n / total if total else None})
        else:
            busy, latency_s = load.get(name, (0, None))
            state = as_object(health.get(name)) or {"state": "closed", "requests": 0, "failures": 0}
            ms = None if latency_s is None else 1000 * latency_s
            entries.append({**entry, "health": state, "in_flight": busy, "latency_ms": ms})
    return {
        "hours": hours,
        "n_requests": total,
        "entries": entries,
        "ignored": weights["ignored"],
        "deployments": _deployments(
            _entries(weights), await attempts_by_deployment(database, now=visit.now, hours=hours)
        ),
        "profile": await profile(database),
        "beliefs": list(desk.beliefs()),
        "beliefs_seen": seen_of(list(desk.beliefs())),
        "seen": seen_of(_set_weights(weights)),
    }


async def set_weights(visit: Visit, form: FormMultiDict) -> Done:
    """Set the weights that the form changes; an empty field goes back to the settings file."""
    desk = _desk(visit)
    now = desk.weights()
    check_seen(form, _set_weights(now))
    before = {str(each["name"]): each for each in _entries(now)}
    wanted: dict[str, float | None] = {}
    for field, value in form.items():
        name = field.removeprefix(FIELD)
        if field == name or name not in before:
            continue
        weight = _weight(name, str(value))
        if weight is None and before[name]["override"] is not None:
            wanted[name] = None
        elif weight is not None and not math.isclose(weight, float(str(before[name]["effective"]))):
            wanted[name] = weight
    if not wanted:
        return Done(to="/models", message="models.nothing_changed")
    await _change(desk, wanted, visit)
    return Done(to="/models", message="models.weights_saved", values={"n": len(wanted)})


async def drain(visit: Visit, form: FormMultiDict) -> Done:
    """Give a model or deployment the weight 0, so that what runs ends and nothing new begins."""
    return await _set_weight(visit, form, 0.0, "models.drained")


async def undrain(visit: Visit, form: FormMultiDict) -> Done:
    """Go back to the weight of the settings file."""
    return await _set_weight(visit, form, None, "models.undrained")


async def trip(visit: Visit, form: FormMultiDict) -> Done:
    """Open a deployment's breaker until it is reset."""
    return _set_breaker(form, partial(_desk(visit).trip, changed_by=visit.actor), "models.tripped")


async def reset(visit: Visit, form: FormMultiDict) -> Done:
    """Forget what speaks against a deployment."""
    return _set_breaker(form, partial(_desk(visit).reset, changed_by=visit.actor), "models.reset_done")


async def believe(visit: Visit, form: FormMultiDict) -> Done:
    """Set, replace or remove one starting value."""
    desk = _desk(visit)
    check_seen(form, list(desk.beliefs()))
    where = {name: str(form.get(name) or "").strip() for name in ("model", "domain", "language")}
    names = [str(each["name"]) for each in _entries(desk.weights()) if each["kind"] == "model"]
    if where["model"] not in names:
        raise Refused("models.unknown_name", status=404, name=where["model"][:60])
    others = [each for each in desk.beliefs() if any(each.get(name, "") != value for name, value in where.items())]
    added: list[Json] = []
    if form.get("remove") != "yes":
        try:
            added.append({**where, "quality": float(str(form.get("quality") or "").strip())})
        except ValueError as error:
            raise Refused("models.bad_quality") from error
    try:
        await desk.change_beliefs([*others, *added], changed_by=visit.actor)
    except InvalidRequestError as error:
        raise Refused("models.bad_quality") from error
    return Done(to="/models#beliefs", message="models.believed", values={"n": len(others) + len(added)})


async def test(visit: Visit, form: FormMultiDict) -> Done:
    """Ask one model one question, outside of the books, and show what it says."""
    name, question = _named(form), str(form.get("question") or "").strip()
    if not question or len(question) > MAX_QUESTION:
        raise Refused("models.bad_question", max=MAX_QUESTION)
    try:
        said = await _desk(visit).ask(name, question)
    except (ClientFacingError, UpstreamError) as error:
        return Done(to="/models", message="models.test_failed", values={"name": name, "reason": str(error)})
    values = {"name": name, "ms": round(said.duration_ms), "tokens": said.output_tokens}
    return Done(to="/models", message="models.test_answered", values=values, once={"answer": said.text[:MAX_ANSWER]})


async def _set_weight(visit: Visit, form: FormMultiDict, weight: float | None, message: str) -> Done:
    name = _named(form)
    await _change(_desk(visit), {name: weight}, visit)
    return Done(to="/models", message=message, values={"name": name})


def _set_breaker(form: FormMultiDict, change: Callable[[str], None], message: str) -> Done:
    name = _named(form)
    try:
        change(name)
    except KeyError as error:
        raise Refused("models.unknown_name", status=404, name=name) from error
    return Done(to="/models", message=message, values={"name": name})


async def _change(desk: ModelsDesk, wanted: Mapping[str, float | None], visit: Visit) -> None:
    try:
        await desk.change_weights(wanted, changed_by=visit.actor)
    except InvalidRequestError as error:
        key = {"unknown_name": "models.unknown_name", "nothing_left": "models.nothing_left"}.get(error.code or "")
        raise Refused(key or "models.weights_refused", name=", ".join(wanted), reason=str(error)) from error


def _desk(visit: Visit) -> ModelsDesk:
    if visit.desk.models is None:
        raise Refused("failing.no_such_page", status=404)
    return visit.desk.models


def _weight(name: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        weight = float(text)
    except ValueError as error:
        raise Refused("models.no_number", name=name, value=text[:40]) from error
    if not text.isascii() or "_" in text:  # what Python reads as a number besides
        raise Refused("models.no_number", name=name, value=text[:40])
    if not math.isfinite(weight) or not 0 <= weight <= MAX_WEIGHT:
        raise Refused("models.out_of_range", name=name, value=text[:40], max=f"{MAX_WEIGHT:,.0f}")
    return weight


def _named(form: FormMultiDict) -> str:
    name = str(form.get("name") or "")
    if not name:
        raise Refused("models.unknown_name", status=404, name="")
    return name


def _entries(weights: Json) -> list[Json]:
    return cast("list[Json]", weights["weights"])


def _deployments(entries: list[Json], found: Mapping[tuple[str, str], Attempts]) -> list[Json]:
    """Return every deployment with what was asked of it, model by model, those that are configured first.

    `realised` is its part of the attempts at its model, those of deployments that are no longer there included.
    """
    known = {(str(each["model"]), str(each["name"])): each for each in entries if each["kind"] == "deployment"}
    by_model: Counter[str] = Counter()
    for (model, _name), its in found.items():
        by_model[model] += its.ends.total()
    names = [*known, *(key for key in found if key not in known)]
    order = {model: place for place, (model, _name) in reversed(list(enumerate(names)))}
    told: list[Json] = []
    for model, name in sorted(names, key=lambda each: order[each[0]]):
        its, entry = found.get((model, name), Attempts()).told(), known.get((model, name), {})
        realised = cast("int", its["n_attempts"]) / by_model[model] if by_model[model] else None
        by_weight = {"share": entry.get("share"), "priority": entry.get("priority")}
        told.append({"model": model, "name": name, "realised": realised, **by_weight, **its})
    return told


def _set_weights(weights: Json) -> Json:
    """Return what two admins may not change at once."""
    return {str(each["name"]): each["effective"] for each in _entries(weights)}


PAGE = Page(name="models", path="/models", read=read, group="watch", is_shown=lambda desk: desk.models is not None)
ACTIONS = (
    Action(path="/models/weights", act=set_weights),
    Action(path="/models/drain", act=drain),
    Action(path="/models/undrain", act=undrain),
    Action(path="/models/trip", act=trip),
    Action(path="/models/reset", act=reset),
    Action(path="/models/test", act=test),
    Action(path="/models/believe", act=believe),
)
