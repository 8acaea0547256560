"""A judge over many prompts: each grade is kept at once, and one that cannot be read is never learned."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import CorpusError
from config.prices import Pricing
from router.labels.answering import Answer, AnswerBook
from router.labels.judging import Judged, Judging
from router.labels.lines import append_line, read_lines
from router.labels.prompts import Wanted
from router.labels.purse import Purse, Tariff
from router.labels.rows import LabelBook
from router.providers.scripted import Match, Reply, Script, UsageSpec, scripted_upstream
from tests.router.labels.test_answering import PRICE, PROMPTS, Bar, words_over

USAGE = UsageSpec(input=100, output=20)
KNOWS = (
    Reply(match=Match(contains='<answer id="A">\ngood'), text='{"A": 1, "B": 0.25}', usage=USAGE),
    Reply(match=Match(contains='<answer id="A">\nbad'), text='{"A": 0.25, "B": 1}', usage=USAGE),
)


def answered(folder: Path, *prompts: Wanted, **texts: str) -> AnswerBook:
    """Return a book in which each model said the same to each prompt."""
    book = AnswerBook(folder / "answers.jsonl")
    for each in prompts:
        for model, text in texts.items():
            book.put(each, model, Answer(text, 0.001))
    return book


async def judged(
    folder: Path, book: AnswerBook, *replies: Reply, most_usd: float | None = None, price: Pricing | None = None
) -> tuple[Judged, LabelBook, int]:
    """Judge with a scripted judge, one prompt after the other; returns how often it was asked too."""
    prices = {} if price is None else {"judge": price}
    tariff = Tariff(0.0, 0.0) if price is None else Tariff(price.input_usd_per_mtok, price.output_usd_per_mtok)
    labels = LabelBook(folder / "labelled.jsonl")
    async with scripted_upstream(Script(replies)) as upstream, words_over(prices, judge=upstream) as words:
        judging = Judging(words, "judge", tariff, ("a", "b"), Purse(most_usd), at_once=1)
        found = await judging.run(PROMPTS, book, labels, Bar())
        return found, labels, len(upstream.requests)


async def test_grades_become_rows_and_a_second_run_asks_nobody(tmp_path: Path) -> None:
    """Wherever an answer stood, its model earns the grade; the row is that of `policy fit`."""
    book = answered(tmp_path, *PROMPTS, a="good", b="bad")
    first, labels, _ = await judged(tmp_path, book, *KNOWS)
    second, _, n_asked = await judged(tmp_path, book, *KNOWS)
    rows = read_lines(labels.path)

    assert (3, 0, 0) == (first.n_graded, second.n_graded, n_asked)
    assert [each.text for each in PROMPTS] == [row["prompt"] for row in rows]
    assert {"a": 1.0, "b": 0.25} == rows[0]["quality"]
    assert ({"a": 0.001, "b": 0.001}, "judge judge") == (rows[0]["cost"], rows[0]["graded_by"])


async def test_prompts_that_not_all_answered_wait(tmp_path: Path) -> None:
    """A row is for all models or none."""
    found, labels, n_asked = await judged(tmp_path, answered(tmp_path, *PROMPTS, a="good"), *KNOWS)

    assert (0, 0, False) == (found.n_graded, n_asked, labels.path.exists())


async def test_who_said_nothing_earns_nothing_and_where_nobody_did_nobody_is_asked(tmp_path: Path) -> None:
    """The judge grades those that are there."""
    book = answered(tmp_path, PROMPTS[0], a="", b=" ")
    for model, text in (("a", "good"), ("b", "")):
        book.put(PROMPTS[1], model, Answer(text, 0.0))
    _, labels, n_asked = await judged(tmp_path, book, Reply(text='{"A": 0.5}'))

    assert [{"a": 0.0, "b": 0.0}, {"a": 0.5, "b": 0.0}] == [row["quality"] for row in read_lines(labels.path)]
    assert 1 == n_asked


async def test_a_judge_that_cannot_be_read_is_asked_in_another_order_and_then_not_believed(tmp_path: Path) -> None:
    """Once in a while that helps; three prompts in a row without end the run."""
    book = answered(tmp_path, *PROMPTS, a="good", b="bad")
    prose, labels, n_asked = await judged(tmp_path, book, Reply(text="A is better."))
    mended, _, _ = await judged(tmp_path, book, Reply(text="hm", times=1), *KNOWS)

    assert (0, 3, 6) == (prose.n_graded, prose.n_unreadable, n_asked)
    assert "the judge 'judge' failed 3 times in a row (nothing that it says can be read" in str(prose.stopped)
    assert (3, 0, None) == (mended.n_graded, mended.n_unreadable, mended.stopped)
    assert 3 == len(read_lines(labels.path))


async def test_a_judge_that_is_away_grades_nothing(tmp_path: Path) -> None:
    """It is told, and what was graded before stays."""
    found, labels, _ = await judged(tmp_path, answered(tmp_path, *PROMPTS, a="good", b="bad"), Reply(status=500))

    assert (0, 3, 0) == (found.n_graded, found.n_failed, found.n_unreadable)
    assert found.stopped is not None
    assert not labels.path.exists()


async def test_the_judge_is_held_to_the_bound_too(tmp_path: Path) -> None:
    """Nothing is asked that could cost more."""
    book = answered(tmp_path, *PROMPTS, a="good", b="bad")
    found, _, n_asked = await judged(tmp_path, book, *KNOWS, most_usd=0.0011, price=PRICE)

    assert "what is left of 0.0011 USD" in str(found.stopped)
    assert (1, 1) == (found.n_graded, n_asked)


def test_a_prompt_that_is_labelled_anew_replaces_what_it_had(tmp_path: Path) -> None:
    """A model more, other grades: the file holds each prompt once after it was tidied."""
    book = LabelBook(tmp_path / "labelled.jsonl")
    answers = {name: Answer(name, 0.5 if name == "a" else None) for name in "abc"}
    book.put(PROMPTS[0], {"a": 0.5, "b": 0.1}, answers, graded_by="rating")
    book.put(Wanted("two?", "law"), {"a": 0.5, "b": 0.9}, answers, graded_by="rating")
    book.tidy()
    book.put(PROMPTS[0], {"a": 1.0, "b": 0.0, "c": 1.0}, answers, graded_by="rating")
    again = LabelBook(book.path)
    again.tidy()
    rows = read_lines(book.path)

    assert [(True, False), (True, True)] == [
        (book.has(PROMPTS[n], "ab"), not book.has(PROMPTS[n], "abc")) for n in (0, 1)
    ]
    assert [("one?", 3, None), ("two?", 2, "law")] == [
        (row["prompt"], len(row["quality"]), row.get("intent")) for row in rows
    ]
    assert [("a", 2, 0.75, 1, 1.0), ("b", 2, 0.45, 1, None)] == [
        (each.model, each.n, pytest.approx(each.mean), each.n_best, each.cost_usd)
        for each in again.standings(PROMPTS, ("a", "b"))
    ]
    assert [0, 0] == [each.n for each in again.standings(PROMPTS[2:], ("a", "b"))]


@pytest.mark.parametrize("row", [{"prompt": "a"}, {"id": "a", "prompt": "b"}, {"id": "a", "prompt": "b", "quality": 3}])
def test_rows_of_something_else_are_not_appended_to(tmp_path: Path, row: dict[str, object]) -> None:
    """Whoever names the wrong file loses nothing."""
    append_line(tmp_path / "other.jsonl", row)

    with pytest.raises(CorpusError, match="no earlier run"):
        LabelBook(tmp_path / "other.jsonl")
