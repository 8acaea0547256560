"""Asks models for more rows under a blueprint's constitution, and keeps every answer in a raw file as it comes.

Each source is a model with a key and a limit of its own; they work side by side. What was asked is numbered, so that a
second run goes on where the first one stopped; where the raw file holds all, nothing is asked.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from classifier.foundry.blueprint import RAW
from config.errors import ClientFacingError, CorpusError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from classifier.foundry.blueprint import Blueprint
    from classifier.foundry.progress import Progress
    from config.types import Json, TextGenerator

ROWS_A_REQUEST = 20
TIMEOUT_S = 120.0
_MOST_FAILURES = 3
"""In a row, after which a source is given up."""
_RAW_ANSWERS = "raw_answers.jsonl"


@dataclass(frozen=True, slots=True)
class Source:
    """One model that may be asked, with the limit of its key."""

    generator: TextGenerator
    model: str
    requests_per_minute: float = 30.0


@dataclass(frozen=True, slots=True)
class Generated:
    """What a run of asking gave."""

    asked: int
    """Requests that were answered in this run; 0 where the raw file was complete."""
    rows: int
    """Rows in the raw file now."""
    unreadable: int
    """Answers, or parts of them, that were no rows."""


@dataclass(frozen=True, slots=True)
class Task:
    """One request: rows of one label in one language."""

    number: int
    label: str
    language: str


async def generate(
    blueprint: Blueprint,
    sources: tuple[Source, ...],
    *,
    n_rows: int,
    progress: Progress,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Generated:
    """Ask until `n_rows` were asked for, in equal parts for each label and language, and write them to `raw.jsonl`.

    Raises `CorpusError` where every source failed; what was answered until then is kept, and the next run goes on.
    """
    tasks = tuple(_tasks(blueprint, n_rows))
    answers = blueprint.folder / _RAW_ANSWERS
    done = {number for number, _ in _answered(answers)}
    waiting = [task for task in reversed(tasks) if task.number not in done]
    n_before = len(waiting)
    if waiting:
        progress.begin(f"asking for {blueprint.name}", n_before)
        troubles = await asyncio.gather(
            *(_work(source, blueprint, waiting, answers, (progress, sleep)) for source in sources)
        )
        if waiting:
            raise CorpusError(
                f"{len(waiting)} of {len(tasks)} requests are left, for every source failed "
                f"({'; '.join(filter(None, troubles)) or 'none was given'}); run it again to go on",
                file=str(answers),
            )
    n_written, unreadable = _write_rows(blueprint.folder / RAW, answers, tasks)
    return Generated(n_before, n_written, unreadable)


def prompt_of(blueprint: Blueprint, task: Task) -> list[dict[str, object]]:
    """Return the messages that ask for rows of one label in one language."""
    language = {"zh": "Chinese", "en": "English"}.get(task.language, task.language)
    wish = (
        f"Write {ROWS_A_REQUEST} new rows in {language} that carry the label `{task.label}`"
        f"{' (others may hold as well)' if blueprint.task == 'multi' else ''}. Labels: {', '.join(blueprint.labels)}. "
        'One JSON object a line, {"text": "...", "labels": ["..."]}, and nothing else. '
        f"This is request {task.number}: do not repeat what others would write first."
    )
    return [{"role": "system", "content": blueprint.constitution}, {"role": "user", "content": wish}]


def _tasks(blueprint: Blueprint, n_rows: int) -> Iterator[Task]:
    pairs = [(label, language) for label in blueprint.labels for language in blueprint.languages]
    n_requests = -(-n_rows // ROWS_A_REQUEST)
    for number in range(max(n_requests, len(pairs)) if n_rows else 0):
        label, language = pairs[number % len(pairs)]
        yield Task(number, label, language)


async def _work(
    source: Source,
    blueprint: Blueprint,
    waiting: list[Task],
    answers: Path,
    outside: tuple[Progress, Callable[[float], Awaitable[None]]],
) -> str:
    progress, sleep = outside
    failures = 0
    while waiting:
        task = waiting.pop()
        try:
            text = await source.generator.generate(prompt_of(blueprint, task), model=source.model, timeout_s=TIMEOUT_S)
        except (UpstreamError, ClientFacingError, TimeoutError) as error:
            waiting.append(task)
            failures += 1
            if failures >= _MOST_FAILURES:
                return f"{source.model}: {str(error) or 'too slow'}"
            wished = getattr(error, "retry_after_s", None)
            await sleep(wished or 60.0 / source.requests_per_minute)
            continue
        failures = 0
        with answers.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"number": task.number, "lang": task.language, "answer": text}) + "\n")
        progress.advance()
        await sleep(60.0 / source.requests_per_minute)
    return ""


def _answered(path: Path) -> Iterator[tuple[int, Json]]:
    """Yield what the raw file holds; a last line that a crash cut short is passed over and asked for again."""
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            found = cast("Json", json.loads(line))
            yield int(cast("int", found["number"])), found
        except (ValueError, KeyError, TypeError):
            continue


def _write_rows(path: Path, answers: Path, tasks: tuple[Task, ...]) -> tuple[int, int]:
    wanted = {task.number for task in tasks}
    lines: list[str] = []
    unreadable = 0
    for number, found in _answered(answers):
        for line in str(found.get("answer", "")).splitlines() if number in wanted else ():
            row = parsed_row(line)
            if row is not None:
                lines.append(json.dumps({**row, "lang": found.get("lang"), "tags": ["generated"]}, ensure_ascii=False))
            elif line.strip().strip("`").removeprefix("json"):
                unreadable += 1
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return len(lines), unreadable


def parsed_row(line: str) -> Json | None:
    """Return the row that a line of an answer holds, `None` where it holds none: models add fences and remarks."""
    start, end = line.find("{"), line.rfind("}")
    try:
        found: object = json.loads(line[start : end + 1]) if start >= 0 else None
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    row = cast("Json", found)
    labels = row.get("labels")
    if not isinstance(row.get("text"), str) or not isinstance(labels, list):
        return None
    return {"text": row["text"], "labels": [str(each) for each in cast("list[object]", labels)]}
