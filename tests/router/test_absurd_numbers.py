"""Numbers of an upstream that no clock, calendar, column or client can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.columns import json_text
from router.failure_body import MAX_RETRY_AFTER_S
from router.failures import error_from_response
from router.providers.openai_usage import find_usage
from tests.e2e.gateway import model, running_gateway, user
from tests.upstreams import replying, scripted_upstream

if TYPE_CHECKING:
    from pathlib import Path

DATES = (
    "Mon, 01 Jan 2030 00:00:00 +99999999999999999999",
    ", Jan 0 99999999999 00:00:00",
    "Fri, 31 Dec 9999 23:59:59 GMT",
)


@given(st.one_of(st.sampled_from(DATES), st.text(max_size=60), st.integers().map(str), st.floats().map(str)))
def test_no_header_breaks_the_reading_of_a_refusal(value: str) -> None:
    """Whatever stands in Retry-After, the failure has its class, and a wait that can be told."""
    error = error_from_response(429, {"retry-after": value}, b"", "p", clock=lambda: 0.0)

    assert "rate" == error.failure_class
    assert error.retry_after_s is None or 0 <= error.retry_after_s <= MAX_RETRY_AFTER_S


@given(st.one_of(st.integers(), st.just(10**400), st.floats(allow_nan=False)))
def test_no_number_in_a_body_breaks_it_either(value: float) -> None:
    """The wish in the body is bounded in the same way."""
    body = f'{{"error":{{"message":"slow down","retry_after":{value!r}}}}}'.encode()

    error = error_from_response(429, {}, body, "p", clock=lambda: 0.0)

    assert error.retry_after_s is None or 0 <= error.retry_after_s <= MAX_RETRY_AFTER_S


@pytest.mark.parametrize("n", [10**9 + 1, 2**63, 10**30, 10**400])
def test_a_count_beyond_reason_is_none(n: int) -> None:
    """The answer is counted here instead; JSON of the books takes the number all the same."""
    assert find_usage({"usage": {"prompt_tokens": n, "completion_tokens": 1}}) is None
    assert str(n) in json_text({"n": n})


@pytest.mark.parametrize("stream", [True, False])
async def test_an_absurd_wait_or_count_fails_nobody_and_spoils_no_sum(tmp_path: Path, stream: bool) -> None:
    """The stand-in answers, nothing stays under way, the books hold estimates, and the metrics can be read."""
    refusing = replying({"status": 429, "headers": {"retry-after": DATES[0]}})
    usage = {"prompt_tokens": 10**30, "completion_tokens": 3, "total_tokens": 10**30}
    message = {"role": "assistant", "content": "fine"}
    body = msgspec.json.decode('{"id":"x","object":"chat.completion","created":1,"model":"m"}')
    body |= {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": str(usage)}
    raw = msgspec.json.encode(body).decode().replace(f'"{usage}"', str(usage).replace("'", '"'))
    lying = replying({"status": 200, "body": raw, "headers": {"content-type": "application/json"}})
    async with (
        scripted_upstream(refusing) as first,
        scripted_upstream(lying) as second,
        running_gateway(
            tmp_path, model("m", f"{first.url}/v1", extra='fallbacks = ["n"]'), model("n", f"{second.url}/v1")
        ) as gateway,
    ):
        answer = await gateway.chat(messages=user("hi"), stream=stream)
        booked = await gateway.decision(answer)
        metrics = await gateway.http.get("/metrics")

    assert (200, True) == (answer.status_code, "fine" in answer.text)
    attempts = booked["attempts"]
    assert isinstance(attempts, list)
    assert ["rate", None] == [each["failure_class"] for each in attempts]
    assert "estimated" == attempts[1]["usage_source"]
    assert 200 == metrics.status_code
    assert 'thalamus_attempts_in_flight{deployment="m/vllm"} 0.0' in metrics.text
