"""Who decides when the router is unsure, and by which words? Templates: looked at, edited, tried, promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from admin.auditing import audited
from admin.desk.jobs import JobBusyError, newest
from admin.page import Action, Done, Page, Refused
from admin.seen import check_seen, seen_of
from config.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litestar.datastructures import FormMultiDict

    from admin.desk.jobs import JobState
    from admin.desk.judge import JudgeDesk
    from admin.page import Data, Visit
    from config.types import Json

TRY: Final = "judge-try"
OPTIMISE: Final = "judge-optimise"
"""Kinds of jobs."""
MAX_QUESTION: Final = 4_000
"""Characters of a question to try."""


async def read(visit: Visit) -> Data:
    """Return how the judge is, its templates, the one of `?template=`, and what was tried last."""
    desk, jobs = _desk(visit), visit.desk.jobs
    found = await desk.templates()
    templates = cast("list[Json]", found["templates"])
    wanted = visit.query.get("template", str(found["in_charge"]))
    shown = next((each for each in templates if wanted in {each["version"], each["name"]}), None)
    if shown is None and "template" in visit.query:
        raise Refused("judge.no_such_template", status=404, template=wanted[:60])
    return {
        "state": desk.state(),
        **found,
        "shown": shown,
        "tried": _told(newest(jobs, TRY)),
        "optimised": _told(newest(jobs, OPTIMISE)),
        "can_try": jobs is not None,
        "seen": seen_of([found["in_charge"], [each["version"] for each in templates]]),
    }


async def save(visit: Visit, form: FormMultiDict) -> Done:
    """Keep the words of the form as a template of one's own; nothing is put in charge by that."""
    desk = _desk(visit)
    await _check(desk, form)
    try:
        version = await desk.save(str(form.get("toml") or ""))
    except (SettingsError, OSError) as error:
        raise Refused("judge.refused", reason=str(error)) from error
    await audited(visit, "save_judge_template", version)
    return Done(to=f"/judge?template={version}", message="judge.saved", values={"version": version})


async def promote(visit: Visit, form: FormMultiDict) -> Done:
    """Put a template in charge, untried."""
    desk = _desk(visit)
    await _check(desk, form)
    before = (await desk.templates())["in_charge"]
    try:
        after = await desk.promote(str(form.get("version") or ""))
    except (SettingsError, OSError) as error:
        raise Refused("judge.refused", reason=str(error)) from error
    await audited(visit, "promote_judge_template", after, before=before, after=after)
    return Done(to="/judge", message="judge.promoted", values={"version": after})


async def rollback(visit: Visit, form: FormMultiDict) -> Done:
    """Take the last promotion back."""
    desk = _desk(visit)
    await _check(desk, form)
    before = (await desk.templates())["in_charge"]
    try:
        after = await desk.rollback()
    except (SettingsError, OSError) as error:
        raise Refused("judge.refused", reason=str(error)) from error
    await audited(visit, "rollback_judge_template", after, before=before, after=after)
    return Done(to="/judge", message="judge.rolled_back", values={"version": after})


async def try_it(visit: Visit, form: FormMultiDict) -> Done:
    """Ask the judge which model should answer a question, beside the gateway; nothing is recorded."""
    text, version = str(form.get("question") or "").strip(), str(form.get("version") or "")
    if not text or len(text) > MAX_QUESTION:
        raise Refused("judge.bad_question", max=MAX_QUESTION)
    found = await _desk(visit).templates()
    if version not in {str(each["version"]) for each in cast("list[Json]", found["templates"])}:
        raise Refused("judge.no_such_template", status=404, template=version[:60])
    await _start(visit, TRY, version, ("judge", "try", "--json", "--template", version, "--", text))
    return Done(to=f"/judge?template={version}", message="judge.asked")


async def optimise(visit: Visit, form: FormMultiDict) -> Done:
    """Try every template on recorded decisions with outcomes, beside the gateway; promotes nothing."""
    del form
    await _start(visit, OPTIMISE, "all", ("judge", "optimise", "--json"))
    return Done(to="/judge", message="judge.optimising")


async def _start(visit: Visit, kind: str, subject: str, command: Sequence[str]) -> None:
    if visit.desk.jobs is None:
        raise Refused("failing.no_such_page", status=404)
    try:
        await visit.desk.jobs.start(kind, subject, command, by=visit.actor)
    except JobBusyError as error:
        raise Refused("judge.busy", status=409) from error


async def _check(desk: JudgeDesk, form: FormMultiDict) -> None:
    found = await desk.templates()
    versions = [each["version"] for each in cast("list[Json]", found["templates"])]
    check_seen(form, [found["in_charge"], versions])


def _desk(visit: Visit) -> JudgeDesk:
    if visit.desk.judge is None:
        raise Refused("failing.no_such_page", status=404)
    return visit.desk.judge


def _told(job: JobState | None) -> Json | None:
    if job is None:
        return None
    return {
        "subject": job.subject,
        "status": job.status,
        "started": job.started.isoformat(),
        "step": job.step,
        "done": job.done,
        "total": job.total,
        "reason": job.reason,
        "result": job.result,
    }


PAGE = Page(name="judge", path="/judge", read=read, group="understand", is_shown=lambda desk: desk.judge is not None)
ACTIONS = (
    Action(path="/judge/save", act=save),
    Action(path="/judge/promote", act=promote),
    Action(path="/judge/rollback", act=rollback),
    Action(path="/judge/try", act=try_it),
    Action(path="/judge/optimise", act=optimise),
)
