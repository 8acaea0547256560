"""Errors as clients see them: shapes, headers, and which of several failures is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import InvalidRequestError, ModelNotFoundError, PayloadTooLargeError, UpstreamError
from config.failures import FailureClass
from config.settings import Timeouts
from config.types import AttemptRecord
from proxy.error_responses import (
    all_failed,
    anthropic_error_body,
    error_body,
    headers_for,
    mid_stream_error,
    unexpected,
)
from router.attempt import Candidate, Skipped
from router.providers.base import Target
from router.refusal import Reason, Refusal

KEY = "sk-canary-1234567890"


def failure(
    failure_class: FailureClass,
    status: int | None = None,
    *,
    message: str = "words",
    code: str | None = None,
    error_type: str | None = None,
    param: str | None = None,
    retry_after_s: float | None = None,
    timed_out: bool = False,
) -> UpstreamError:
    return UpstreamError(
        message,
        failure_class=failure_class,
        status=status,
        code=code,
        error_type=error_type,
        param=param,
        retry_after_s=retry_after_s,
        timed_out=timed_out,
    )


def attempts(*failures: UpstreamError) -> tuple[AttemptRecord, ...]:
    return tuple(
        AttemptRecord(
            n=n, deployment=f"d{n}", model="m", provider="p", committed=False,
            failure_class=each.failure_class, error=f"{each.message} {KEY}", status=each.status,
        )
        for n, each in enumerate(failures, start=1)
    )  # fmt: skip


def told(*failures: UpstreamError) -> tuple[int, str | None, str]:
    error = all_failed(attempts(*failures), failures)
    return error.status, error.code, error.error_type


def test_an_error_body_always_has_four_keys() -> None:
    """Also those that are null."""
    body = json.loads(error_body(InvalidRequestError("bad")))

    assert {"error": {"message": "bad", "type": "invalid_request_error", "param": None, "code": None}} == body


def test_an_anthropic_error_body_speaks_both() -> None:
    """Anthropic's word for the type, and OpenAI's other keys beside it."""
    body = json.loads(anthropic_error_body(ModelNotFoundError("gone", param="model")))

    assert "error" == body["type"]
    assert ("not_found_error", "gone") == (body["error"]["type"], body["error"]["message"])
    assert {"message", "type", "param", "code"} == body["error"].keys()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequestError("x"), "invalid_request_error"),
        (InvalidRequestError("x", status=422), "invalid_request_error"),
        (PayloadTooLargeError("x"), "request_too_large"),
        (unexpected(), "api_error"),
    ],
)
def test_anthropic_types_follow_the_status(error: InvalidRequestError, kind: str) -> None:
    """Its SDK chooses the exception by status, people by the type."""
    assert kind == json.loads(anthropic_error_body(error))["error"]["type"]


def test_an_unforeseen_error_shows_nothing_of_itself() -> None:
    """A plain 500."""
    error = unexpected()

    assert (500, "internal_error", "server_error") == (error.status, error.code, error.error_type)


def test_retry_after_is_whole_seconds_rounded_up() -> None:
    """A client that waits shorter is refused again."""
    error = InvalidRequestError("x", retry_after_s=0.2, headers={"allow": "POST"})

    assert [("allow", "POST"), ("retry-after", "1")] == headers_for(error)
    assert [] == headers_for(InvalidRequestError("x", retry_after_s=float("inf")))


def test_clients_need_not_retry_what_we_have_retried() -> None:
    """SDKs would try the whole chain again."""
    down = failure("transient", 500)

    assert [("x-should-retry", "false")] == headers_for(all_failed(attempts(down), [down]))


@pytest.mark.parametrize(
    ("given_failure", "status", "code", "kind"),
    [
        (failure("caller", 422, code="c", error_type="t"), 422, "c", "t"),
        (failure("caller", 400), 400, None, "invalid_request_error"),
        (failure("caller", 401), 400, None, "invalid_request_error"),
        (failure("caller", 500), 400, None, "invalid_request_error"),
        (failure("caller"), 400, None, "invalid_request_error"),
        (failure("policy", 400), 400, "content_filter", "invalid_request_error"),
        (failure("policy", 400, code="content_policy_violation"), 400, "content_policy_violation", "invalid_request_error"),
        (failure("context", 400, code="400"), 400, "context_length_exceeded", "invalid_request_error"),
        (failure("context", 413), 413, "context_length_exceeded", "invalid_request_error"),
        (failure("rate", 429, code="tokens", error_type="tokens"), 429, "tokens", "tokens"),
        (failure("rate", 529), 429, "rate_limit_exceeded", "rate_limit_error"),
        (failure("quota", 429), 429, "insufficient_quota", "rate_limit_error"),
        (failure("quota", 402), 502, "upstream_quota_exhausted", "upstream_error"),
        (failure("credential", 401), 502, "upstream_credentials_exhausted", "upstream_error"),
        (failure("credential", 403), 502, "upstream_credentials_exhausted", "upstream_error"),
        (failure("model_access", 403), 502, "upstream_credentials_exhausted", "upstream_error"),
        (failure("model_gone", 404), 404, "model_not_found", "invalid_request_error"),
        (failure("model_access", 404, code="x"), 404, "x", "invalid_request_error"),
        (failure("model_gone", 410), 502, "upstream_model_unavailable", "upstream_error"),
        (failure("transient", 500), 502, "upstream_failed", "upstream_error"),
        (failure("transient", None), 502, "upstream_failed", "upstream_error"),
        (failure("transient", 504), 504, "upstream_timeout", "upstream_error"),
        (failure("transient", timed_out=True), 504, "upstream_timeout", "upstream_error"),
        (failure("transient", 200, code="empty_completion"), 502, "empty_completion", "upstream_error"),
    ],
)  # fmt: skip
def test_what_a_client_sees_of_each_failure(
    given_failure: UpstreamError, status: int, code: str | None, kind: str
) -> None:
    """The caller's faults and waits keep their words; ours are a 502 or 504."""
    assert (status, code, kind) == told(given_failure)
    assert (status, code) == (mid_stream_error(given_failure).status, mid_stream_error(given_failure).code)


