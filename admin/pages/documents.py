"""What can it find? The documents, where they come from, and what a question finds in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from litestar.datastructures import UploadFile

from admin.desk.jobs import JobBusyError, newest
from admin.page import Action, Done, Page, Refused
from config.errors import DocumentError, LibraryBusyError

if TYPE_CHECKING:
    from litestar.datastructures import FormMultiDict

    from admin.desk.documents import DocumentsDesk
    from admin.page import Data, Visit
    from config.types import Json

REBUILD: Final = "rebuild"
"""The kind of job that builds the index anew."""
MAX_QUESTION: Final = 1_000
MAX_SHOWN: Final = 500
"""Documents in the list; the twin has them all."""


async def read(visit: Visit) -> Data:
    """Return the library, how its index is, and what `?q=` finds."""
    desk = _desk(visit)
    question = visit.query.get("q", "")
    if len(question) > MAX_QUESTION:
        raise Refused("documents.question_too_long", max=MAX_QUESTION)
    state = desk.state()
    library = await desk.library()
    found = await desk.search(question) if question.strip() and state["status"] == "ok" else None
    jobs = visit.desk.jobs
    job = newest(jobs, REBUILD)
    return {
        "state": state,
        **library,
        "n_documents": len(cast("list[Json]", library["documents"])),
        "max_shown": MAX_SHOWN,
        "question": question,
        "found": list(found) if found is not None else None,
        "can_rebuild": jobs is not None,
        "rebuild": None
        if job is None
        else {
            "status": job.status,
            "step": job.step,
            "done": job.done,
            "total": job.total,
            "reason": job.reason,
        },
    }


async def upload(visit: Visit, form: FormMultiDict) -> Done:
    """Keep the file of the form."""
    sent = form.get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise Refused("documents.no_file")
    data = await sent.read()
    name = sent.filename.replace("\\", "/").rpartition("/")[2]
    try:
        told = await _desk(visit).add(name, data, by=visit.actor)
    except DocumentError as error:
        raise Refused("documents.not_kept", name=name[:80], reason=str(error)) from error
    except OSError as error:
        raise Refused("documents.folder_away", status=503) from error
    return Done(to="/documents", message="documents.kept", values={"name": name, "n": told["characters"]})


async def remove(visit: Visit, form: FormMultiDict) -> Done:
    """Take a document or a source away; files of the operator's stay."""
    name = str(form.get("name") or "")
    try:
        await _desk(visit).remove(name, by=visit.actor)
    except DocumentError as error:
        raise Refused("documents.unknown", status=404, name=name[:80]) from error
    except LibraryBusyError as error:
        raise Refused("documents.busy", status=503) from error
    return Done(to="/documents", message="documents.removed", values={"name": name})


async def rebuild(visit: Visit, form: FormMultiDict) -> Done:
    """Build the index anew, beside the gateway, which swaps it in when it is there."""
    del form
    if visit.desk.jobs is None:
        raise Refused("failing.no_such_page", status=404)
    try:
        await visit.desk.jobs.start(REBUILD, "documents", ("docs", "rebuild", "--json"), by=visit.actor)
    except JobBusyError as error:
        raise Refused("documents.rebuilding", status=409) from error
    return Done(to="/documents", message="documents.rebuild_begun")


def _desk(visit: Visit) -> DocumentsDesk:
    if visit.desk.documents is None:
        raise Refused("failing.no_such_page", status=404)
    return visit.desk.documents


PAGE = Page(
    name="documents",
    path="/documents",
    read=read,
    group="understand",
    is_shown=lambda desk: desk.documents is not None,
)
ACTIONS = (
    Action(path="/documents", act=upload),
    Action(path="/documents/remove", act=remove),
    Action(path="/documents/rebuild", act=rebuild),
)
