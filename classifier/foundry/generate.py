"""Asks models for more rows under a blueprint's constitution, and keeps every answer in a raw file as it comes.

Each source is a model with a key and a limit of its own; they work side by side. What was asked is numbered, so that a
second run goes on where the first one stopped; where the raw file holds all, nothing is asked.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, cast

from classifier.conversation import spoken
from classifier.foundry.blueprint import RAW
from config.errors import ClientFacingError, CorpusError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from classifier.foundry.blueprint import Blueprint
    from classifier.foundry.progress import Progress
    from config.types import Json, TextGenerator

    _Pair = tuple[str, str]
    """A label and a language."""

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
    other_language: int = 0
    """Rows in another language than was asked for; they are left out."""


@dataclass(frozen=True, slots=True)
class Task:
    """One request: rows of one label in one language."""

    number: int
    label: str
    language: str
    n_rows: int = ROWS_A_REQUEST


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer of the raw file, and what it was asked for."""

    task: Task
    text: str


async def generate(
    blueprint: Blueprint,
    sources: tuple[Source, ...],
    *,
    n_rows: int,
    progress: Progress,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Generated:
    """Ask until exactly `n_rows` were asked for, in equal parts for each label and language; write `raw.jsonl`.

    Raises `CorpusError` where every source failed; what was answered until then is kept, and the next run goes on.
    """
    shares = _shares(blueprint, n_rows)
    answers = blueprint.folder / _RAW_ANSWERS
    tasks = _tasks(shares, tuple(_answered(answers, tuple(shares))))
    waiting = list(reversed(tasks))
    if waiting:
        progress.begin(f"asking for {blueprint.name}", len(tasks))
        troubles = await asyncio.gather(
            *(_work(source, blueprint, waiting, answers, (progress, sleep)) for source in sources)
        )
        if waiting:
            raise CorpusError(
                f"{len(waiting)} of {len(tasks)} requests are left, for every source failed "
                f"({'; '.join(filter(None, troubles)) or 'none was given'}); run it again to go on",
                file=str(answers),
            )
    return replace(_write_rows(blueprint.folder / RAW, _answered(answers, tuple(shares)), shares), asked=len(tasks))


def prompt_of(blueprint: Blueprint, task: Task) -> list[dict[str, object]]:
    """Return the messages that ask for rows of one label in one language."""
    language = {"zh": "Chinese", "en": "English"}.get(task.language, task.language)
    rows = "1 new row" if task.n_rows == 1 else f"{task.n_rows} new rows"
    wish = (
        f"Write {rows} in {language} that carry the label `{task.label}`"
        f"{' (others may hold as well)' if blueprint.task == 'multi' else ''}. Labels: {', '.join(blueprint.labels)}. "
        'One JSON object a line, {"text": "...", "labels": ["..."]}, and nothing else. '
        f"This is request {task.number}: do not repeat what others would write first."
    )
    return [{"role": "system", "content": blueprint.constitution}, {"role": "user", "content": wish}]


def _shares(blueprint: Blueprint, n_rows: int) -> dict[_Pair, int]:
    """Return how many rows each label and language is to be asked for: equal parts, their sum is `n_rows`."""
    pairs = [(label, language) for label in blueprint.labels for language in blueprint.languages]
    whole, rest = divmod(n_rows, len(pairs))
    return {pair: whole + (at < rest) for at, pair in enumerate(pairs)}


def _tasks(shares: Mapping[_Pair, int], answered: Sequence[_Answer]) -> list[Task]:
    """Return the requests that are still to be made, label by label in turn.

    A number is never used twice; number modulo pairs is the place of the pair.
    """
    used = {each.task.number for each in answered}
    left = dict(shares)
    for each in answered:
        left[each.task.label, each.task.language] -= each.task.n_rows
    tasks: list[Task] = []
    for at, ((label, language), n_left) in enumerate(left.items()):
        numbers = (number for number in count(at, len(shares)) if number not in used)
        parts = (min(ROWS_A_REQUEST, n_left - done) for done in range(0, max(n_left, 0), ROWS_A_REQUEST))
        tasks += [Task(next(numbers), label, language, n_rows) for n_rows in parts]
    return sorted(tasks, key=lambda task: task.number)


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
            file.write(json.dumps(_told(task, text)) + "\n")
        progress.advance()
        await sleep(60.0 / source.requests_per_minute)
    return ""


def _told(task: Task, answer: str) -> Json:
    return {
        "number": task.number, "label": task.label, "lang": task.language, "rows": task.n_rows, "answer": answer
    }  # fmt: skip


def _answered(path: Path, pairs: Sequence[_Pair]) -> Iterator[_Answer]:
    """Yield what the raw file holds for labels and languages that are still there.

    A last line that a crash cut short is passed over and asked for again. Files of an earlier version told neither
    label nor number of rows.
    """
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            found = cast("Json", json.loads(line))
            number = int(cast("int", found["number"]))
            label = str(found.get("label", pairs[number % len(pairs)][0]))
            task = Task(number, label, str(found["lang"]), int(cast("int", found.get("rows", ROWS_A_REQUEST))))
            text = str(found["answer"])
        except (ValueError, KeyError, TypeError):
            continue
        if (task.label, task.language) in pairs:
            yield _Answer(task, text)


def _write_rows(path: Path, answers: Iterator[_Answer], shares: Mapping[_Pair, int]) -> Generated:
    """Write the rows of answers, of each label and language no more than its share."""
    left = dict(shares)
    lines: list[str] = []
    unreadable = n_other = 0
    for each in answers:
        pair = (each.task.label, each.task.language)
        wanted = min(left[pair], each.task.n_rows)  # who was asked for 20 and wrote 30 is not paid by the next one
        left[pair] -= wanted
        rows, n_bad = _rows_in(each.text) if wanted else ([], 0)
        unreadable += n_bad
        for row in rows[:wanted]:
            if not written_in(str(row["text"]), each.task.language):
                n_other += 1
                continue
            told = {**row, "lang": each.task.language, "tags": ["generated"]}
            lines.append(json.dumps(told, ensure_ascii=False))
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8", "backslashreplace")
    return Generated(0, len(lines), unreadable, n_other)


def written_in(text: str, language: str) -> bool:
    """Return whether a text's script is that of a language; what has no letters is of any, and so are other ones.

    Names of files and addresses in a text do not decide.
    """
    return language not in {"zh", "en"} or not any(map(str.isalpha, text)) or spoken(text) == language


def _rows_in(answer: str) -> tuple[list[Json], int]:
    """Return the rows of an answer, and how many of its lines are none."""
    lines = [line for line in answer.splitlines() if line.strip().strip("`").removeprefix("json")]
    rows = [row for row in map(parsed_row, lines) if row is not None]
    return rows, len(lines) - len(rows)


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
