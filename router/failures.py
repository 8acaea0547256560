"""What an upstream's refusal means: its status, headers and body become one `UpstreamError` with a failure class.

Quota is looked for before rate, since both come as 429 and only one of them heals by waiting. The order of the rules
and their words come from providers' documented errors and from their users' reports; texts are matched in English and
Chinese. Finding the fields in a body is `failure_body.py`'s job.
"""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from config.errors import UpstreamError
from config.failures import FailureClass
from config.redact import redact
from router import failure_words
from router.failure_body import ErrorFields, read_error_body, read_error_object, retry_after_of_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config.types import Json

_MAX_MESSAGE_CHARS: Final = 2000
_MAX_FIELD_CHARS: Final = 200

_RULES: Final[tuple[tuple[FailureClass, int, tuple[str, ...]], ...]] = (
    ("quota", 402, failure_words.QUOTA),
    ("rate", 429, failure_words.RATE),
    ("model_access", 0, failure_words.MODEL_ACCESS),
    ("credential", 401, failure_words.CREDENTIAL),
    ("policy", 0, failure_words.POLICY),
    ("context", 413, failure_words.CONTEXT),
    ("model_gone", 0, failure_words.MODEL_GONE),
)
"""First match wins: class, the status that is always of this class (0: none), and the words that are."""
_MISSING_MODEL: Final = re.compile(
    r"(?:model|模型|deployment)[^\n]{0,120}?(?:does not exist|not found|不存在)|not_found_error model:"
)
_TYPE_STATUS: Final[dict[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "api_error": 500,
    "server_error": 500,
    "internal_server_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Statuses that error types stand for; a stream under way has no status of its own to say it."""
_WRONG_ADDRESS: Final = frozenset({404, 405})
"""Without an error of the API's own, these mean that nothing is served at the deployment's address."""
_TRANSIENT_STATUSES: Final = frozenset({408, 409, 425, 499})


def error_from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    provider: str,
    *,
    clock: Callable[[], float] = time.time,
) -> UpstreamError:
    """Return the error of a response that is no success.

    `headers` have lower-case names; `provider` is named where the upstream gave no words of its own; `clock` gives
    Unix seconds, for a `Retry-After` that is a date. The wish to retry is given as the upstream said it, unclamped.
    """
    fields = read_error_body(body)
    message = fields.message or _describe(status, fields, provider)
    retry_after_s = retry_after_of_headers(headers, clock)
    if retry_after_s is None:
        retry_after_s = fields.retry_after_s
    return _to_error(fields, message, status, retry_after_s)


def error_from_event(obj: Json) -> UpstreamError:
    """Return the error that an upstream reported inside an answer that had begun with 200.

    The status is the one its code or type stands for, `None` where neither says one.
    """
    fields = read_error_object(obj)
    status = fields.status
    if status is None:
        status = next((_TYPE_STATUS[word] for word in (fields.type, fields.code) if word in _TYPE_STATUS), None)
    message = fields.message or "The upstream reported an error without a message."
    return _to_error(fields, message, status, fields.retry_after_s)


def classify(status: int | None, text: str, *, heals: bool = False) -> FailureClass:
    """Return the failure class of a status and of what the upstream said, type and code included.

    `heals` says that the upstream told how long to wait, which an exhausted quota does not do.
    """
    said = text.lower()
    if not heals and _says(said, failure_words.QUOTA_UNLESS_IT_HEALS):
        return "quota"
    for failure_class, own_status, words in _RULES:
        if _says(said, words) or status == own_status:
            return failure_class
    if _MISSING_MODEL.search(said):
        return "model_gone"
    if status == HTTPStatus.FORBIDDEN:
        return "credential"
    if status is None or status in _TRANSIENT_STATUSES or not 400 <= status < 500:  # noqa: PLR2004 - HTTP's own borders
        return "transient"
    return "caller"


def _says(said: str, words: tuple[str, ...]) -> bool:
    return any(word in said for word in words)


def _to_error(fields: ErrorFields, message: str, status: int | None, retry_after_s: float | None) -> UpstreamError:
    text = " ".join(filter(None, (fields.type, fields.code, fields.hint, fields.message)))
    failure_class = classify(status, text, heals=retry_after_s is not None)
    if failure_class == "caller" and status in _WRONG_ADDRESS and not (fields.type or fields.code):
        failure_class = "model_gone"
    return UpstreamError(
        redact(message)[:_MAX_MESSAGE_CHARS],
        failure_class=failure_class,
        status=status,
        error_type=_short(fields.type),
        code=_short(fields.code),
        param=_short(fields.param),
        retry_after_s=retry_after_s,
    )


def _short(text: str | None) -> str | None:
    """Return a field that should be one word as what it is: some upstreams put whole sentences there."""
    return text and redact(text)[:_MAX_FIELD_CHARS]


def _describe(status: int, fields: ErrorFields, provider: str) -> str:
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    return f"{provider} answered HTTP {name} with {fields.page or 'no message'}."
