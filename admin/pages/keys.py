"""Who may use the gateway, and what may they use? Keys are made here and shown once, limited, and ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from admin.page import Action, Done, Page, Refused
from admin.seen import check_seen, seen_of
from config.errors import NotFoundError
from config.key_making import MAX_PER_MINUTE, KeyTerms

if TYPE_CHECKING:
    from datetime import datetime

    from litestar.datastructures import FormMultiDict

    from admin.desk.keys import KeysDesk
    from admin.page import Data, Visit
    from config.key_identity import KeyInfo, Scope

MAX_SHOWN: Final = 500
MAX_DAYS: Final = 3650
SCOPES: Final[dict[str, tuple[Scope, ...]]] = {"chat": ("chat",), "admin": ("chat", "admin")}


async def read(visit: Visit) -> Data:
    """Return the keys that open the door, newest first; with `?show=all` those that do not any more, too."""
    desk = _desk(visit)
    show_all = visit.query.get("show") == "all"
    everyone = await desk.keys()
    shown = [each for each in everyone if show_all or _state(each, visit.now) == "active"]
    n_active = sum(_state(each, visit.now) == "active" for each in everyone)
    door = desk.door()
    return {
        "keys": [_told(each, visit.now) for each in shown[:MAX_SHOWN]],
        "n_left_out": max(0, len(shown) - MAX_SHOWN),
        "n_active": n_active,
        "n_ended": len(everyone) - n_active,
        "show_all": show_all,
        "opens_until_first_key": door.opens_until_first_key and n_active == 0,
        "n_from_environment": door.n_from_environment,
        "limits": {"requests_per_minute": door.requests_per_minute, "tokens_per_minute": door.tokens_per_minute},
        "models": list(door.models),
    }


async def create(visit: Visit, form: FormMultiDict) -> Done:
    """Make a key; it is shown on the next page and never again."""
    days = _number(form, "days", most=MAX_DAYS)
    if days == 0:
        raise Refused("keys.bad_number", field="days", value="0", most=MAX_DAYS)
    terms = KeyTerms(
        name=_text(form, "name"),
        scopes=_scopes(form),
        expires_ts=None if days is None else visit.now + timedelta(days=days),
        requests_per_minute=_number(form, "requests_per_minute", most=MAX_PER_MINUTE),
        tokens_per_minute=_number(form, "tokens_per_minute", most=MAX_PER_MINUTE),
        models=_models(form),
    )
    try:
        key, info = await _desk(visit).make(terms, changed_by=visit.actor)
    except ValueError as error:
        raise Refused("keys.refused", reason=str(error)) from error
    return Done(to="/keys", message="keys.created", values={"name": info.name}, once={info.prefix: key})


async def revoke(visit: Visit, _form: FormMultiDict) -> Done:
    """End a key for good; ending it twice changes nothing."""
    try:
        info = await _desk(visit).revoke(visit.path["id"], changed_by=visit.actor)
    except NotFoundError as error:
        raise Refused("keys.no_such_key", status=404) from error
    return Done(to="/keys", message="keys.revoked", values={"name": info.name})


async def limit(visit: Visit, form: FormMultiDict) -> Done:
    """Set which models a key may use; an empty field is all of them."""
    desk, key_id = _desk(visit), visit.path["id"]
    now = next((each for each in await desk.keys() if each.id == key_id), None)
    if now is None:
        raise Refused("keys.no_such_key", status=404)
    check_seen(form, now.models)
    try:
        info = await desk.limit_models(key_id, _models(form), changed_by=visit.actor)
    except ValueError as error:
        raise Refused("keys.refused", reason=str(error)) from error
    return Done(to="/keys", message="keys.limited", values={"name": info.name})


def _told(key: KeyInfo, now: datetime) -> Data:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": list(key.scopes),
        "state": _state(key, now),
        "created": key.created_ts.isoformat(),
        "expires": key.expires_ts.isoformat() if key.expires_ts else None,
        "revoked": key.revoked_ts.isoformat() if key.revoked_ts else None,
        "requests_per_minute": key.requests_per_minute,
        "tokens_per_minute": key.tokens_per_minute,
        "models": None if key.models is None else list(key.models),
        "seen": seen_of(key.models),
    }


def _state(key: KeyInfo, now: datetime) -> str:
    if key.revoked_ts is not None:
        return "revoked"
    return "expired" if key.expires_ts is not None and key.expires_ts <= now else "active"


def _scopes(form: FormMultiDict) -> tuple[Scope, ...]:
    found = SCOPES.get(_text(form, "scope") or "chat")
    if found is None:
        raise Refused("failing.bad_request")
    return found


def _models(form: FormMultiDict) -> tuple[str, ...] | None:
    names = tuple(each.strip() for each in _text(form, "models").replace("，", ",").split(",") if each.strip())
    return names or None


def _number(form: FormMultiDict, field: str, *, most: int) -> int | None:
    text = _text(form, field)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most):
        raise Refused("keys.bad_number", field=field, value=text[:40], most=most)
    return int(text)


def _text(form: FormMultiDict, field: str) -> str:
    return str(form.get(field) or "").strip()


def _desk(visit: Visit) -> KeysDesk:
    if visit.desk.keys is None:
        raise Refused("failing.no_such_page", status=404)
    return visit.desk.keys


PAGE = Page(name="keys", path="/keys", read=read, group="operate", is_shown=lambda desk: desk.keys is not None)
ACTIONS = (
    Action(path="/keys", act=create),
    Action(path="/keys/{id:str}/revoke", act=revoke),
    Action(path="/keys/{id:str}/models", act=limit),
)
