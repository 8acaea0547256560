"""Limits of a key as clients meet them: over sockets, in every door, streamed and plain."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import openai
import pytest

from router.providers.scripted import scripted_upstream
from tests.e2e.gateway import asked, model, running_gateway, user
from tests.upstreams import replying

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.gateway import Gateway

KINDS = ("limit", "remaining", "reset")
DOORS = {
    "/v1/chat/completions": {"model": "m", "messages": user("hi")},
    "/api/chat": {"model": "m", "message": "hi"},
    "/api/claude": {"model": "m", "max_tokens": 9, "messages": user("hi")},
    "/v1/embeddings": {"model": "m", "input": "hi"},
}


async def made_key(gateway: Gateway, **limits: int) -> dict[str, str]:
    """Make a key; return the header that sends it."""
    key, _ = await gateway.house.keys.create("app", **limits)
    return {"authorization": f"Bearer {key}"}


async def test_of_fifty_requests_at_once_exactly_ten_pass_a_limit_of_ten(tmp_path: Path) -> None:
    """Checking and counting are one step, so no race lets an eleventh through (LiteLLM #34732, #40095)."""
    script = replying({"text": "ok", "delay_first_s": 0.2})
    async with scripted_upstream(script) as upstream, running_gateway(tmp_path, model("m", upstream.url + "/v1")) as it:
        headers = await made_key(it, requests_per_minute=10)
        body = DOORS["/v1/chat/completions"]
        answers = await asyncio.gather(
            *(it.http.post("/v1/chat/completions", json=body, headers=headers) for _ in range(50))
        )

    assert {200: 10, 429: 40} == Counter(answer.status_code for answer in answers)
    assert 10 == len(asked(upstream))


async def test_of_fifty_streams_at_once_only_those_start_whose_tokens_are_there(tmp_path: Path) -> None:
    """Tokens are reserved before anything is sent; while all is reserved the others are told to wait."""
    # None of the ten may be over, and its tokens be free again, before the last of fifty has asked.
    script = replying({"text": "ok", "delay_first_s": 4.0, "usage": {"input": 8, "output": 2}})
    async with scripted_upstream(script) as upstream, running_gateway(tmp_path, model("m", upstream.url + "/v1")) as it:
        headers = await made_key(it, tokens_per_minute=1000)
        body = {"model": "m", "messages": user("hi"), "max_tokens": 92, "stream": True}
        answers = await asyncio.gather(
            *(it.http.post("/v1/chat/completions", json=body, headers=headers) for _ in range(50))
        )
        after = await it.http.post("/v1/chat/completions", json={**body, "max_tokens": 700}, headers=headers)

    assert {200: 10, 429: 40} == Counter(answer.status_code for answer in answers)
    assert 200 == after.status_code  # ten answers of ten tokens were used, not ten of a hundred
    assert {"tokens"} == {answer.json()["error"]["type"] for answer in answers if answer.status_code == 429}


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize("stream", [False, True])
async def test_every_answer_of_a_limited_key_tells_its_limits(tmp_path: Path, path: str, stream: bool) -> None:
    """OpenAI's six headers, ours and not the upstream's; the refusal in the door's own shape says when to come back."""
    theirs = {"x-ratelimit-limit-requests": "88888", "x-ratelimit-remaining-images": "88888"}
    script = replying({"text": "ok", "status": 200, "headers": theirs})
    extra = 'capabilities = ["embeddings"]'
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1", extra=extra)) as it,
    ):
        headers = await made_key(it, requests_per_minute=2, tokens_per_minute=10_000)
        body = {**DOORS[path], "stream": stream}
        answers = [await it.http.post(path, json=body, headers=headers) for _ in range(3)]
        refused = answers[2]

    assert [200, 200, 429] == [answer.status_code for answer in answers]
    for n, answer in enumerate(answers):
        told = {name: value for name, value in answer.headers.items() if name.startswith("x-ratelimit-")}
        assert {f"x-ratelimit-{kind}-{unit}" for kind in KINDS for unit in ("requests", "tokens")} == set(told)
        assert ("2", str(max(0, 1 - n))) == (told["x-ratelimit-limit-requests"], told["x-ratelimit-remaining-requests"])
        assert int(told["x-ratelimit-remaining-tokens"]) <= 10_000
    assert 55 <= int(refused.headers["retry-after"]) <= 61
    assert "rate_limit_exceeded" == refused.json()["error"]["code"]
    assert "88888" not in repr(answers[0].headers.raw)


async def test_the_settings_limit_keys_without_limits_of_their_own(tmp_path: Path) -> None:
    """Also callers without any key, where none is needed; a wrong request uses up a turn, a wrong key does not."""
    settings = "[limits]\nrequests_per_minute = 2\n"
    async with (
        scripted_upstream(replying({"text": "ok"})) as upstream,
        running_gateway(tmp_path, settings, model("m", upstream.url + "/v1")) as it,
    ):
        without = [await it.chat() for _ in range(3)]
        headers = await made_key(it)
        wrong = await it.http.post("/v1/chat/completions", json={}, headers={"authorization": "Bearer sk-no"})
        empty = await it.http.post("/v1/chat/completions", content=b"{}", headers=headers)
        body = DOORS["/v1/chat/completions"]
        keyed = [await it.http.post("/v1/chat/completions", json=body, headers=headers) for _ in range(2)]

    assert [200, 200, 429] == [answer.status_code for answer in without]
    assert [401, 400] == [wrong.status_code, empty.status_code]
    assert [200, 429] == [answer.status_code for answer in keyed]
    assert "x-ratelimit-limit-requests" not in wrong.headers


async def test_a_request_refused_by_a_limit_leaves_no_row(tmp_path: Path) -> None:
    """A flood of them must not fill the books; the metrics count them."""
    settings = "[limits]\nrequests_per_minute = 1\n"
    async with (
        scripted_upstream(replying({"text": "ok"})) as upstream,
        running_gateway(tmp_path, settings, model("m", upstream.url + "/v1")) as it,
    ):
        first, second = [await it.chat() for _ in range(2)]
        await it.decision(first)
        row = await it.http.get(f"/v1/decisions/{second.headers['x-thalamus-decision-id']}")

    assert (429, 404) == (second.status_code, row.status_code)


async def test_the_official_client_reads_the_refusal(tmp_path: Path) -> None:
    """It raises its own rate limit error, with code and waiting time in it."""
    async with (
        scripted_upstream(replying({"text": "ok"})) as upstream,
        running_gateway(tmp_path, "[limits]\nrequests_per_minute = 1\n", model("m", upstream.url + "/v1")) as it,
    ):
        await it.sdk.chat.completions.create(model="m", messages=user("hi"))
        with pytest.raises(openai.RateLimitError) as refused:
            await it.sdk.chat.completions.create(model="m", messages=user("hi"))

    assert ("rate_limit_exceeded", "requests") == (refused.value.code, refused.value.type)
    assert "requests per min (RPM): Limit 1, Used 1, Requested 1" in refused.value.message


async def test_a_long_prompt_is_counted_off_the_loop_and_too_long_a_one_refused(tmp_path: Path) -> None:
    """What can never fit is refused before anything is sent, and no client is told to retry."""
    async with (
        scripted_upstream(replying({"text": "ok"})) as upstream,
        running_gateway(tmp_path, "[limits]\ntokens_per_minute = 2000\n", model("m", upstream.url + "/v1")) as it,
    ):
        refused = await it.chat(messages=user("word " * 20_000))

    assert 429 == refused.status_code
    assert "false" == refused.headers["x-should-retry"]
    assert "retry-after" not in refused.headers
    assert [] == asked(upstream)
