"""Labels of one's own prompts change who answers, by both doors: learned at once, and fitted into the prior."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from proxy.cli import main
from router.providers.scripted import Match, Reply, Script, ScriptedUpstream, scripted_upstream
from tests.e2e.gateway import Gateway, asked, model, running_gateway, user

GOOD, POOR = "Blue light scatters most in air.", "No idea."
SEES = Script(
    (
        Reply(match=Match(contains=f'<answer id="A">\n{GOOD}'), text='{"A": 0.9, "B": 0.1}'),
        Reply(match=Match(contains=f'<answer id="A">\n{POOR}'), text='Let me see: {"A": 0.1, "B": 0.9}.'),
    )
)
QUESTION = "Why is the sky blue?"
PLAIN = "[classifier]\nenabled = false\n"


@asynccontextmanager
async def street(folder: Path, *more: str) -> AsyncGenerator[tuple[Gateway, ScriptedUpstream], None]:
    """A poor model that weighs nine times as much as the good one, and a judge that `auto` does not choose."""
    (folder / "prompts.txt").write_text("".join(f"{QUESTION} {n}\n" for n in range(24)))
    async with (
        scripted_upstream(Script((Reply(text=GOOD),))) as good,
        scripted_upstream(Script((Reply(text=POOR),))) as poor,
        scripted_upstream(SEES) as judge,
        running_gateway(
            folder,
            model("poor", f"{poor.url}/v1", weight=9),
            model("good", f"{good.url}/v1"),
            model("referee", f"{judge.url}/v1", extra="auto = false"),
            PLAIN,
            *more,
        ) as gateway,
    ):
        yield gateway, judge


async def run(capsys: Any, folder: Path, *words: str) -> dict[str, Any]:
    """Run a command of `policy` beside the gateway and return what it says last."""
    code = await asyncio.to_thread(main, ["policy", *words, "--json"])
    said = capsys.readouterr()
    assert 0 == code, said.err
    (last,) = [line for line in said.out.splitlines() if line.startswith("{")][-1:]
    return json.loads(last)


async def share_of_good(gateway: Gateway, n: int = 40) -> float:
    """Return which part of so many requests the good model answers."""
    few = asyncio.Semaphore(8)

    async def one() -> bool:
        async with few:
            answer = await gateway.chat(model="auto", messages=user(QUESTION))
        return answer.headers["x-thalamus-model"] == "good"

    return sum(await asyncio.gather(*(one() for _ in range(n)))) / n


async def until(gateway: Gateway, part: str) -> None:
    """Wait until what is expected of models was made anew, with this in the name of its version."""
    async with asyncio.timeout(30):
        while part not in gateway.house.experience.version:  # noqa: ASYNC110  # the learner tells nobody
            await asyncio.sleep(0.05)


async def test_labels_move_traffic_at_once_and_a_rollback_moves_it_back(
    tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    """From one command to the next request: answered by all, judged blindly, learned; and taken back."""
    monkeypatch.chdir(tmp_path)
    async with street(tmp_path) as (gateway, judge):
        before = await share_of_good(gateway)
        words = ("label", "--input", "prompts.txt", "--judge", "referee", "--learn")
        labelled = await run(capsys, tmp_path, *words)
        await until(gateway, labelled["version"])
        after = await share_of_good(gateway)
        again = await run(capsys, tmp_path, "learn", "labelled.jsonl")
        n_asked = len(asked(judge))
        twice = await run(capsys, tmp_path, *words)
        back = await run(capsys, tmp_path, "rollback")
        await until(gateway, back["active"])
        rolled_back = await share_of_good(gateway)
        anew = await run(capsys, tmp_path, "learn", "labelled.jsonl")

    assert (24, 48, 48, 24) == tuple(labelled[name] for name in ("labelled", "new_answers", "lessons", "new_labels"))
    assert {"good": 0.9, "poor": 0.1} == {name: each["mean_quality"] for name, each in labelled["models"].items()}
    assert before < 0.4
    assert after > 0.75
    assert rolled_back < 0.4
    assert (0, labelled["version"]) == (again["lessons"], again["version"])
    assert (0, 0, 0, n_asked) == (twice["new_answers"], twice["new_labels"], twice["lessons"], 24)
    assert 48 == anew["lessons"]


async def test_a_policy_fitted_to_labels_takes_part_in_the_choice(
    tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    """The file is that of `policy fit`; a gateway that names its folder draws by it from the first request."""
    monkeypatch.chdir(tmp_path)
    async with street(tmp_path) as (gateway, _):
        await run(capsys, tmp_path, "label", "--input", "prompts.txt", "--judge", "referee")
        before = await share_of_good(gateway)
    fitted = await run(capsys, tmp_path, "fit", "--train", "labelled.jsonl", "--out", "fitted")
    async with street(tmp_path, '[learning]\npolicy_dir = "fitted"\n') as (gateway, _):
        await until(gateway, "fitted")
        after = await share_of_good(gateway)

    assert ["good", "poor"] == sorted(fitted["models"])
    assert before < 0.4
    assert after > 0.6
