"""A trial in a running gateway: conversations are drawn, choose by their arm, and are booked with it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from proxy.cli import main
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import Gateway, model, running_gateway, user

SCRIPT = Script((Reply(text="an answer"),))
TRIAL = """
[[experiment.trial]]
name = "old"
policy_b = "weights"
[[experiment.trial]]
name = "weights-or-learned"
policy_a = "weights"
policy_b = "learned"
dial_b = 0.9
share_b = 0.5
[classifier]
enabled = false
"""


async def ask(gateway: Gateway, conversation: str, **more: object) -> dict[str, object]:
    """Ask in a conversation and return the booked decision."""
    body = {"model": "auto", "messages": user("Add two numbers."), **more}
    headers = {"x-thalamus-conversation-id": conversation}
    answer = await gateway.http.post("/v1/chat/completions", json=body, headers=headers)
    assert 200 == answer.status_code, answer.text
    return await gateway.decision(answer)


async def test_conversations_are_drawn_and_booked(tmp_path: Path, capsys) -> None:
    """All turns in one arm; each arm chooses in its own way; who sets a dial is left out; the command counts them."""
    async with (
        scripted_upstream(SCRIPT) as one,
        scripted_upstream(SCRIPT) as two,
        running_gateway(tmp_path, model("one", one.url + "/v1"), model("two", two.url + "/v1"), TRIAL) as gateway,
    ):
        booked = [await ask(gateway, f"c{at % 12}") for at in range(24)]
        own = await ask(gateway, "c1", routing_dial=0.1)
        named = await gateway.decision(await gateway.chat(model="one"))
    arms = [each["arm"] for each in booked]

    assert arms[:12] == arms[12:]
    assert {"weights-or-learned/a", "weights-or-learned/b"} == set(arms)
    for each in booked:
        assert str(each["policy_version"]).startswith("learned-1" if each["arm"].endswith("b") else "weights-1")
        wanted = {"name": "weights-or-learned", "arm": each["arm"][-1], "p_b": 0.5}
        assert wanted.items() <= each["features"]["trial"].items()
    assert {0.9} == {each["features"]["dial"] for each in booked if each["arm"].endswith("b")}
    assert (None, None) == (own["arm"], named["arm"])

    capsys.readouterr()
    words = ["experiments", "status", "--config", str(tmp_path / "thalamus.toml"), "--json"]
    assert 0 == await asyncio.to_thread(main, words)
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])["experiments"]

    assert [("old", False), ("weights-or-learned", True)] == [(each["name"], each["draws"]) for each in told]
    assert {"no_data"} == {each["state"] for each in told}
