"""Which micro-models are there? What was measured, what runs in shadow, and forging, publishing and taking back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admin.auditing import audited
from admin.desk.jobs import JobBusyError, of_kind
from admin.page import Action, Done, Page, Refused
from config.errors import ArtefactError
from router.providers.json_values import as_object

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litestar.datastructures import FormMultiDict

    from admin.desk.foundry import FoundryDesk
    from admin.page import Data, Visit

FORGE: Final = "forge"
"""The kind of job that trains a micro-model."""
MAX_JOBS: Final = 10
"""Newest trainings in the list."""


async def read(visit: Visit) -> Data:
    """Return the micro-models and the jobs that train them."""
    desk, jobs = _desk(visit), visit.desk.jobs
    return {
        "artefacts": list(await desk.artefacts()),
        "can_forge": jobs is not None and not desk.cannot_forge(),
        "jobs": [
            {
                "id": job.id,
                "name": job.subject,
                "status": job.status,
                "started": job.started.isoformat(),
                "ended": job.ended.isoformat() if job.ended is not None else None,
                "by": job.by,
                "step": job.step,
                "done": job.done,
                "total": job.total,
                "reason": job.reason,
            }
            for job in of_kind(jobs, FORGE)[:MAX_JOBS]
        ],
    }


async def forge(visit: Visit, form: FormMultiDict) -> Done:
    """Train a micro-model from its corpus, beside the gateway; nothing is published by that."""
    desk, name = _desk(visit), str(form.get("name") or "")
    command = desk.forging(name)
    if command is None:
        raise Refused("foundry.unknown", status=404, name=name[:60])
    if visit.desk.jobs is None or desk.cannot_forge():
        raise Refused("foundry.cannot_forge", status=409)
    try:
        await visit.desk.jobs.start(FORGE, name, command, by=visit.actor)
    except JobBusyError as error:
        raise Refused("foundry.busy", status=409) from error
    await audited(visit, "forge_artefact", name)
    return Done(to="/foundry#jobs", message="foundry.begun", values={"name": name})


async def cancel(visit: Visit, form: FormMultiDict) -> Done:
    """End a training that runs."""
    job = str(form.get("job") or "")
    if visit.desk.jobs is None or not await visit.desk.jobs.cancel(job):
        raise Refused("foundry.not_running", status=409)
    return Done(to="/foundry#jobs", message="foundry.cancelled_job")


async def shadow(visit: Visit, form: FormMultiDict) -> Done:
    """Publish what was forged: first in shadow, where it decides nothing."""
    return await _change(visit, form, "shadow", _desk(visit).shadow)


async def end_shadow(visit: Visit, form: FormMultiDict) -> Done:
    """Disable what runs in shadow."""
    return await _change(visit, form, "end_shadow", _desk(visit).end_shadow)


async def promote(visit: Visit, form: FormMultiDict) -> Done:
    """Make the version in shadow live where the comparison allows it, or where the operator insists."""
    desk, name = _desk(visit), str(form.get("name") or "")
    row = next((each for each in await desk.artefacts() if each["name"] == name), None)
    comparison = as_object(row.get("comparison")) if row is not None else None
    if not (comparison or {}).get("passes") and form.get("insist") != "yes":
        raise Refused("foundry.not_better", status=409, name=name[:60])
    return await _change(visit, form, "promote", desk.promote)


async def rollback(visit: Visit, form: FormMultiDict) -> Done:
    """Make the version before live again."""
    return await _change(visit, form, "rollback", _desk(visit).rollback)


async def _change(visit: Visit, form: FormMultiDict, what: str, change: Callable[[str], Awaitable[str]]) -> Done:
    name = str(form.get("name") or "")
    try:
        version = await change(name)
    except ArtefactError as error:
        raise Refused("foundry.refused", status=409, name=name[:60], reason=str(error)) from error
    except OSError as error:
        raise Refused("foundry.folder_away", status=503) from error
    await audited(visit, f"{what}_artefact", name, after=version)
    return Done(to="/foundry", message=f"foundry.did_{what}", values={"name": name, "version": version})


def _desk(visit: Visit) -> FoundryDesk:
    if visit.desk.foundry is None:
        raise Refused("failing.no_such_page", status=404)
    return visit.desk.foundry


PAGE = Page(name="foundry", path="/foundry", read=read, group="improve", is_shown=lambda desk: desk.foundry is not None)
ACTIONS = (
    Action(path="/foundry/forge", act=forge),
    Action(path="/foundry/cancel", act=cancel),
    Action(path="/foundry/shadow", act=shadow),
    Action(path="/foundry/end-shadow", act=end_shadow),
    Action(path="/foundry/promote", act=promote),
    Action(path="/foundry/rollback", act=rollback),
)
