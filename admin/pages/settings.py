"""What is set, where does it come from, and what was changed while running? Files are read again from here."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from admin.auditing import audited
from admin.page import Action, Done, Page, Refused
from admin.queries.overrides import overrides
from config.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar.datastructures import FormMultiDict

    from admin.desk.settings import SettingsDesk
    from admin.page import Data, Visit


async def read(visit: Visit) -> Data:
    """Return every setting by area; with `?show=changed` those that are not the default."""
    state = await _desk(visit).state()
    show_changed = visit.query.get("show") == "changed"
    areas: dict[str, list[dict[str, Any]]] = {"": []}
    for each in state.settings:
        if not show_changed or each.source != "default":
            areas.setdefault(each.name.rpartition(".")[0], []).append(asdict(each))
    return {
        "areas": [{"name": name, "settings": settings} for name, settings in areas.items() if settings],
        "show_changed": show_changed,
        "n_settings": len(state.settings),
        "n_changed": sum(each.source != "default" for each in state.settings),
        "file": state.file,
        "can_reload": state.can_reload,
        "changed": list(state.changed),
        "waiting": list(state.waiting),
        "problem": state.problem,
        "overrides": [_told(each) for each in await overrides(visit.desk.database)],
    }


async def reload(visit: Visit, _form: FormMultiDict) -> Done:
    """Read the files again: all of them, or nothing where they are wrong."""
    desk = _desk(visit)
    state = await desk.state()
    await audited(visit, "reload_settings", state.file or "-", after={"changes": list(state.changed)})
    try:
        waiting = await desk.reload()
    except SettingsError as error:
        raise Refused("settings.refused", reason=str(error)) from error
    if waiting:
        return Done(to="/settings", message="settings.reloaded_but", values={"names": ", ".join(waiting)})
    return Done(to="/settings", message="settings.reloaded")


def _told(row: Mapping[str, Any]) -> Data:
    return {**row, "ts": row["ts"].isoformat()}


def _desk(visit: Visit) -> SettingsDesk:
    if visit.desk.settings is None:
        raise Refused("failing.no_such_page", status=404)
    return visit.desk.settings


PAGE = Page(
    name="settings", path="/settings", read=read, group="operate", is_shown=lambda desk: desk.settings is not None
)
ACTIONS = (Action(path="/settings/reload", act=reload),)
