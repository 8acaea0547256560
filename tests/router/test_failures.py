"""What an upstream's refusal means: classes, messages and waits in every shape met."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import failure_words
from router.failures import error_from_event, error_from_response

if TYPE_CHECKING:
    from config.errors import UpstreamError

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC


def error(status: int, body: object, headers: dict[str, str] | None = None) -> UpstreamError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_from_response(status, headers or {}, raw, "acme", clock=lambda: NOW)


def openai(message: str, type: str | None = None, code: object = None, **more: object) -> dict[str, object]:  # noqa: A002 - the wire's word
    return {"error": {"message": message, "type": type, "param": None, "code": code, **more}}


GEMINI_MINUTE = [
    {
        "error": {
            "code": 429,
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {"@type": "QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerMinutePerProject"}]},
                {"@type": "RetryInfo", "retryDelay": "12s"},
            ],
        }
    }
]
GEMINI_DAY = json.loads(json.dumps(GEMINI_MINUTE).replace("PerMinute", "PerDay"))

CASES = [
    # quota before rate: both are 429
    ("quota", 429, openai("You exceeded your current quota.", "insufficient_quota", "insufficient_quota")),
    ("quota", 429, openai("You exceeded your current quota.")),
    ("quota", 400, {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access the Anthropic API."}}),
    ("quota", 402, openai("Insufficient Balance", "unknown_error", "invalid_request_error")),
    ("quota", 402, b""),
    ("quota", 403, openai("用户额度不足", "new_api_error", "insufficient_user_quota")),
    ("quota", 429, openai("您的账户余额不足,请充值", None, "1113")),
    ("quota", 429, GEMINI_DAY),
    # rate
    ("rate", 429, GEMINI_MINUTE),
    ("rate", 429, openai("Rate limit reached for gpt-5", "requests", "rate_limit_exceeded")),
    ("rate", 413, openai("Request too large for model `llama` on tokens per minute (TPM)", "tokens", "rate_limit_exceeded")),
    ("rate", 429, b"<html><h1>Too Many Requests</h1></html>"),
    ("rate", 400, openai("请求过于频繁,请稍后再试")),
    ("rate", 503, openai("Throttling.RateQuota", None, "Throttling")),
    # credential
    ("credential", 401, openai("Incorrect API key provided", "invalid_request_error", "invalid_api_key")),
    ("credential", 401, b""),
    ("credential", 403, {"error": "forbidden"}),
    ("credential", 400, {"error": {"code": 400, "message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]}}),
    # model access
    ("model_access", 403, openai("Project `p` does not have access to model `gpt-6`", "invalid_request_error", "model_not_found")),
    ("model_access", 400, openai("model not on this key")),
    ("model_access", 401, openai("key not allowed to access model. This key can only access models=['a']")),
    ("model_access", 403, openai("该令牌无权访问模型 gpt-5")),
    # model gone
    ("model_gone", 404, openai("The model `x` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found")),
    ("model_gone", 404, {"error": 'model "llama9" not found, try pulling it first'}),
    ("model_gone", 404, {"type": "error", "error": {"type": "not_found_error", "message": "model: claude-1"}}),
    ("model_gone", 400, openai("Model Not Exist", "invalid_request_error", "invalid_request_error")),
    ("model_gone", 404, {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404}),
    ("model_gone", 400, openai("模型不存在,请检查模型代码。", None, "1211")),
    ("model_gone", 404, {"detail": "Not Found"}),
    ("model_gone", 404, b"<html><title>404 Not Found</title></html>"),
    # context
    ("context", 400, openai("This model's maximum context length is 8192 tokens.", "invalid_request_error", "context_length_exceeded")),
    ("context", 400, {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 208310 tokens > 200000 maximum"}}),
    ("context", 400, {"type": "error", "error": {"type": "invalid_request_error", "message": "input length and `max_tokens` exceed context limit"}}),
    ("context", 400, openai("request (9000 tokens) exceeds the available context size (4096 tokens)", "exceed_context_size_error", 400)),
    ("context", 500, {"error": "context length exceeded: input too long"}),
    ("context", 400, {"object": "error", "message": "The decoder prompt (length 9000) is longer than the maximum model length of 4096.", "code": 400}),
    ("context", 400, openai("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).")),
    ("context", 400, openai("Range of input length should be [1, 129024]", "invalid_request_error", "invalid_parameter_error")),
    ("context", 400, openai("输入内容过长,超过模型最大上下文长度")),
    ("context", 400, openai("Prompt 超长", None, "1261")),
    ("context", 413, b""),
    # policy
    ("policy", 400, openai("The response was filtered", None, "content_filter", innererror={"code": "ResponsibleAIPolicyViolation"})),
    ("policy", 400, openai("Content Exists Risk", "invalid_request_error", "invalid_request_error")),
    ("policy", 400, openai("系统检测到输入或生成内容可能包含不安全或敏感内容", None, "1301")),
    ("policy", 400, openai("Input data may contain inappropriate content.", "data_inspection_failed", "data_inspection_failed")),
    # caller
    ("caller", 400, openai("Invalid value for 'temperature'", "invalid_request_error", None)),
    ("caller", 422, {"detail": [{"loc": ["body", "n"], "msg": "value is not a valid integer", "type": "type_error"}]}),
    ("caller", 404, openai("No file with that id", "invalid_request_error", "file_missing")),
    ("caller", 400, b""),
    # transient
    ("transient", 500, openai("boom", "server_error")),
    ("transient", 502, b"<html><head><title>502 Bad Gateway</title></head></html>"),
    ("transient", 503, b""),
    ("transient", 529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ("transient", 408, b""),
    ("transient", 409, openai("conflict")),
    ("transient", 302, b""),
    ("transient", 200, openai("odd")),
]  # fmt: skip


@pytest.mark.parametrize(("failure_class", "status", "body"), CASES)
def test_the_class_of_a_refusal(failure_class: str, status: int, body: object) -> None:
    """Each provider's wording, in English and Chinese, leads to the class that decides what happens next."""
    assert failure_class == error(status, body).failure_class


