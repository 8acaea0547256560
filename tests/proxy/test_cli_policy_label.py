"""`thalamus policy label` and `policy learn` from the command line; scripted models behind it, nothing of ours replaced."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.database import Database, open_database
from config.types import DecisionRecord
from proxy.cli import main
from proxy.cli.policy_label_input import read_recorded
from proxy.cli.policy_label_words import WORDS
from router.learning.versions import VersionStore
from router.providers.scripted import Match, Reply, Script, scripted_upstream
from tests.router.offpolicy.books import NOW, booked

HEAD = "[routing]\nshipped_models = false\n[health]\nfind_ollama = false\n[classifier]\nenabled = false\n"
MODEL = """
[[model]]
name = "{name}"
{extra}
  [[model.deployment]]
  provider = "{provider}"
  base_url = "{url}/v1"
  upstream_model = "scripted"
  {price}
"""
PRICE = "price = { input_usd_per_mtok = 1.0, output_usd_per_mtok = 1000.0, source_date = 2026-11-21 }"
GOOD, POOR = Script((Reply(text="Light scatters."),)), Script((Reply(text="No idea."),))
REFEREE = Script(
    (
        Reply(match=Match(contains='"A">\nLight'), text='{"A": 1, "B": 0}'),
        Reply(match=Match(contains='"A">\nNo'), text='{"A": 0, "B": 1}'),
    )
)
BOTH = {"good": GOOD, "poor": POOR}
Said = tuple[int, str, str]
Run = Callable[..., Coroutine[Any, Any, Said]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a verb of `policy` in a folder, with models behind it; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.delenv("THALAMUS_CONFIG", raising=False)
    (tmp_path / "prompts.txt").write_text("one?\ntwo?\n三？\n", encoding="utf-8")

    async def go(
        *words: str,
        models: dict[str, Script] | None = None,
        prices: dict[str, str] | None = None,
        settings: str = "",
        typed: str = "",
    ) -> Said:
        async with AsyncExitStack() as stack:
            told = HEAD + settings
            for name, script in (models or {}).items():
                upstream = await stack.enter_async_context(scripted_upstream(script))
                extra = "auto = false" if name == "referee" else ""
                provider, price = "openai" if name == "unpriced" else "vllm", (prices or {}).get(name, "")
                told += MODEL.format(name=name, url=upstream.url, extra=extra, price=price, provider=provider)
            (tmp_path / "thalamus.toml").write_text(told)
            monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
            code = await asyncio.to_thread(main, ("policy", *words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


async def test_a_judge_labels_a_file_and_says_what_comes_next(run: Run, tmp_path: Path) -> None:
    """Models that cost nothing are asked without a question; names and sums stand in a table."""
    code, out, err = await run(
        "label", "--input", "prompts.txt", "--judge", "referee", models=BOTH | {"referee": REFEREE}
    )
    found = rows(tmp_path / "labelled.jsonl")

    assert 0 == code, err
    assert "6 answers of good, poor, and 3 prompts graded by referee: about 0 USD" in err
    assert "3 of 3 prompts are labelled in labelled.jsonl" in out
    assert "Next: thalamus policy learn labelled.jsonl" in out
    assert ["one?", "two?", "三？"] == sorted(row["prompt"] for row in found)
    assert all({"good": 1.0, "poor": 0.0} == row["quality"] for row in found)
    assert "三？" in (tmp_path / "labelled.jsonl").read_text("utf-8")


async def test_what_costs_is_told_and_not_spent_without_a_word(run: Run, tmp_path: Path) -> None:
    """Nobody types here, so `--yes` must say it; a bound stops it and a later run goes on."""
    prices = dict.fromkeys(BOTH, PRICE)
    words = ("label", "--input", "prompts.txt", "--answers-only")
    refused = await run(*words, models=BOTH, prices=prices)
    bounded = await run(*words, "--yes", "--max-usd", "0.505", "--at-once", "1", models=BOTH, prices=prices)
    n_bounded = len(rows(tmp_path / "labelled.answers.jsonl"))
    whole = await run(*words, "--yes", "--json", models=BOTH, prices=prices)

    assert (1, "") == refused[:2]
    assert "about 3 USD" in refused[2]
    assert "say --yes" in refused[2]
    assert 1 == bounded[0]
    assert "what is left of 0.505 USD" in bounded[2]
    assert 0 < n_bounded < 6
    assert (0, 6 - n_bounded) == (whole[0], json.loads(whole[1])["new_answers"])
    assert 0 < json.loads(whole[1])["spent_usd"] < 0.1
    assert not (tmp_path / "labelled.jsonl").exists()


async def test_a_bound_needs_prices(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody knows cannot be bounded, is not taken for nothing, and needs a yes."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up")
    words = ("label", "--input", "prompts.txt", "--answers-only")
    models = {"good": GOOD, "unpriced": POOR}
    bounded = await run(*words, "--max-usd", "1", "--yes", models=models)
    unsure = await run(*words, models=models)
    code, out, _ = await run(*words, "--yes", "--json", models=models)

    assert (1, 1, 0) == (bounded[0], unsure[0], code)
    assert "--max-usd cannot be kept: nobody knows what unpriced costs" in bounded[2]
    assert "about 0 USD, and what unpriced costs, which nobody knows" in unsure[2]
    assert "say --yes" in unsure[2]
    assert 6 == json.loads(out)["new_answers"]


async def test_who_presses_ctrl_c_keeps_what_was_paid(tmp_path: Path) -> None:
    """The process ends with a sentence, and the same command asks only for what is missing."""
    slow = Script((Reply(match=Match(contains="three"), delay_headers_s=60, times=1), *GOOD.replies))
    (tmp_path / "prompts.txt").write_text("one?\ntwo?\nthree?\n")
    book = tmp_path / "labelled.answers.jsonl"
    async with scripted_upstream(slow) as good, scripted_upstream(POOR) as poor:
        told = "".join(
            MODEL.format(name=name, url=each.url, extra="", price="", provider="vllm")
            for name, each in (("good", good), ("poor", poor))
        )
        (tmp_path / "thalamus.toml").write_text(HEAD + told)
        stopped = await begun(tmp_path)
        try:
            async with asyncio.timeout(60):
                while not book.exists() or len(rows(book)) < 5:  # noqa: ASYNC110  # a file tells nobody
                    await asyncio.sleep(0.05)
                stopped.send_signal(signal.SIGINT)
                _, err = await stopped.communicate()
        finally:
            if stopped.returncode is None:
                stopped.kill()
                await stopped.communicate()
        again = await begun(tmp_path)
        out, _ = await again.communicate()

    assert 1 == stopped.returncode
    assert "stopped; what was done is kept" in err.decode()
    assert "Traceback" not in err.decode()
    assert (0, 1) == (again.returncode, json.loads(out)["new_answers"])


async def begun(folder: Path) -> asyncio.subprocess.Process:
    """Begin to ask, in a process of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy.cli", "policy", "label", "--input", "prompts.txt", "--answers-only", "--json"),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "THALAMUS_CONFIG": "thalamus.toml"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_answers_are_rated_blind_in_the_terminal(run: Run, tmp_path: Path) -> None:
    """One to five for each, a skip, a slip, and an end; what was rated stays, the rest comes again."""
    words = ("label", "--input", "prompts.txt", "--rate")
    _, first, err = await run(*words, models=BOTH, typed="9\n5\n1\ns\nq\n")
    half = rows(tmp_path / "labelled.jsonl")
    code, second, _ = await run(*words, "--learn", models=BOTH, typed="3\n3\n3\n3\n")

    assert "── Prompt 1 of 3 ──\none?" in first
    assert "'9' is none of these." in err
    assert "good" not in first.split("model  ")[0].replace("labelled", "")
    assert [{0.0, 1.0}] == [set(row["quality"].values()) for row in half]
    assert ["rating"] == [row["graded_by"] for row in half]
    assert "── Prompt 2 of 2 ──" in second
    assert (0, 3) == (code, len(rows(tmp_path / "labelled.jsonl")))
    assert "learned 6 grades of 3 prompts and is in force" in second


