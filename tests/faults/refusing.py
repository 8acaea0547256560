"""Rows 5 to 7 and 18 to 20: upstreams that refuse with a status."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from time import time

from tests.faults.answering import TEXT, finished
from tests.faults.cells import Fault, Mode, Play, Promise
from tests.faults.dialects import Words, response
from tests.faults.server import Script

_LIMITED = Promise("next", "rate", 429, "rate_limit_exceeded")
_TRANSIENT = Promise("next", "transient", 502, "upstream_failed")
_NO_KEY = Promise("next", "credential", 502, "upstream_failed")  # told is what failed before: it may heal
_ONLY_404 = ("n/a: its only 404 is a missing model", "不适用：它的 404 只表示模型不存在")
_GOOGLE = ("n/a: Google's shape, spoken on the OpenAI dialect only", "不适用：Google 的格式，仅见于 OpenAI 方言")


def refusal(status: int, message: str, kind: str, *headers: str) -> Play:
    def play(words: Words, mode: Mode) -> Script:
        return response(status, words.error(message, kind), *headers)

    return play


def _limited_until(words: Words, mode: Mode) -> Script:
    when = formatdate(time() + 30, usegmt=True)
    return response(429, words.error("Too many requests.", "rate_limit_error"), f"retry-after: {when}")


def _google(words: Words, mode: Mode) -> Script:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]
    body = words.error(
        "Too many requests.", "RESOURCE_EXHAUSTED", code=429, status="RESOURCE_EXHAUSTED", details=details
    )
    return response(429, body)


def _limit(key: str, name: tuple[str, str], play: Play) -> Fault:
    return Fault(5, key, name, play, _LIMITED, _LIMITED, retry_after=True)


_LIMIT = ("Too many requests.", "rate_limit_error")
_LIMITS = (
    _limit("seconds", ("Retry-After in seconds", "以秒计的 Retry-After"), refusal(429, *_LIMIT, "retry-after: 7")),
    _limit("date", ("Retry-After as a date", "日期形式的 Retry-After"), _limited_until),
    _limit("ms", ("retry-after-ms", "retry-after-ms"), refusal(429, *_LIMIT, "retry-after-ms: 6500")),
    replace(
        _limit("json", ("retryDelay in the body", "正文中的 retryDelay"), _google),
        skip={"anthropic": _GOOGLE, "ollama": _GOOGLE},
    ),
)
_BROKEN = tuple(
    Fault(
        6,
        str(status),
        (str(status), str(status)),
        refusal(status, "Something broke.", "server_error"),
        promise := replace(_TRANSIENT, status=504, code="upstream_timeout") if status == 504 else _TRANSIENT,
        promise,
    )
    for status in (500, 502, 503, 504)
)
_TOO_LONG = "This model's maximum context length is 8000 tokens. However, your messages resulted in 9000 tokens."
_CONTEXT = Promise("next", "context", 400, "context_length_exceeded")
_too_long = refusal(400, _TOO_LONG, "invalid_request_error")
_CALLER = Promise("returned", "caller", 400, None)
_CALLERS = tuple(
    Fault(
        19,
        str(status),
        (str(status), str(status)),
        refusal(status, message, "invalid_request_error"),
        promise := replace(_CALLER, status=status),
        promise,
        {"ollama": _ONLY_404} if status == 404 else {},
    )
    for status, message in (
        (400, "temperature must be at most 2."),
        (404, "There is no tool 'x' here."),
        (422, "top_k must be positive."),
    )
)
_KEYS = tuple(
    Fault(20, str(status), (str(status), str(status)), refusal(status, message, kind), _NO_KEY, _NO_KEY)
    for status, message, kind in (
        (401, "Incorrect API key provided.", "authentication_error"),
        (403, "This key is disabled.", "permission_error"),
    )
)

_GONE = Promise("next", "model_gone", 502, "upstream_failed")

_overloaded = refusal(529, "Overloaded.", "overloaded_error")
_RECOVERED = Promise("recovered", "transient")

REFUSING = (
    *_LIMITS,
    *_BROKEN,
    Fault(7, "twice", ("overloaded twice", "两次过载"), _overloaded, _TRANSIENT, _TRANSIENT, tries=2),
    Fault(
        7,
        "once",
        ("overloaded once", "一次过载"),
        finished(TEXT, "stop"),
        _RECOVERED,
        _RECOVERED,
        prefaces=(_overloaded,),
    ),
    Fault(
        18,
        "larger",
        ("beside it a larger window", "旁边的窗口更大"),
        _too_long,
        _CONTEXT,
        _CONTEXT,
        window=8_000,
        other_window=100_000,
    ),
    Fault(
        18,
        "smaller",
        ("beside it a smaller window", "旁边的窗口更小"),
        _too_long,
        replace(_CONTEXT, kind="returned"),
        replace(_CONTEXT, kind="returned"),
        window=8_000,
        other_window=4_000,
    ),
    *_CALLERS,
    Fault(
        19,
        "missing",
        ("404, the model is missing: next", "404，模型不存在：换下一个"),
        refusal(404, "model 'faulty' not found", "not_found_error"),
        _GONE,
        _GONE,
    ),
    *_KEYS,
)
