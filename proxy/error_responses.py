"""Errors as clients see them: bodies, headers, and which of several failures is told.

Nothing of an upstream's credentials is ever shown: a key that an upstream refused is our fault, not the caller's.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from config.errors import AllAttemptsFailedError, ClientFacingError, UpstreamError
from config.failures import FailureClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import AttemptRecord, Json
    from router.attempt import Skipped

_TOLD_FIRST: Final[tuple[FailureClass, ...]] = (
    "caller",
    "policy",
    "context",
    "rate",
    "transient",
    "quota",
    "model_access",
    "model_gone",
    "credential",
)
"""Which failure is told when several differ: first what the caller can mend, then what waiting mends, last what only
the operator can mend. Within a class the last one is told."""
_OPERATORS_OWN: Final = frozenset({"quota", "model_access", "model_gone", "credential"})
_HEALING: Final = frozenset({"rate", "transient"})
_KEEPS_STATUS: Final = frozenset({"caller", "policy", "context"})
_REFUSED_KEY: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_ANTHROPIC_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(error: ClientFacingError) -> bytes:
    """Return OpenAI's error object as JSON; all four keys always, `attempts` beside them when all attempts failed."""
    return msgspec.json.encode({"error": _fields(error)})


def anthropic_error_body(error: ClientFacingError) -> bytes:
    """Return Anthropic's error object as JSON, with its own words for the type; OpenAI's other keys stand beside."""
    return msgspec.json.encode({"type": "error", "error": {**_fields(error), "type": anthropic_type(error.status)}})


def anthropic_type(status: int) -> str:
    """Return Anthropic's error type for an HTTP status."""
    if status in _ANTHROPIC_TYPES:
        return _ANTHROPIC_TYPES[status]
    return "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "api_error"


def headers_for(error: ClientFacingError) -> list[tuple[str, str]]:
    """Return the headers of an error: `retry-after` in whole seconds, and no retry where we did all retrying.

    Where nobody could be asked for now, a client may well come back after `retry-after`.
    """
    pairs = list(error.headers.items())
    if error.retry_after_s is not None and math.isfinite(error.retry_after_s):
        pairs.append(("retry-after", str(max(0, math.ceil(error.retry_after_s)))))
    if isinstance(error, AllAttemptsFailedError) and (error.attempts or error.retry_after_s is None):
        pairs.append(("x-should-retry", "false"))
    return pairs


def unexpected() -> ClientFacingError:
    """Return what a client sees of an error that nobody foresaw: nothing of it."""
    return ClientFacingError("The server had an internal error.", code="internal_error")


def all_failed(
    attempts: tuple[AttemptRecord, ...], failures: Sequence[UpstreamError], skipped: Sequence[Skipped] = ()
) -> AllAttemptsFailedError:
    """Return the one error for a request that no candidate answered; `_TOLD_FIRST` says which failure it tells.

    `skipped` are the candidates that were held back. They are told of where nobody was asked, or where those who
    were can only be mended by the operator: what waiting mends is of more use to the caller.
    """
    rank = {name: n for n, name in enumerate(_TOLD_FIRST)}
    told = min(reversed(failures), key=lambda failure: rank[failure.failure_class], default=None)
    if told is None or (told.failure_class in _OPERATORS_OWN and any(map(_heals, skipped))):
        shown = _held_back(skipped)
    else:
        shown = _shown(told, n_failures=len(failures))
        shown.retry_after_s = _retry_after(told, failures, skipped)
    error = AllAttemptsFailedError(
        shown.message,
        attempts=attempts,
        held_back=tuple(_entry(each) for each in skipped),
        param=shown.param,
        error_type=shown.error_type,
        status=shown.status,
        retry_after_s=shown.retry_after_s,
    )
    error.code = shown.code  # also when the upstream's was null, which the constructor takes for our default
    return error


def mid_stream_error(error: UpstreamError) -> ClientFacingError:
    """Return what a client sees in-band of an upstream that failed after its answer had begun."""
    return _shown(error, n_failures=1)


def _fields(error: ClientFacingError) -> Json:
    fields: Json = {"message": error.message, "type": error.error_type, "param": error.param, "code": error.code}
    if isinstance(error, AllAttemptsFailedError):
        fields["attempts"] = [
            {"deployment": each.deployment, "failure_class": each.failure_class, "status": each.status}
            for each in error.attempts
        ]
        if error.held_back:
            fields["held_back"] = list(error.held_back)
    return fields


