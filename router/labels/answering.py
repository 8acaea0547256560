"""Lets every model answer every prompt, a few at once; what was answered is kept at once and never paid twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from config.errors import ClientFacingError, CorpusError, ThalamusError, UpstreamError
from router.labels.lines import append_line, read_lines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from config.types import Json
    from router.labels.prompts import Wanted
    from router.labels.purse import Purse, Tariff
    from router.words import Words

TRIES: Final = 3
"""For one answer, where the failure may pass."""
WAIT_S: Final = 2.0
"""Before the second try, twice as long before the third; an upstream that asks for more gets up to `MAX_WAIT_S`."""
MAX_WAIT_S: Final = 60.0
MAX_FAILED: Final = 3
"""Prompts in a row that a model may fail before it is not asked any more."""
REFUSED: Final = frozenset({"context", "policy", "caller"})
"""Failures that belong to the prompt and would come again: the model has no answer to it, which is worth 0."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model made of one prompt."""

    text: str
    cost_usd: float | None
    """`None` where the price is unknown."""
    refused: str | None = None
    """Why there is no answer, where asking again would not change that."""


class Progress(Protocol):
    """Is told how far it is."""

    def begin(self, what: str, total: int) -> None:
        """Begin a step of `total` parts."""
        ...

    def advance(self) -> None:
        """Say that a part is done."""
        ...


class AnswerBook:
    """The answers so far, in a file of their own beside the labelled rows."""

    def __init__(self, path: Path) -> None:
        """Read what is there. Raises `CorpusError` where the file holds something else."""
        self.path = path
        self._known: dict[tuple[str, str], Answer] = {}
        for row in read_lines(path):
            self._known[_key(row, path)] = _answer(row, path)

    def get(self, wanted: Wanted, model: str) -> Answer | None:
        """Return a model's answer to a prompt, `None` where it has none yet."""
        return self._known.get((wanted.id, model))

    def all_of(self, wanted: Wanted, models: Sequence[str]) -> dict[str, Answer] | None:
        """Return the answers of all these models, `None` where one of them is missing."""
        found = {model: answer for model in models if (answer := self.get(wanted, model)) is not None}
        return found if len(found) == len(models) else None

    def put(self, wanted: Wanted, model: str, answer: Answer) -> None:
        """Keep an answer, in the file too. Raises `OSError`."""
        self._known[wanted.id, model] = answer
        row: Json = {"id": wanted.id, "model": model, "answer": answer.text, "cost_usd": answer.cost_usd}
        append_line(self.path, row if answer.refused is None else row | {"refused": answer.refused})


@dataclass(slots=True)
class Asked:
    """What came of asking."""

    n_answers: int = 0
    n_failed: int = 0
    """Answers that did not come; the next run asks for them again."""
    why: dict[str, str] = field(default_factory=dict[str, str])
    """By model, its last failure."""
    stopped: str | None = None
    """Why not everything was asked."""


@dataclass(slots=True)
class Asking:
    """One run. `models` gives the prices; `sleep` waits between tries (tests)."""

    words: Words
    models: Mapping[str, Tariff]
    purse: Purse
    timeout_s: float = 180.0
    at_once: int = 8
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    asked: Asked = field(default_factory=Asked)
    _in_a_row: dict[str, int] = field(default_factory=dict[str, int])

    async def run(self, prompts: Sequence[Wanted], book: AnswerBook, progress: Progress) -> Asked:
        """Ask for what is missing, prompt by prompt, so that what breaks off leaves whole rows. Raises `OSError`."""
        missing = [(each, model) for each in prompts for model in self.models if book.get(each, model) is None]
        progress.begin("answers", len(missing))
        waiting = iter(missing)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.at_once, len(missing))):
                group.create_task(self._work(waiting, book, progress))
        return self.asked

    async def _work(self, waiting: Iterator[tuple[Wanted, str]], book: AnswerBook, progress: Progress) -> None:
        for wanted, model in waiting:
            if self.asked.stopped is not None:
                return
            estimate = self.models[model].estimate(wanted.text)
            if not self.purse.take(estimate):
                self.asked.stopped = f"the next answer could cost more than what is left of {self.purse.most_usd} USD"
                return
            answer = await self._answered(wanted, model)
            self.purse.settle(estimate, 0.0 if answer is None else answer.cost_usd or 0.0)
            if answer is not None:
                book.put(wanted, model, answer)
            progress.advance()

    async def _answered(self, wanted: Wanted, model: str) -> Answer | None:
        """Return the answer, `None` where it failed in a way that may pass."""
        n = 0
        while True:
            n += 1
            try:
                answer = await self._once(wanted, model)
            except UpstreamError as error:
                if error.failure_class not in {"transient", "rate"} or n == TRIES:
                    return self._failed(model, error.message)
                await self.sleep(min(MAX_WAIT_S, max(error.retry_after_s or 0.0, WAIT_S * 2 ** (n - 1))))
            except (ThalamusError, TimeoutError) as error:
                return self._failed(model, str(error) or "it took too long")
            else:
                self._in_a_row[model] = 0
                self.asked.n_answers += 1
                return answer

    async def _once(self, wanted: Wanted, model: str) -> Answer:
        own = self.words.apart()
        messages = [{"role": "user", "content": wanted.text}]
        try:
            text = await own.generate(messages, model=model, timeout_s=self.timeout_s)
        except UpstreamError as error:
            if error.failure_class in REFUSED:
                return Answer("", 0.0, refused=error.message)
            raise
        except ClientFacingError as error:
            raise UpstreamError(error.message, failure_class="model_gone") from error
        return Answer(text, None if own.spent.n_unpriced else own.spent.usd)

    def _failed(self, model: str, why: str) -> None:
        self.asked.n_failed += 1
        self.asked.why[model] = why
        self._in_a_row[model] = self._in_a_row.get(model, 0) + 1
        if self._in_a_row[model] >= MAX_FAILED:
            self.asked.stopped = f"the model '{model}' failed {MAX_FAILED} times in a row ({why})"


def _key(row: Mapping[str, object], path: Path) -> tuple[str, str]:
    prompt, model = row.get("id"), row.get("model")
    if not isinstance(prompt, str) or not isinstance(model, str):
        raise CorpusError("holds a line that is no answer of an earlier run; name another file", file=str(path))
    return prompt, model


def _answer(row: Mapping[str, object], path: Path) -> Answer:
    text, cost, refused = row.get("answer"), cast("Any", row.get("cost_usd")), row.get("refused")
    if not isinstance(text, str) or not (cost is None or isinstance(cost, int | float)):
        raise CorpusError("holds a line that is no answer of an earlier run; name another file", file=str(path))
    return Answer(text, cost, refused if isinstance(refused, str) else None)
