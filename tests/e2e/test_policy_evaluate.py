"""`thalamus policy evaluate` on what a running gateway wrote down."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from proxy.cli import main
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import model, running_gateway, user

SCRIPT = Script((Reply(text="an answer"),))
N = 120
AT_ONCE = 8


async def test_the_books_of_a_gateway_can_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Choices by the learned policy, ratings over HTTP, and a candidate that takes the good model only."""
    few = asyncio.Semaphore(AT_ONCE)
    table = tmp_path / "good.json"
    table.write_text('{"probabilities": {"good": 1}}')
    async with (
        scripted_upstream(SCRIPT) as good,
        scripted_upstream(SCRIPT) as bad,
        running_gateway(
            tmp_path, model("good", good.url + "/v1"), model("bad", bad.url + "/v1"), "[classifier]\nenabled = false\n"
        ) as gateway,
    ):

        async def ask(at: int) -> str:
            async with few:
                answer = await gateway.chat(model="auto", messages=user(f"Question {at}"))
                name = answer.headers["x-thalamus-model"]
                body = {"queryId": answer.headers["x-thalamus-decision-id"], "rating": 5 if name == "good" else 2}
                rated = await gateway.http.post("/api/routing/feedback", json=body)
            assert (200, 200) == (answer.status_code, rated.status_code), rated.text
            return name

        names = await asyncio.gather(*(ask(at) for at in range(N)))
        named = await gateway.chat(model="good")  # the client chose: no part of the log
        booked = (await gateway.decision(named))["policy_version"]

    def evaluated(candidate: str) -> dict:
        config = str(tmp_path / "thalamus.toml")
        assert 0 == main(["policy", "evaluate", "--candidate", candidate, "--config", config, "--json"])
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    capsys.readouterr()
    told, weights = await asyncio.to_thread(evaluated, str(table)), await asyncio.to_thread(evaluated, "weights")
    quality = told["quality"][0]

    assert "named-1" == booked
    assert (N, N, N) == (told["read"], told["decisions"], quality["n_known"])
    assert all(each.startswith("learned-1") for each in told["current"])
    assert 1 == pytest.approx(quality["estimates"]["doubly_robust"]["value"], abs=0.05)
    assert quality["estimates"]["doubly_robust"]["value"] > quality["current"]["value"]
    assert quality["difference"]["low"] > 0
    assert 0.5 == weights["shares"]["good"]["candidate"]
    assert {"en"} == {each["name"] for each in told["quality"] if each["kind"] == "language"}
    assert names.count("good") > 10
