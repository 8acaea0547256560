"""Which model answers this best? One prompt to two to four models, side by side, as they write."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from admin.desk.playground import BusyError
from admin.page import Action, Done, Page, Refused, Stream, Streamed
from config.columns import json_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litestar.datastructures import FormMultiDict

    from admin.desk.playground import Column, PlaygroundDesk, Run
    from admin.page import Data, Visit
    from config.types import Json

MOST: Final = 4
"""Models beside each other."""
MAX_PROMPT: Final = 20_000
WAIT_S: Final = 10.0
"""Between two signs of life of a stream."""
PAUSE_S: Final = 0.1
"""Between two pieces: what comes faster is told together."""


async def read(visit: Visit) -> Data:
    """Return what can be asked, and the run of `?run=` as it stands."""
    desk = _desk(visit)
    wanted = visit.query.get("run")
    run = desk.find(wanted) if wanted else None
    if wanted and run is None:
        raise Refused("playground.no_such_run", status=404)
    return {
        "models": list(desk.models()),
        "most": MOST,
        "run": None if run is None else {"id": run.id, "prompt": run.prompt, "is_over": run.is_over, **_told(run)},
    }


async def start(visit: Visit, form: FormMultiDict) -> Done:
    """Ask the models of the form."""
    desk = _desk(visit)
    prompt = str(form.get("prompt") or "").strip()
    models = list(dict.fromkeys(str(each) for each in form.getall("model", [])))
    if not prompt or len(prompt) > MAX_PROMPT:
        raise Refused("playground.bad_prompt", max=f"{MAX_PROMPT:,}")
    if not 1 <= len(models) <= MOST:
        raise Refused("playground.bad_number", max=MOST)
    unknown = next((each for each in models if each not in desk.models()), None)
    if unknown is not None:
        raise Refused("playground.unknown_model", status=404, name=unknown[:60])
    try:
        run = await desk.start(prompt, models, by=visit.actor)
    except BusyError as error:
        raise Refused("playground.busy", status=409) from error
    return Done(to=f"/playground?run={run.id}", message="playground.asked", values={"n": len(models)})


async def watch(visit: Visit) -> Streamed:
    """Return a run's columns whenever they grow, until all have ended."""
    desk = _desk(visit)
    run = desk.find(visit.query.get("run", ""))
    if run is None:
        raise Refused("playground.no_such_run", status=404)
    return Streamed(chunks=_growing(desk, run), media_type="text/event-stream")


async def _growing(desk: PlaygroundDesk, run: Run) -> AsyncIterator[bytes]:
    seen = -1
    while True:
        version = await desk.changed(run, seen, wait_s=WAIT_S)
        if version != seen:
            seen = version
            yield f"event: run\ndata: {json_text(_told(run))}\n\n".encode()
        else:
            yield b": still there\n\n"
        if run.is_over or desk.find(run.id) is None:
            yield b"event: over\ndata: {}\n\n"
            return
        await asyncio.sleep(PAUSE_S)


def _told(run: Run) -> Json:
    return {"columns": [_column(each) for each in run.columns]}


def _column(column: Column) -> Json:
    return {
        "asked": column.asked,
        "status": column.status,
        "served": column.served,
        "decision_id": column.decision_id,
        "text": column.text,
        "reason": column.reason,
        "ttft_ms": column.ttft_ms,
        "duration_ms": column.duration_ms,
        "input_tokens": column.input_tokens,
        "output_tokens": column.output_tokens,
    }


def _desk(visit: Visit) -> PlaygroundDesk:
    if visit.desk.playground is None:
        raise Refused("failing.no_such_page", status=404)
    return visit.desk.playground


PAGE = Page(
    name="playground",
    path="/playground",
    read=read,
    group="understand",
    role="admin",
    is_shown=lambda desk: desk.playground is not None,
)
ACTIONS = (Action(path="/playground", act=start),)
EVENTS = Stream(path="/playground/events", open=watch, role="admin", is_shown=PAGE.is_shown)
