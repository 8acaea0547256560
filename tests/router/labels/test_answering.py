"""Every model answers every prompt: kept as it comes, never paid twice, and stopped where it makes no sense to go on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.errors import CorpusError, ModelNotFoundError
from config.model_settings import Timeouts
from config.prices import FREE, Pricing
from router.attempt import Candidate
from router.dispatch import Dispatcher
from router.labels.answering import Answer, AnswerBook, Asked, Asking
from router.labels.prompts import Wanted
from router.labels.purse import Purse, Tariff
from router.providers.base import Target
from router.providers.openai_compatible import OpenAICompatibleProvider
from router.providers.scripted import Match, Reply, Script, ScriptedUpstream, UsageSpec, scripted_upstream
from router.reasoning_store import ReasoningStore
from router.transport import AiohttpTransport
from router.words import Words

PROMPTS = [Wanted("one?"), Wanted("two?"), Wanted("three?")]
PRICE = Pricing(1.0, 10.0)


class Bar:
    """A progress that notes what it was told."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []
        self.done = 0

    def begin(self, what: str, total: int) -> None:
        """Note a step."""
        self.steps.append((what, total))

    def advance(self) -> None:
        """Count a part."""
        self.done += 1


class Naps:
    """Notes how long was waited, and waits no moment."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    async def __call__(self, seconds: float) -> None:
        """Note it."""
        self.waited.append(seconds)


@asynccontextmanager
async def words_over(prices: dict[str, Pricing], **upstreams: ScriptedUpstream) -> AsyncGenerator[Words, None]:
    """Words over the real wire code; each model is one scripted upstream."""

    def find(name: str) -> list[Candidate]:
        target = Target(f"{name}/made-up", "made-up", f"{upstreams[name].url}/v1", "scripted")
        return [Candidate(name, target, "openai", Timeouts(), prices.get(name, FREE))]

    transport = AiohttpTransport()
    try:
        yield Words(Dispatcher({"openai": OpenAICompatibleProvider(ReasoningStore())}, transport), find)
    finally:
        await transport.aclose()


async def asked(
    folder: Path, *, prices: dict[str, Pricing] | None = None, most_usd: float | None = None, **scripts: Script
) -> tuple[Asked, AnswerBook, dict[str, int], Naps, Bar]:
    """Ask all models of these scripts, one after the other; returns how many requests each got too."""
    naps, bar, prices = Naps(), Bar(), prices or {}
    tariffs = {
        name: Tariff(0.0, 0.0) if name not in prices else Tariff(PRICE.input_usd_per_mtok, PRICE.output_usd_per_mtok)
        for name in scripts
    }
    opened: dict[str, ScriptedUpstream] = {}
    async with _all(scripts, opened), words_over(prices, **opened) as words:
        book = AnswerBook(folder / "answers.jsonl")
        asking = Asking(words, tariffs, Purse(most_usd), at_once=1, sleep=naps)
        found = await asking.run(PROMPTS, book, bar)
        counts = {name: len(each.requests) for name, each in opened.items()}
    return found, book, counts, naps, bar


@asynccontextmanager
async def _all(scripts: dict[str, Script], into: dict[str, ScriptedUpstream]) -> AsyncGenerator[None, None]:
    if not scripts:
        yield
        return
    (name, script), *others = scripts.items()
    async with scripted_upstream(script) as running:
        into[name] = running
        async with _all(dict(others), into):
            yield


def says(text: str, *before: Reply) -> Script:
    """Return a script that answers with this after some other replies."""
    return Script((*before, Reply(text=text, usage=UsageSpec(input=100, output=20))))


async def test_all_models_answer_all_prompts_and_a_second_run_asks_nobody(tmp_path: Path) -> None:
    """What was answered stands in the file with its own cost."""
    first, book, counts, _, bar = await asked(tmp_path, a=says("A"), b=says("B"), prices={"b": PRICE})
    second, again, none, _, _ = await asked(tmp_path, a=says("other"), b=says("other"))

    assert (6, 0, None, {"a": 3, "b": 3}) == (first.n_answers, first.n_failed, first.stopped, counts)
    assert ([("answers", 6)], 6) == (bar.steps, bar.done)
    assert {"a": Answer("A", 0.0), "b": Answer("B", pytest.approx(0.0003))} == book.all_of(PROMPTS[0], ("a", "b"))
    assert (0, {"a": 0, "b": 0}) == (second.n_answers, none)
    assert Answer("A", 0.0) == again.get(PROMPTS[2], "a")
    assert again.all_of(PROMPTS[0], ("a", "c")) is None


async def test_what_passes_is_tried_again_after_a_while_and_as_long_as_the_upstream_asks_for(tmp_path: Path) -> None:
    """Twice, and each time longer."""
    shaky = (Reply(status=500, times=1), Reply(status=429, headers={"retry-after": "7"}, times=1))
    found, _, counts, naps, _ = await asked(tmp_path, a=says("A", *shaky))

    assert (3, 0, {"a": 5}, [2.0, 7.0]) == (found.n_answers, found.n_failed, counts, naps.waited)


async def test_a_model_that_keeps_failing_ends_the_run_and_the_others_answers_stay(tmp_path: Path) -> None:
    """Three prompts in a row are enough; the next run goes on with what is missing."""
    found, book, _, naps, _ = await asked(tmp_path, bad=Script((Reply(status=500),)), good=says("fine"))
    mended, _, counts, _, _ = await asked(tmp_path, bad=says("now"), good=says("not asked"))

    assert "the model 'bad' failed 3 times in a row" in str(found.stopped)
    assert (3, 6) == (found.n_failed, len(naps.waited))
    assert "bad" in found.why
    assert book.get(PROMPTS[0], "good") == Answer("fine", 0.0)
    assert (None, 0) == (mended.stopped, mended.n_failed)
    assert 3 == counts["bad"]


async def test_a_model_that_is_too_slow_and_one_that_nobody_has_are_failures(tmp_path: Path) -> None:
    """Neither is an opinion of the answer; both are told."""
    async with (
        scripted_upstream(Script((Reply(text="late", delay_headers_s=30),))) as slow,
        words_over({}, slow=slow) as words,
    ):
        asking = Asking(words, {"slow": Tariff(0.0, 0.0)}, Purse(), timeout_s=0.05, at_once=1, sleep=Naps())
        found = await asking.run(PROMPTS[:1], AnswerBook(tmp_path / "answers.jsonl"), Bar())

    def nobody(name: str) -> list[Candidate]:
        raise ModelNotFoundError(f"The model '{name}' does not exist here.")

    transport = AiohttpTransport()
    gone = Words(Dispatcher({}, transport), nobody)
    asking = Asking(gone, {"gone": Tariff(0.0, 0.0)}, Purse(), sleep=Naps())
    missing = await asking.run(PROMPTS[:1], AnswerBook(tmp_path / "answers.jsonl"), Bar())
    await transport.aclose()

    assert (0, 1, {"slow"}) == (found.n_answers, found.n_failed, set(found.why))
    assert {"gone": "The model 'gone' does not exist here."} == missing.why


async def test_a_wrong_key_is_not_tried_again(tmp_path: Path) -> None:
    """It would not get better."""
    found, _, counts, naps, _ = await asked(tmp_path, a=Script((Reply(status=401),)))

    assert (3, {"a": 3}, []) == (found.n_failed, counts, naps.waited)


async def test_a_prompt_that_a_model_refuses_is_answered_with_nothing(tmp_path: Path) -> None:
    """It is kept with its reason and not asked again; the run goes on."""
    body = {"error": {"message": "too long for me", "code": "context_length_exceeded"}}
    refuses = Reply(match=Match(contains="two"), status=400, body=body)
    found, book, _, _, _ = await asked(tmp_path, a=says("A", refuses))
    refused = AnswerBook(book.path).get(PROMPTS[1], "a")

    assert (3, 0, None) == (found.n_answers, found.n_failed, found.stopped)
    assert refused is not None
    assert ("", 0.0) == (refused.text, refused.cost_usd)
    assert "too long" in str(refused.refused)


async def test_nothing_is_asked_that_could_cost_more_than_is_allowed(tmp_path: Path) -> None:
    """An answer is taken at what it usually costs before it is there."""
    found, _, counts, _, _ = await asked(tmp_path, a=says("A"), prices={"a": PRICE}, most_usd=0.0055)

    assert "what is left of 0.0055 USD" in str(found.stopped)
    assert (2, {"a": 2}) == (found.n_answers, counts)


async def test_an_answer_whose_price_nobody_knows_costs_an_unknown_sum(tmp_path: Path) -> None:
    """Which is not nothing."""
    _, book, _, _, _ = await asked(tmp_path, a=says("A"), prices={"a": Pricing()})

    assert Answer("A", None) == AnswerBook(book.path).get(PROMPTS[0], "a")


@pytest.mark.parametrize("line", ['{"id": "a"}', '{"id": 1, "model": "m"}', '{"id": "a", "model": "m", "answer": 3}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, line: str) -> None:
    """Answers of earlier runs, or nothing."""
    (tmp_path / "answers.jsonl").write_text(line + "\n")

    with pytest.raises(CorpusError, match="no answer of an earlier run"):
        AnswerBook(tmp_path / "answers.jsonl")