async def test_all_of_it_is_said_in_chinese_too(run: Run) -> None:
    """Both tables have the same sentences, and a person rates in their language."""
    words = ("label", "--input", "prompts.txt", "--language", "zh", "--rate", "--learn", "--limit", "1")
    _, out, err = await run(*words, models=BOTH, typed="x\n5\n1\n")
    _, again, _ = await run("learn", "labelled.jsonl", "--language", "zh", models=BOTH)
    blanks = [{name: sorted(re.findall(r"{\w+", text)) for name, text in WORDS[each].items()} for each in ("en", "zh")]

    assert blanks[0] == blanks[1]
    assert "good, poor 共 2 个回答：大约 0 USD" in err
    assert "“x”不在其中。" in err
    assert "── 提示 1，共 1 条 ──\none?" in out
    assert "已标注 1 条，共 1 条提示" in out
    assert "学了 1 条提示的 2 个分数，已经生效" in out
    assert "这些都已经学过" in again


async def test_rating_ends_where_the_terminal_does(run: Run, tmp_path: Path) -> None:
    """Nothing half-rated is kept, and nothing is learned of nothing."""
    code, out, _ = await run("label", "--input", "prompts.txt", "--rate", "--learn", models=BOTH, typed="5\n")

    assert 0 == code
    assert "0 of 3 prompts are labelled" in out
    assert not (tmp_path / "labelled.jsonl").exists()