def _entry(skipped: Skipped) -> Json:
    refusal = skipped.refusal
    wait_s = None if refusal.wait_s is None else round(refusal.wait_s, 1)
    return {"deployment": skipped.candidate.target.deployment, "reason": refusal.reason, "retry_after_s": wait_s}


def _heals(skipped: Skipped) -> bool:
    return skipped.refusal.reason in _HEALING


def _held_back(skipped: Sequence[Skipped]) -> ClientFacingError:
    """What is told where nobody could be asked: 429 when all are rate limited, else 503, with the least wait."""
    reasons = {each.refusal.reason for each in skipped}
    healing = [each for each in skipped if _heals(each)] or skipped
    wait_s = min((each.refusal.wait_s for each in healing if each.refusal.wait_s is not None), default=None)
    if reasons and reasons <= {"rate"}:
        return ClientFacingError(
            "Every upstream that could answer limits our rate now.",
            code="rate_limit_exceeded",
            error_type="rate_limit_error",
            status=int(HTTPStatus.TOO_MANY_REQUESTS),
            retry_after_s=wait_s,
        )
    return ClientFacingError(
        "Every upstream that could answer is held back after failures." if reasons else "No model could be asked now.",
        code="upstream_held_back" if reasons else "no_candidate",
        status=int(HTTPStatus.SERVICE_UNAVAILABLE),
        retry_after_s=wait_s,
    )


def _retry_after(told: UpstreamError, failures: Sequence[UpstreamError], skipped: Sequence[Skipped]) -> float | None:
    """The earliest moment at which one of the candidates that failed, or are held back, the same way may do better."""
    waits = [each.retry_after_s for each in failures if each.failure_class == told.failure_class]
    waits += [each.refusal.wait_s for each in skipped if each.refusal.reason == told.failure_class]
    return min((wait for wait in waits if wait is not None), default=None)


def _shown(error: UpstreamError, *, n_failures: int) -> ClientFacingError:
    status = error.status or 0
    if error.failure_class in _KEEPS_STATUS:
        return _callers_own(error, status)
    if status == HTTPStatus.TOO_MANY_REQUESTS or error.failure_class == "rate":
        return ClientFacingError(
            error.message,
            param=error.param,
            code=error.code or ("insufficient_quota" if error.failure_class == "quota" else "rate_limit_exceeded"),
            error_type=error.error_type or "rate_limit_error",
            status=int(HTTPStatus.TOO_MANY_REQUESTS),
        )
    if error.failure_class == "transient":
        return _transient(error, n_failures)
    if error.failure_class in ("model_gone", "model_access") and status == HTTPStatus.NOT_FOUND:
        return _callers_own(error, status)
    return _ours(error, status)


def _callers_own(error: UpstreamError, status: int) -> ClientFacingError:
    defaults = {"context": "context_length_exceeded", "policy": "content_filter", "model_gone": "model_not_found"}
    own = defaults.get(error.failure_class)
    client_fault = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _REFUSED_KEY
    return ClientFacingError(
        error.message,
        param=error.param,
        # Clients compact the conversation by this one code, whatever the provider calls it.
        code=own if error.failure_class == "context" else error.code or own,
        error_type=error.error_type or "invalid_request_error",
        status=status if client_fault else int(HTTPStatus.BAD_REQUEST),
    )


def _transient(error: UpstreamError, n_failures: int) -> ClientFacingError:
    tried = "The upstream failed" if n_failures == 1 else f"All {n_failures} attempts failed; the last one"
    status, code = HTTPStatus.BAD_GATEWAY, "upstream_failed"
    if error.timed_out or error.status == HTTPStatus.GATEWAY_TIMEOUT:
        status, code = HTTPStatus.GATEWAY_TIMEOUT, "upstream_timeout"
    elif error.code == "empty_completion":
        code = "empty_completion"
    return ClientFacingError(
        f"{tried}: {error.message}", param=error.param, code=code, error_type="upstream_error", status=int(status)
    )


def _ours(error: UpstreamError, status: int) -> ClientFacingError:
    """What only the operator can mend; an upstream's words about a key stay here."""
    message, code = "The gateway's credentials for the upstream were refused.", "upstream_credentials_exhausted"
    if error.failure_class == "quota":
        message, code = "The gateway's quota at the upstream is used up.", "upstream_quota_exhausted"
    elif error.failure_class != "credential" and status not in _REFUSED_KEY:
        message, code = f"The upstream does not serve this model: {error.message}", "upstream_model_unavailable"
    return ClientFacingError(message, code=code, error_type="upstream_error", status=int(HTTPStatus.BAD_GATEWAY))
