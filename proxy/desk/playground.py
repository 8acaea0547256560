"""The playground over the running house: requests through the pipeline, as a client's, for an operator."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from admin.desk.playground import BusyError, Column, Run
from config.errors import UpstreamError
from config.ids import new_id
from proxy.desk.asking import ask
from proxy.doors import OPENAI
from router.snapshot import AUTO
from router.sse import SseParser

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.house import House

MAX_RUNS: Final = 20
MAX_AT_ONCE: Final = 4
"""Runs that may go on at once, over all operators."""
MAX_CHARS: Final = 200_000
"""Of an answer that are kept."""
MAX_TOKENS: Final = 2_048
OK: Final = 200


class HousePlayground:
    """A `PlaygroundDesk`. Close it with `aclose`, which leaves what goes on."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._news: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def models(self) -> tuple[str, ...]:
        """Return `auto`, its dials, and every live model."""
        live = tuple(each.name for each in self._house.catalog.models.values() if each.live)
        return (AUTO, f"{AUTO}:cheap", f"{AUTO}:best", *live)

    async def start(self, prompt: str, models: Sequence[str], *, by: str) -> Run:
        """Ask each model, and return at once."""
        if sum(not each.is_over for each in self._runs.values()) >= MAX_AT_ONCE:
            raise BusyError
        columns = tuple(Column(each) for each in models)
        run = Run(id=new_id(), prompt=prompt, started=datetime.now(UTC), by=by, columns=columns)
        self._runs[run.id] = run
        self._news[run.id] = asyncio.Event()
        while len(self._runs) > MAX_RUNS:
            old, _run = self._runs.popitem(last=False)
            self._news.pop(old).set()
        for column in columns:
            task = asyncio.create_task(self._ask(run, column), name="playground")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return run

    def find(self, run: str) -> Run | None:
        """Return a run."""
        return self._runs.get(run)

    async def changed(self, run: Run, seen: int, *, wait_s: float) -> int:
        """Wait until the run is another."""
        news = self._news.get(run.id)
        if news is not None and run.version == seen:
            try:
                async with asyncio.timeout(wait_s):
                    await news.wait()
            except TimeoutError:
                pass
        return run.version

    async def aclose(self) -> None:
        """Leave what goes on, as a client would."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, run: Run, column: Column) -> None:
        body = {
            "model": column.asked,
            "messages": [{"role": "user", "content": run.prompt}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": MAX_TOKENS,
        }
        started = time.perf_counter()
        hearer = _Hearer(column, started, tell=lambda: self._tell(run))
        try:
            answer = await ask(self._house, OPENAI, msgspec.json.encode(body), actor=run.by, hear=hearer.hear)
        except asyncio.CancelledError:
            column.status, column.reason = "failed", "the gateway ends"
            self._tell(run)
            raise
        column.duration_ms = 1000 * (time.perf_counter() - started)
        column.decision_id = answer.headers.get("x-thalamus-decision-id")
        column.served = answer.headers.get("x-thalamus-model") or column.served
        if answer.status != OK:
            column.reason = _message(answer.body)
        column.status = "done" if column.reason is None else "failed"
        self._tell(run)

    def _tell(self, run: Run) -> None:
        run.version += 1
        news = self._news.get(run.id)
        if news is not None:
            self._news[run.id] = asyncio.Event()
            news.set()


class _Hearer:
    """Reads the chunks of a streamed chat answer into a column."""

    def __init__(self, column: Column, started: float, *, tell: Callable[[], None]) -> None:
        self._column = column
        self._started = started
        self._tell = tell
        self._parser = SseParser()

    def hear(self, piece: bytes) -> None:
        """Take a piece of the answer. What is no event stream is left for the end."""
        try:
            events = list(self._parser.feed(piece))
        except UpstreamError:
            return
        for event in events:
            self._take(event.data)
        if events:
            self._tell()

    def _take(self, data: bytes) -> None:
        try:
            chunk = msgspec.json.decode(data)
        except msgspec.DecodeError:
            return  # `[DONE]`
        if not isinstance(chunk, dict):
            return
        found, column = cast("dict[str, Any]", chunk), self._column
        if isinstance(error := found.get("error"), dict):
            column.reason = str(cast("dict[str, Any]", error).get("message") or "the stream broke")
        for choice in found.get("choices") or ():
            text = choice.get("delta", {}).get("content") or ""
            if text and column.ttft_ms is None:
                column.ttft_ms = 1000 * (time.perf_counter() - self._started)
                column.status = "answering"
            column.text = (column.text + text)[:MAX_CHARS]
        if isinstance(usage := found.get("usage"), dict):
            told = cast("dict[str, Any]", usage)
            column.input_tokens, column.output_tokens = told.get("prompt_tokens"), told.get("completion_tokens")


def _message(body: bytes) -> str:
    try:
        told = msgspec.json.decode(body)
        return str(told["error"]["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return "no answer"