def test_a_callers_fault_keeps_message_and_param() -> None:
    """They are what the caller needs."""
    fault = failure("caller", 400, message="temperature too hot", param="temperature")
    error = all_failed(attempts(fault), [fault])

    assert ("temperature too hot", "temperature") == (error.message, error.param)


def test_words_about_our_key_stay_here() -> None:
    """An upstream quotes keys back."""
    refused = failure("credential", 401, message=f"Incorrect API key provided: {KEY}")
    error = all_failed(attempts(refused), [refused])

    assert KEY not in error_body(error).decode()


def test_attempts_are_listed_without_their_words() -> None:
    """Deployment, class and status of each, in order."""
    failures = (failure("rate", 429), failure("transient", None))
    body = json.loads(error_body(all_failed(attempts(*failures), failures)))

    assert [
        {"deployment": "d1", "failure_class": "rate", "status": 429},
        {"deployment": "d2", "failure_class": "transient", "status": None},
    ] == body["error"]["attempts"]


ORDER: list[FailureClass] = [
    "caller", "policy", "context", "rate", "transient", "quota", "model_access", "model_gone", "credential",
]  # fmt: skip


@given(st.lists(st.sampled_from(ORDER), min_size=1, max_size=5))
def test_the_most_useful_failure_is_told(classes: list[FailureClass]) -> None:
    """First what the caller can mend, then what waiting mends, last what the operator must."""
    failures = [failure(each, message=f"of {each}") for each in classes]
    first = min(classes, key=ORDER.index)

    expected = told(failure(first))
    assert expected == told(*failures)


def test_the_shortest_wait_among_rate_limits_is_told() -> None:
    """One of them is free again by then."""
    failures = (
        failure("rate", 429, retry_after_s=30),
        failure("rate", 429, retry_after_s=7),
        failure("rate", 429),
        failure("transient", 503, retry_after_s=1),
    )
    error = all_failed(attempts(*failures), failures)

    assert (429, 7) == (error.status, error.retry_after_s)


def test_nothing_to_ask_is_a_503() -> None:
    """No candidate was left to try."""
    error = all_failed((), [])

    assert (503, "no_candidate") == (error.status, error.code)


def test_several_failures_say_how_many() -> None:
    """The last one of a class speaks."""
    failures = (failure("transient", 500, message="first"), failure("transient", 502, message="second"))

    assert "All 2 attempts failed; the last one: second" == all_failed(attempts(*failures), failures).message


def held_back(name: str, reason: Reason, wait_s: float | None) -> Skipped:
    """Return a candidate that the gate did not let through."""
    target = Target(name, "p", "http://h/v1", "m", api_key=KEY)
    return Skipped(Candidate("m", target, "openai", Timeouts()), Refusal(reason, wait_s, "key_model"))


def test_all_rate_limited_is_a_429_with_the_least_wait() -> None:
    """Nobody was asked, so a client may come back by itself after that time; the longer wait is told unclamped."""
    error = all_failed((), [], [held_back("a", "rate", 300.0), held_back("b", "rate", 90.4)])

    assert (429, "rate_limit_exceeded", "rate_limit_error") == (error.status, error.code, error.error_type)
    assert [("retry-after", "91")] == headers_for(error)
    assert [
        {"deployment": "a", "reason": "rate", "retry_after_s": 300.0},
        {"deployment": "b", "reason": "rate", "retry_after_s": 90.4},
    ] == json.loads(error_body(error))["error"]["held_back"]
    assert KEY not in error_body(error).decode()


def test_all_held_back_is_a_503_with_the_least_wait() -> None:
    """Some limit our rate, some are down, one has a dead key: what waiting mends soonest is told."""
    skipped = [
        held_back("a", "rate", 30.0), held_back("b", "transient", 4.0), held_back("c", "credential", 1.0),
        held_back("d", "operator", None),
    ]  # fmt: skip
    error = all_failed((), [], skipped)

    assert (503, "upstream_held_back", 4.0) == (error.status, error.code, error.retry_after_s)


def test_one_taken_out_by_an_operator_gives_no_time() -> None:
    """Nobody knows when it is back."""
    error = all_failed((), [], [held_back("a", "operator", None)])

    assert (503, None) == (error.status, error.retry_after_s)
    assert [("x-should-retry", "false")] == headers_for(error)
    assert None is json.loads(error_body(error))["error"]["held_back"][0]["retry_after_s"]


def test_what_waiting_mends_is_told_before_a_dead_key() -> None:
    """The key that was tried is dead, and the others are only limited for now."""
    dead = failure("credential", 401)
    error = all_failed(attempts(dead), [dead], [held_back("b", "rate", 12.0)])

    assert (429, 12.0) == (error.status, error.retry_after_s)
    assert 1 == len(json.loads(error_body(error))["error"]["attempts"])


def test_the_least_wait_counts_who_is_held_back_the_same_way() -> None:
    """One was just limited for a minute, another one is free again in five seconds."""
    limited = failure("rate", 429, retry_after_s=60)
    error = all_failed(attempts(limited), [limited], [held_back("b", "rate", 5.0), held_back("c", "transient", 1.0)])

    assert (429, 5.0) == (error.status, error.retry_after_s)
    assert ("x-should-retry", "false") in headers_for(error)