def test_the_upstreams_own_fields_are_kept() -> None:
    """Status, type, code, param and words reach the client as the upstream chose them."""
    found = error(
        400,
        openai("Bad `n`", "invalid_request_error", "bad_value")
        | {"error": {"message": "Bad `n`", "type": "t", "code": "c", "param": "n"}},
    )

    assert ("Bad `n`", 400, "t", "c", "n") == (found.message, found.status, found.error_type, found.code, found.param)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "acme answered HTTP 503 Service Unavailable with an empty body."),
        (b"[]", "acme answered HTTP 503 Service Unavailable with an empty list."),
        (b"{}", "acme answered HTTP 503 Service Unavailable with no message."),
        (b"null", "acme answered HTTP 503 Service Unavailable with no message."),
        (b"<html>x</html>", "acme answered HTTP 503 Service Unavailable with an HTML page."),
        (b"<!doctype html><title> Down\n now </title>", "acme answered HTTP 503 Service Unavailable with an HTML page (Down now)."),
        (b"upstream\nconnect error", "acme answered HTTP 503 Service Unavailable with the text: upstream connect error."),
        (b"\xff\xfe", "acme answered HTTP 503 Service Unavailable with the text: \ufffd\ufffd."),
        (b'"plain"', "plain"),
        (b'{"error":"text"}', "text"),
        (b'{"error":{"message":"nested"}}', "nested"),
        (b'{"error":[{"message":"listed"}]}', "listed"),
        (b'{"errors":[{"message":"listed"}]}', "listed"),
        (b'{"detail":"detailed"}', "detailed"),
        (b'{"message":"top"}', "top"),
        (b'{"error":"code_word","message":"top"}', "top"),
        (b'{"error":{"error":"inner"}}', "inner"),
        (b'{"error_msg":"baidu"}', "baidu"),
        (b'{"message":{"a":1}}', '{"a":1}'),
        (b'[{"error":{"message":"in a list"}}]', "in a list"),
        (b"[" * 100_000, "acme answered HTTP 503 Service Unavailable with the text: " + "[" * 300 + "."),
    ],
)  # fmt: skip
def test_every_shape_of_body_gives_a_clear_message(body: bytes, message: str) -> None:
    """JSON of any shape gives the upstream's words; anything else is named for what it is."""
    assert message == error(503, body).message


def test_an_unknown_status_has_a_message_too() -> None:
    """Cloudflare and others answer with numbers that no standard knows."""
    assert "acme answered HTTP 599 with an empty body." == error(599, b"").message


