from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

import pytest

from classifier.foundry.blueprint import read_blueprint
from classifier.foundry.generate import ROWS_A_REQUEST, Source, Task, generate, parsed_row, prompt_of, written_in
from classifier.foundry.progress import Silent
from config.errors import CorpusError, RateLimitError, UpstreamError

BLUEPRINT = """
name = "small"
task = "multi"
languages = ["zh", "en"]
labels = ["payment", "none"]
"""
ROW = '{"text": "退款", "labels": ["payment"]}'


@dataclass
class Speaker:
    """A text generator that says what it is told to, or fails so often."""

    answer: str = ROW
    failures: list[Exception] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def generate(self, messages, *, model, timeout_s):
        assert model
        assert timeout_s > 0
        self.asked.append(str(messages[1]["content"]))
        if self.failures:
            raise self.failures.pop()
        return self.answer.replace("退款", "refund") if "in English" in self.asked[-1] else self.answer


@pytest.fixture
def blueprint(tmp_path):
    """A blueprint without a corpus."""
    (tmp_path / "blueprint.toml").write_text(BLUEPRINT, "utf-8")
    (tmp_path / "constitution.md").write_text("Rows are natural.", "utf-8")
    return read_blueprint(tmp_path)


@pytest.fixture
def slept():
    """Seconds that were waited, and a clock that does not wait."""
    seconds: list[float] = []

    async def sleep(wished: float) -> None:
        seconds.append(wished)

    return seconds, sleep


async def test_labels_and_languages_are_asked_for_in_turn_and_answers_become_rows(blueprint, slept) -> None:
    """Each request names one label and one language, under the constitution; fences and remarks are no rows."""
    speaker = Speaker(f"Here they are:\n```json\n{ROW}\n```\n")
    found = await generate(blueprint, (Source(speaker, "m", 60),), n_rows=81, progress=Silent(), sleep=slept[1])
    rows = [json.loads(line) for line in (blueprint.folder / "raw.jsonl").read_text("utf-8").splitlines()]

    assert (5, 5, 5) == (found.asked, found.rows, found.unreadable)
    assert {"zh", "en"} == {row["lang"] for row in rows}
    assert {("payment",)} == {tuple(row["labels"]) for row in rows}
    assert [1.0] * 5 == slept[0]
    assert "Chinese" in speaker.asked[0]
    assert f"Write {ROWS_A_REQUEST} new rows in Chinese" in speaker.asked[0]
    assert "Rows are natural." == prompt_of(blueprint, Task(1, "none", "fr"))[0]["content"]


async def test_rows_in_another_language_are_left_out_and_counted(blueprint, slept) -> None:
    """What a model wrote in English is not booked as Chinese; a text without letters is of any language."""
    texts = ("please refund me", "我要退款", "100 + 20?", "用 date-fns 换掉 moment.js")
    answer = "\n".join(json.dumps({"text": each, "labels": ["payment"]}) for each in texts)
    found = await generate(blueprint, (Source(Speaker(answer), "m"),), n_rows=16, progress=Silent(), sleep=slept[1])
    rows = [json.loads(line) for line in (blueprint.folder / "raw.jsonl").read_text("utf-8").splitlines()]

    assert (10, 6) == (found.rows, found.other_language)
    assert {*texts[1:]} == {row["text"] for row in rows if row["lang"] == "zh"}
    assert {texts[0], texts[2]} == {row["text"] for row in rows if row["lang"] == "en"}
    assert written_in("bonjour", "fr")


def _wished(speaker: Speaker) -> list[int]:
    """Return how many rows each request asked for."""
    return [int(re.search(r"Write (\d+) new rows? in", wish).group(1)) for wish in speaker.asked]


@pytest.mark.parametrize("n_rows", [1, 3, 4, 5, 79, 81, 100, 163])
async def test_exactly_so_many_rows_are_asked_for_in_equal_parts(blueprint, slept, n_rows) -> None:
    """No request is for more than a model writes well, and no label or language has two rows more than another."""
    speaker = Speaker()
    await generate(blueprint, (Source(speaker, "m"),), n_rows=n_rows, progress=Silent(), sleep=slept[1])
    wished = _wished(speaker)
    parts = [
        sum(n for n, wish in zip(wished, speaker.asked, strict=True) if f"in {lang}" in wish and f"`{label}`" in wish)
        for lang in ("Chinese", "English")
        for label in ("payment", "none")
    ]

    assert n_rows == sum(wished)
    assert ROWS_A_REQUEST >= max(wished)
    assert 1 >= max(parts) - min(parts)


