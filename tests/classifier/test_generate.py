from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from classifier.foundry.blueprint import read_blueprint
from classifier.foundry.generate import ROWS_A_REQUEST, Source, generate, parsed_row, prompt_of
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
        return self.answer


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
    assert str(ROWS_A_REQUEST) in speaker.asked[0]
    assert (
        "Rows are natural."
        == prompt_of(blueprint, type("T", (), {"label": "none", "language": "fr", "number": 1}))[0]["content"]
    )


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
