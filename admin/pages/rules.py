"""Which words settle the choice? The rules in their order, edited as a whole, and tried on a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admin.page import Action, Done, Page, Refused
from admin.seen import check_seen, seen_of
from config.errors import InvalidRequestError
from router.rules import MAX_RULES, MAX_TEXT_CHARS, first_match

if TYPE_CHECKING:
    from litestar.datastructures import FormMultiDict

    from admin.desk.rules import RulesDesk
    from admin.page import Data, Visit
    from config.types import Json
    from router.rules import Rule

FIELDS: Final = ("pattern", "kind", "model", "name")
EMPTY_ROWS: Final = 2
"""Rows for new rules below those that there are."""
MAX_TRIED: Final = 4_000
"""Characters of a text in an address."""


async def read(visit: Visit) -> Data:
    """Return the rules, and which of them a text of `?text=` would meet."""
    state = _desk(visit).state()
    text = visit.query.get("text", "")
    if len(text) > MAX_TRIED:
        raise Refused("rules.text_too_long", max=MAX_TRIED)
    met = first_match(state.rules, text[:MAX_TEXT_CHARS]) if text else None
    return {
        "rules": [_told(rule) for rule in state.rules],
        "from_file": [_told(rule) for rule in state.from_file],
        "changed_by": state.changed_by,
        "changed_at": state.changed_at.isoformat() if state.changed_at is not None else None,
        "models": list(state.models),
        "n_rows": min(MAX_RULES, len(state.rules) + EMPTY_ROWS),
        "text": text,
        "met": state.rules.index(met) if met is not None else None,
        "seen": seen_of([_told(rule) for rule in state.rules]),
    }


async def save(visit: Visit, form: FormMultiDict) -> Done:
    """Set all rules as the form has them: a row without a pattern is left out, `place` gives the order."""
    desk = _desk(visit)
    check_seen(form, [_told(rule) for rule in desk.state().rules])
    columns = {field: [str(each) for each in form.getall(field, [])] for field in (*FIELDS, "place")}
    if len({len(column) for column in columns.values()}) != 1:
        raise Refused("failing.bad_request")
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    kept = [row for row in rows if row["pattern"].strip()]
    ordered = sorted(enumerate(kept), key=lambda each: (_place(each[1]["place"]), each[0]))
    wanted: list[Json] = [{field: row[field] or None for field in FIELDS} for _n, row in ordered]
    await _change(desk, wanted, visit)
    return Done(to="/rules", message="rules.saved", values={"n": len(wanted)})


async def restore(visit: Visit, form: FormMultiDict) -> Done:
    """Go back to the settings file's rules."""
    desk = _desk(visit)
    check_seen(form, [_told(rule) for rule in desk.state().rules])
    await desk.change(None, changed_by=visit.actor)
    return Done(to="/rules", message="rules.restored")


async def _change(desk: RulesDesk, wanted: list[Json], visit: Visit) -> None:
    try:
        await desk.change(wanted, changed_by=visit.actor)
    except InvalidRequestError as error:
        raise Refused("rules.refused", field=error.param or "", reason=str(error)) from error


def _place(text: str) -> float:
    try:
        place = float(text)
    except ValueError:
        return float("inf")
    return place if place == place else float("inf")  # noqa: PLR0124  # NaN has no place


def _told(rule: Rule) -> Json:
    return {"pattern": rule.pattern, "kind": rule.kind, "model": rule.model, "name": rule.name}


def _desk(visit: Visit) -> RulesDesk:
    if visit.desk.rules is None:
        raise Refused("failing.no_such_page", status=404)
    return visit.desk.rules


PAGE = Page(name="rules", path="/rules", read=read, group="understand", is_shown=lambda desk: desk.rules is not None)
ACTIONS = (Action(path="/rules", act=save), Action(path="/rules/restore", act=restore))