async def test_a_larger_wish_asks_only_for_what_is_missing_and_a_smaller_one_for_nothing(blueprint, slept) -> None:
    """Rows that were paid for are counted by what they were asked for, however large the requests were."""
    many = "".join(f"{ROW}\n" for _ in range(ROWS_A_REQUEST + 5))
    for n_rows, more in ((30, 30), (100, 70), (50, 0)):
        speaker = Speaker(many)
        found = await generate(blueprint, (Source(speaker, "m"),), n_rows=n_rows, progress=Silent(), sleep=slept[1])

        assert (more, n_rows) == (sum(_wished(speaker)), found.rows)


async def test_answers_of_an_earlier_version_are_taken_along(blueprint, slept) -> None:
    """They told neither label nor size: the number says which label, and each was of twenty rows."""
    answers = blueprint.folder / "raw_answers.jsonl"
    answers.write_text(json.dumps({"number": 2, "lang": "zh", "answer": ROW}) + "\n[1]\n", "utf-8")
    speaker = Speaker()
    found = await generate(blueprint, (Source(speaker, "m"),), n_rows=80, progress=Silent(), sleep=slept[1])

    assert (3, 4) == (found.asked, found.rows)
    assert not any("Chinese" in wish and "`none`" in wish for wish in speaker.asked)


async def test_answers_for_a_label_that_is_gone_are_no_rows(blueprint, slept) -> None:
    """Labels may change between two runs."""
    told = {"number": 0, "label": "gone", "lang": "zh", "rows": 20, "answer": ROW}
    (blueprint.folder / "raw_answers.jsonl").write_text(json.dumps(told) + "\n", "utf-8")
    found = await generate(blueprint, (Source(Speaker(), "m"),), n_rows=4, progress=Silent(), sleep=slept[1])

    assert (4, 4) == (found.asked, found.rows)


async def test_what_is_there_is_not_asked_again(blueprint, slept) -> None:
    """A second run asks nothing; after a crash in the middle of a line only what is missing."""
    for _ in range(2):
        speaker = Speaker()
        found = await generate(blueprint, (Source(speaker, "m"),), n_rows=80, progress=Silent(), sleep=slept[1])
    assert (0, 4, []) == (found.asked, found.rows, speaker.asked)
    answers = blueprint.folder / "raw_answers.jsonl"
    answers.write_text(answers.read_text("utf-8")[:-20], "utf-8")
    again = Speaker()
    found = await generate(blueprint, (Source(again, "m"),), n_rows=80, progress=Silent(), sleep=slept[1])

    assert (1, 1) == (found.asked, len(again.asked))


async def test_keys_work_side_by_side_and_one_that_fails_is_given_up(blueprint, slept) -> None:
    """Its requests go to the others, and the wish of its server to wait is honoured."""
    limit = UpstreamError("slow down", failure_class="rate", retry_after_s=7.0)
    bad, good = Speaker(failures=[TimeoutError(), RateLimitError("no"), limit]), Speaker()
    sources = (Source(bad, "bad", 60), Source(good, "good", 60))
    found = await generate(blueprint, sources, n_rows=80, progress=Silent(), sleep=slept[1])

    assert 4 == found.asked
    assert 4 == len(good.asked)
    assert 7.0 in slept[0]


async def test_when_all_sources_fail_what_came_is_kept_and_the_error_says_how_to_go_on(blueprint, slept) -> None:
    """Three failures in a row end a source; the next run goes on."""
    bad = Speaker(failures=[TimeoutError() for _ in range(3)])
    with pytest.raises(CorpusError, match=r"4 of 4 requests are left.*m: too slow.*run it again"):
        await generate(blueprint, (Source(bad, "m"),), n_rows=80, progress=Silent(), sleep=slept[1])
    found = await generate(blueprint, (Source(Speaker(), "m"),), n_rows=80, progress=Silent(), sleep=slept[1])

    assert 4 == found.rows


@pytest.mark.parametrize(
    "line", ["", "{", "[]", '{"text": 1, "labels": []}', '{"text": "a"}', "{]}", '{"text": "a", "labels": "x"}']
)
def test_what_is_no_row_is_none(line) -> None:
    """A model's remark never becomes a row."""
    assert parsed_row(line) is None
