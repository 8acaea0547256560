"""Lets a judge grade the answers to each prompt, a few at once; where it cannot be read another order is tried."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from config.errors import ThalamusError
from router.labels.grading import GRADE_TOKENS, blind_order, judge_messages, read_grades, spread_grades

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from config.types import Json
    from router.labels.answering import Answer, AnswerBook, Progress
    from router.labels.prompts import Wanted
    from router.labels.purse import Purse, Tariff
    from router.labels.rows import LabelBook
    from router.words import Words

ORDERS: Final = 2
"""In so many orders a judge is shown the answers before its prompt is given up for this run."""
MAX_FAILED: Final = 3
"""Prompts in a row at which the judge may fail before it is not asked any more."""


@dataclass(slots=True)
class Judged:
    """What came of judging."""

    n_graded: int = 0
    n_unreadable: int = 0
    n_failed: int = 0
    stopped: str | None = None
    """Why not everything was judged."""


@dataclass(slots=True)
class Judging:
    """One run. `model` is the judge's name, `models` are those whose answers are graded."""

    words: Words
    model: str
    tariff: Tariff
    models: Sequence[str]
    purse: Purse
    seed: int = 0
    timeout_s: float = 120.0
    at_once: int = 4
    judged: Judged = field(default_factory=Judged)
    _in_a_row: int = 0

    async def run(
        self, prompts: Sequence[Wanted], answers: AnswerBook, labels: LabelBook, progress: Progress
    ) -> Judged:
        """Grade what all models answered and nobody graded for all of them. Raises `OSError`."""
        waiting = [
            (each, found)
            for each in prompts
            if not labels.has(each, self.models) and (found := answers.all_of(each, self.models)) is not None
        ]
        progress.begin("grades", len(waiting))
        left = iter(waiting)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.at_once, len(waiting))):
                group.create_task(self._work(left, labels, progress))
        return self.judged

    async def _work(
        self, waiting: Iterator[tuple[Wanted, dict[str, Answer]]], labels: LabelBook, progress: Progress
    ) -> None:
        for wanted, answers in waiting:
            if self.judged.stopped is not None:
                return
            grades = await self._graded(wanted, answers)
            if grades is not None:
                labels.put(wanted, grades, answers, graded_by=f"judge {self.model}")
                self.judged.n_graded += 1
            progress.advance()

    async def _graded(self, wanted: Wanted, answers: Mapping[str, Answer]) -> dict[str, float] | None:
        """Return a grade for each model, `None` where the judge fails or says nothing that can be read."""
        texts = {model: answer.text for model, answer in answers.items()}
        for n in range(ORDERS):
            order = blind_order(texts, prompt_id=wanted.id, seed=self.seed + n)
            if not order:
                return dict.fromkeys(self.models, 0.0)  # nobody said anything
            said = await self._said(judge_messages(wanted.text, tuple(order), hidden=self.models))
            if said is None:
                return None
            grades = read_grades(said, len(order))
            if grades is not None:
                self._in_a_row = 0
                return spread_grades(grades, order, self.models)
        self.judged.n_unreadable += 1
        self._failed("nothing that it says can be read as grades")
        return None

    async def _said(self, messages: list[Json]) -> str | None:
        estimate = self.tariff.estimate("".join(str(each["content"]) for each in messages), n_output=GRADE_TOKENS)
        if not self.purse.take(estimate):
            self.judged.stopped = f"the next grade could cost more than what is left of {self.purse.most_usd} USD"
            return None
        own = self.words.apart()
        try:
            return await own.generate(messages, model=self.model, timeout_s=self.timeout_s)
        except (ThalamusError, TimeoutError) as error:
            self.judged.n_failed += 1
            self._failed(str(error) or "it took too long")
            return None
        finally:
            self.purse.settle(estimate, own.spent.usd)

    def _failed(self, why: str) -> None:
        self._in_a_row += 1
        if self._in_a_row >= MAX_FAILED:
            self.judged.stopped = f"the judge '{self.model}' failed {MAX_FAILED} times in a row ({why})"