def test_long_messages_are_cut_and_keys_in_them_masked() -> None:
    """An upstream that quotes the key back does not put it into our books."""
    found = error(401, openai("Incorrect API key provided: sk-proj-abcdef123456. " + "x " * 5000))

    assert 2000 == len(found.message)
    assert found.message.startswith("Incorrect API key provided: [redacted]. x")


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, {}, 1.5),
        ({"retry-after": "20"}, {}, 20.0),
        ({"retry-after": "0.5"}, {}, 0.5),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, {}, 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 -0000"}, {}, 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, {}, 0.0),
        ({"retry-after": "soon"}, {}, None),
        ({"retry-after": "-5"}, {}, None),
        ({}, GEMINI_MINUTE, 12.0),
        ({}, {"error": {"details": [{"retryDelay": "1.5s"}]}}, 1.5),
        ({}, {"error": {"details": [{"retryDelay": "250ms"}]}}, 0.25),
        ({}, {"error": {"details": [{"retryDelay": {"seconds": 3}}]}}, 3.0),
        ({}, {"error": {"message": "m", "retry_after": 7}}, 7.0),
        ({}, {"retry_after": "2m"}, 120.0),
        ({}, {"retry_after_ms": 900}, 0.9),
        ({}, {"retry_after": True}, None),
        ({}, {"retry_after": "never"}, None),
        ({"retry-after": "999999"}, {}, 86_400.0),
    ],
)
def test_every_form_of_the_wish_to_retry_is_read(headers: dict[str, str], body: object, seconds: float | None) -> None:
    """Milliseconds, seconds, a date, Google's duration and fields of the body are the same wish; nothing is clamped."""
    assert seconds == pytest.approx(error(429, body, headers).retry_after_s)


@pytest.mark.parametrize(
    ("obj", "status", "failure_class"),
    [
        ({"error": {"message": "bad", "code": 400}}, 400, "caller"),
        ({"error": {"message": "busy", "code": "503"}}, 503, "transient"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529, "transient"),
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}, 429, "rate"),
        ({"error": {"message": "x", "code": "context_length_exceeded"}}, None, "context"),
        ({"error": "llama runner process has terminated"}, None, "transient"),
        ({"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}, 400, "caller"),
        (
            {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "m"}}},
            500,
            "transient",
        ),
        ({"error": {"code": "insufficient_quota", "message": "m"}}, 429, "quota"),
        ({"error": {}}, None, "transient"),
    ],
)
def test_an_error_inside_a_stream_gets_its_real_status(
    obj: dict[str, object], status: int | None, failure_class: str
) -> None:
    """The 200 of the stream is not the truth; the code or type in the event is."""
    found = error_from_event(obj)

    assert (status, failure_class) == (found.status, found.failure_class)
    assert found.message


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["error", "errors", "message", "detail", "code", "type", "status", "retry_after", "details", "innererror", "response"]),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.integers(100, 999), JSON_VALUES, st.text(max_size=30))
def test_no_body_and_no_header_breaks_the_reading(status: int, value: object, header: str) -> None:
    """Whatever an upstream answers, there is one error with a message."""
    body = json.dumps(value).encode("utf-8", "replace")

    assert error(status, body, {"retry-after": header, "retry-after-ms": header}).message


@given(st.binary(max_size=100))
def test_no_bytes_break_the_reading(body: bytes) -> None:
    """Bodies that are no text at all still give an error with a message."""
    assert error(500, body).message


def test_the_real_clock_is_the_default() -> None:
    """A date far in the past asks for no wait, whatever the time is."""
    found = error_from_response(429, {"retry-after": "Fri, 15 Jan 2016 08:00:30 GMT"}, b"", "acme")

    assert 0.0 == found.retry_after_s


@pytest.mark.parametrize(
    "word", [*failure_words.QUOTA, *failure_words.RATE, *failure_words.CONTEXT, *failure_words.MODEL_GONE]
)
def test_every_word_is_lower_case(word: str) -> None:
    """Texts are lowered before they are matched, so an upper-case word would never match."""
    assert word.lower() == word


def test_an_inner_status_and_numbers_as_codes_are_read() -> None:
    """A number that can be an HTTP status is one; any other number is a code."""
    found = error_from_event({"error": {"message": "m", "code": 1113, "http_code": 503}})
    spent = error_from_event({"error": {"message": "m", "code": 0, "metadata": {"raw": "insufficient balance"}}})

    assert ("1113", 503) == (found.code, found.status)
    assert "quota" == spent.failure_class
