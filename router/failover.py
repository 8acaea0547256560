"""What a failure leaves worth trying: somebody else, the same one once more, or nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from config.errors import UpstreamError
    from router.attempt import AttemptLog, Candidate
    from router.providers.base import Target

OVERLOADED_STATUS: Final = 529
MAX_EMPTY: Final = 2
"""Empty answers of one request after which nobody else is asked: the question is what they have in common."""
AGAIN_S: Final = (0.2, 1.0)
"""Shortest and longest pause before an overloaded upstream is asked once more."""


def rotates(error: UpstreamError, log: AttemptLog) -> bool:
    """Return whether another candidate may do better: the caller's own faults and policy never rotate."""
    if error.failure_class in {"caller", "policy"}:
        return False
    n_empty = sum(each.code == "empty_completion" for each in log.failures())
    return n_empty < MAX_EMPTY


def worth_trying(candidate: Candidate, log: AttemptLog) -> bool:
    """Return whether what failed so far leaves this candidate a chance.

    A key that was refused is not tried again, and a prompt that was too long only goes to a larger window.
    """
    for attempt in log.attempts:
        failed, failure = attempt.candidate, attempt.failure
        if failure is None:
            continue
        if failure.failure_class in {"credential", "quota"} and _same_key(failed.target, candidate.target):
            return False
        if failure.failure_class == "context" and not _larger_window(failed.target, candidate.target):
            return False
    return True


def worth_asking_again(error: UpstreamError, log: AttemptLog) -> bool:
    """Return whether the same upstream may do better in a moment: it said that it is overloaded, and said so once."""
    if not is_overloaded(error) or (error.retry_after_s or 0.0) > AGAIN_S[1]:
        return False
    return sum(map(is_overloaded, log.failures())) == 1


def is_overloaded(error: UpstreamError) -> bool:
    """Return whether an upstream is up but has no room, in Anthropic's words; others say 429 or 503."""
    return error.failure_class == "transient" and (
        error.status == OVERLOADED_STATUS or error.error_type == "overloaded_error"
    )


def _same_key(one: Target, other: Target) -> bool:
    return one.provider == other.provider and one.base_url == other.base_url and one.api_key == other.api_key


def _larger_window(failed: Target, candidate: Target) -> bool:
    if failed.context_window is None or candidate.context_window is None:
        return failed.deployment != candidate.deployment and failed.upstream_model != candidate.upstream_model
    return candidate.context_window > failed.context_window
