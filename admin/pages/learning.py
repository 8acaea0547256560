"""Is it improving? The curve, the versions with promote and roll back, and what another policy would have earned."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from admin.auditing import audited
from admin.desk.jobs import JobBusyError, newest
from admin.page import Action, Done, Page, Refused
from admin.queries.recent import recent_opinions
from config.errors import ArtefactError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litestar.datastructures import FormMultiDict

    from admin.desk.jobs import JobState
    from admin.desk.learning import LearningDesk
    from admin.page import Data, Visit
    from config.types import Json

EVALUATE: Final = "evaluate"
"""The kind of job that judges a policy on recorded traffic."""
WEIGHTS: Final = "weights"
"""The policy that draws by the configured weights."""
PERIODS: Final = ("1d", "7d", "30d")
MAX_VERSIONS: Final = 50
VERSION: Final = re.compile(r"v-[0-9a-f]{8}")


async def read(visit: Visit) -> Data:
    """Return how learning stands, its curve, its newest versions, and the last question about another policy."""
    desk = _desk(visit)
    versions = await desk.versions()
    jobs = visit.desk.jobs
    return {
        "state": desk.told(),
        "curve": list(await desk.curve()),
        "recent": await recent_opinions(visit.desk.database),
        "versions": list(versions[:MAX_VERSIONS]),
        "n_versions": len(versions),
        "candidates": [WEIGHTS, *(str(each["id"]) for each in versions[:MAX_VERSIONS])],
        "periods": list(PERIODS),
        "evaluation": _told(newest(jobs, EVALUATE)),
        "can_evaluate": jobs is not None,
    }


async def promote(visit: Visit, form: FormMultiDict) -> Done:
    """Put a version in force."""
    version = _version(form)
    before = await _active(_desk(visit))
    try:
        active = await _desk(visit).promote(version, by=visit.actor)
    except NotFoundError as error:
        raise Refused("learning.no_such_version", status=404, version=version) from error
    except ArtefactError as error:
        raise Refused("learning.damaged", status=409, version=version, reason=str(error)) from error
    await audited(visit, "promote_policy", version, before=before, after=active)
    return Done(to="/learning", message="learning.promoted", values={"version": active})


async def rollback(visit: Visit, form: FormMultiDict) -> Done:
    """Go back to a version, or to the one before where none is named."""
    wanted = str(form.get("version") or "") or None
    before = await _active(_desk(visit))
    try:
        active = await _desk(visit).rollback(_version(form) if wanted else None, by=visit.actor)
    except NotFoundError as error:
        key = "learning.no_such_version" if wanted else "learning.no_version_before"
        raise Refused(key, status=404, version=wanted or "") from error
    except ArtefactError as error:
        raise Refused("learning.damaged", status=409, version=wanted or "", reason=str(error)) from error
    await audited(visit, "rollback_policy", wanted or "the one before", before=before, after=active)
    return Done(to="/learning", message="learning.rolled_back", values={"version": active})


async def evaluate(visit: Visit, form: FormMultiDict) -> Done:
    """Ask beside the gateway what a policy would have earned on the recorded traffic."""
    candidate, since = str(form.get("candidate") or ""), str(form.get("since") or "")
    if candidate != WEIGHTS and not VERSION.fullmatch(candidate):
        raise Refused("learning.no_such_version", status=404, version=candidate[:40])
    if since not in PERIODS:
        raise Refused("learning.bad_period", value=since[:40])
    jobs = visit.desk.jobs
    if jobs is None:
        raise Refused("failing.no_such_page", status=404)
    command = ("policy", "evaluate", "--candidate", candidate, "--since", since, "--json")
    try:
        await jobs.start(EVALUATE, candidate, command, by=visit.actor)
    except JobBusyError as error:
        raise Refused("learning.busy", status=409) from error
    return Done(to="/learning", message="learning.asked", values={"candidate": candidate})


def _desk(visit: Visit) -> LearningDesk:
    if visit.desk.learning is None:
        raise Refused("failing.no_such_page", status=404)
    return visit.desk.learning


def _version(form: FormMultiDict) -> str:
    version = str(form.get("version") or "")
    if not VERSION.fullmatch(version):
        raise Refused("learning.no_such_version", status=404, version=version[:40])
    return version


async def _active(desk: LearningDesk) -> str | None:
    versions: Sequence[Mapping[str, object]] = await desk.versions()
    return next((str(each["id"]) for each in versions if each["state"] == "active"), None)


def _told(job: JobState | None) -> Json | None:
    """Return how far an evaluation is, or what it found."""
    if job is None:
        return None
    return {
        "candidate": job.subject,
        "status": job.status,
        "started": job.started.isoformat(),
        "reason": job.reason,
        "report": job.result if job.status == "done" else None,
    }


PAGE = Page(
    name="learning", path="/learning", read=read, group="improve", is_shown=lambda desk: desk.learning is not None
)
ACTIONS = (
    Action(path="/learning/promote", act=promote),
    Action(path="/learning/rollback", act=rollback),
    Action(path="/learning/evaluate", act=evaluate),
)