async def test_what_could_not_be_had_is_told_and_kept_for_the_next_run(run: Run, tmp_path: Path) -> None:
    """A model that is broken ends it with its reason; a judge that says prose labels nothing."""
    words = ("label", "--input", "prompts.txt", "--judge", "referee")
    broken = Script((Reply(status=401),))
    failed = await run(*words, models={"good": GOOD, "poor": broken, "referee": REFEREE})
    prose = await run(*words, models=BOTH | {"referee": Script((Reply(text="Both are fine."),))})
    once = Script((Reply(match=Match(contains="<prompt>\ntwo?"), text="Hm."), *REFEREE.replies))
    partly = await run(*words, "--json", models=BOTH | {"referee": once})
    half = len(rows(tmp_path / "labelled.jsonl"))
    code, _, _ = await run(*words, models=BOTH | {"referee": REFEREE})

    assert [1, 1, 0] == [failed[0], prose[0], code]
    assert "the model 'poor' failed 3 times in a row" in failed[2]
    assert "the judge 'referee' failed 3 times in a row (nothing that it says can be read as grades)" in prose[2]
    assert (1, 2, 1) == (partly[0], half, json.loads(partly[1])["unreadable"])
    assert "0 answers failed, 0 grades failed and 1 could not be read" in partly[2]
    assert 3 == len(rows(tmp_path / "labelled.jsonl"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--judge", "referee"), "--input FILE or --from-log N"),
        (("--input", "prompts.txt", "--from-log", "3", "--rate"), "--input FILE or --from-log N"),
        (("--input", "prompts.txt"), "--judge MODEL, --rate and --answers-only"),
        (("--input", "prompts.txt", "--rate", "--answers-only"), "--judge MODEL, --rate and --answers-only"),
        (("--input", "prompts.txt", "--answers-only", "--learn"), "--learn needs grades"),
        (("--input", "prompts.txt", "--rate", "--out", "prompts.txt"), "write to another file"),
        (("--input", "none.txt", "--rate"), "none.txt"),
        (("--input", "prompts.txt", "--rate", "--models", "good"), "2 to 26 models"),
        (("--input", "prompts.txt", "--rate", "--models", "good,nobody"), "nobody"),
        (("--input", "prompts.txt", "--judge", "nobody"), "nobody"),
        (("--input", "thalamus.toml", "--out", "other.jsonl", "--rate"), "no earlier run"),
        (("--from-log", "5", "--rate"), "there are no books yet"),
    ],
)
async def test_wrong_use_is_one_sentence_and_asks_nobody(
    run: Run, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    """Nothing is asked, and nothing is written."""
    (tmp_path / "other.jsonl").write_text('{"prompt": "a"}\n')
    code, out, err = await run("label", *words, models=BOTH)

    assert code in {1, 2}
    assert "" == out
    assert told in err
    assert not (tmp_path / "labelled.answers.jsonl").exists()


async def test_a_judge_that_answers_too_is_told_of(run: Run) -> None:
    """It may know its own style."""
    models = {"good": REFEREE, "poor": POOR}
    _, _, err = await run("label", "--input", "prompts.txt", "--judge", "good", "--models", "good,poor", models=models)

    assert "The judge good grades answers of its own too" in err


def a_request(name: str, at: int, body: object = None, preview: str | None = None, **more: Any) -> DecisionRecord:
    """Return a booked request, `at` minutes after the first."""
    return DecisionRecord(
        name,
        NOW + timedelta(minutes=at),
        more.get("status", "completed"),
        more.get("endpoint", "chat"),
        stream=False,
        decision=None,
        request_body=None if body is None else json.dumps(body).encode(),
        preview=preview,
    )


def said(*texts: str, role: str = "user") -> dict[str, object]:
    """Return a chat body."""
    return {"model": "auto", "messages": [{"role": role, "content": text} for text in texts]}


async def test_questions_of_the_books_are_the_newest_whole_and_distinct(database: Database) -> None:
    """One question without a history, from a body or from a preview that is not cut; secrets are taken out."""
    with_system = said("What is a lock?")
    with_system["messages"] = [{"role": "system", "content": "Be brief."}, *with_system["messages"]]
    await booked(
        database,
        [
            a_request("a", 0, said("oldest")),
            a_request("b", 1, with_system, preview="What is a lock?"),
            a_request("c", 2, said("first", "second")),
            a_request("d", 3, preview="A short question?"),
            a_request("e", 4, preview="A question that was cut …"),
            a_request("f", 5, said("My key is sk-proj-abcdefghijklmnopqrstuvwxyz012345, is it fine?")),
            a_request("g", 6, {"model": "auto", "messages": "broken"}),
            a_request("h", 7, said("refused"), status="refused"),
            a_request("i", 8, said("What is a lock?")),
            a_request("j", 9, {"model": "m", "input": "embed"}, endpoint="embeddings"),
            a_request("k", 10, {"message": "In the plain form?"}, endpoint="unified"),
        ],
    )
    found = [each.text for each in await read_recorded(database, 10)]
    newest = [each.text for each in await read_recorded(database, 2)]

    assert ["In the plain form?", "What is a lock?"] == newest == found[:2]
    assert "sk-proj-abcdefghijklmnopqrstuvwxyz012345" not in found[2]
    assert ["A short question?", "oldest"] == found[3:]


async def test_books_without_questions_say_what_must_be_stored(run: Run, tmp_path: Path) -> None:
    """Both settings are named, and what each gives; with bodies the command works."""
    (tmp_path / ".thalamus").mkdir()
    database = open_database(f"sqlite:///{tmp_path}/.thalamus/thalamus.sqlite")
    await database.upgrade()
    empty = await run("label", "--from-log", "5", "--answers-only", models=BOTH)
    await booked(database, [a_request(f"{n}", n, said(f"Question {n}?")) for n in range(4)])
    await database.aclose()
    code, out, err = await run("label", "--from-log", "3", "--answers-only", "--json", models=BOTH)

    assert 1 == empty[0]
    assert "storage.store_bodies = true" in empty[2]
    assert "storage.store_preview = true" in empty[2]
    assert 0 == code, err
    assert (3, 6) == (json.loads(out)["prompts"], json.loads(out)["new_answers"])


def labels(folder: Path, *qualities: dict[str, float]) -> str:
    """Write labelled rows, and return the file's name."""
    lines = [json.dumps({"prompt": f"p{n}", "quality": each}) for n, each in enumerate(qualities)]
    (folder / "l.jsonl").write_text("\n".join(lines))
    return "l.jsonl"


async def test_models_that_nobody_has_are_left_out_of_what_is_learned(run: Run, tmp_path: Path) -> None:
    """A prompt without any other teaches nothing; a file without any is refused."""
    name = labels(tmp_path, {"good": 1.0, "gone": 0.0}, {"gone": 1.0})
    _, out, err = await run("learn", name, "--json", models=BOTH)
    foreign = await run("learn", labels(tmp_path, {"gone": 1.0}), models=BOTH)

    assert (1, 1) == (json.loads(out)["lessons"], json.loads(out)["learned_prompts"])
    assert "Left out: gone" in err
    assert 1 == foreign[0]
    assert "none of the models that are labelled" in foreign[2]


async def test_in_shadow_labels_wait_until_they_are_promoted(run: Run, tmp_path: Path) -> None:
    """Learned beside, like everything there; the same labels are known."""
    name, shadow = labels(tmp_path, {"good": 1.0, "poor": 0.0}), '[learning]\nmode = "shadow"\n'
    code, out, _ = await run("learn", name, models=BOTH, settings=shadow)
    again = await run("learn", name, models=BOTH, settings=shadow)
    database = open_database(f"sqlite:///{tmp_path}/.thalamus/thalamus.sqlite")
    states = {each.id: each.state for each in await VersionStore(database).all()}
    await database.aclose()
    version = out.split()[1]
    promoted = await run("promote", version, models=BOTH, settings=shadow)

    assert 0 == code
    assert f"in shadow; `thalamus policy promote {version}`" in out
    assert "All of it is learned already" in again[1]
    assert {"active", "shadow", "retired"} == set(states.values())  # of a shadow that only met the catalogue, too
    assert "shadow" == states[version]
    assert f"Version {version} is in force" in promoted[1]


@pytest.mark.parametrize(
    ("settings", "qualities", "told"),
    [
        ('[learning]\nmode = "off"\n', [{"good": 1.0}], "nothing is learned"),
        ("", [{}], "has no reward"),
        ("", [{"good": 7.0}], "0 to 1 is wanted"),
        ("", [{"good": 1.0, "poor": 0.0}] * 1001, "2002 grades"),
    ],
)
async def test_labels_that_cannot_be_learned_are_refused(
    run: Run, tmp_path: Path, settings: str, qualities: list[dict[str, float]], told: str
) -> None:
    """Nothing is changed."""
    code, out, err = await run("learn", labels(tmp_path, *qualities), models=BOTH, settings=settings)

    assert (1, "") == (code, out)
    assert told in err
