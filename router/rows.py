"""Turns a finished request into rows; pure, and the only place that knows which value goes into which column."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.types import AttemptRecord, Decision, DecisionRecord, Intent, Json, Usage
    from router.similar.vectors import Hashing


def decision_payload(record: DecisionRecord, hashing: Hashing | None = None) -> Json:
    """Return `{decision, attempts, preview, body, vector}` of one request.

    `preview`, `body` and `vector` are `None` when not stored; without `hashing` there is no vector.
    """
    preview: Json | None = None
    if record.preview is not None:
        preview = {"decision_id": record.id, "ts": record.ts, "text": record.preview}
    body: Json | None = None
    if record.request_body is not None or record.response_body is not None:
        body = {
            "decision_id": record.id,
            "ts": record.ts,
            "request": record.request_body,
            "response": record.response_body,
        }
    return {
        "decision": _request_part(record) | _choice_part(record.decision) | _intent_part(record.intent) | _sums(record),
        "attempts": [_attempt_row(record, attempt) for attempt in record.attempts],
        "preview": preview,
        "body": body,
        "vector": _vector(record, hashing),
    }


def slice_of(features: object) -> tuple[str, str]:
    """Return the domain and the language of a request's features, `""` where they do not say."""
    if not isinstance(features, dict):
        return "", ""
    known = cast("Mapping[str, object]", features)
    domain, language = known.get("domain"), known.get("language")
    return domain if isinstance(domain, str) else "", language if isinstance(language, str) else ""


def _request_part(record: DecisionRecord) -> Json:
    return {
        "id": record.id,
        "ts": record.ts,
        "conversation_id": record.conversation_id,
        "key_prefix": record.key_prefix,
        "endpoint": record.endpoint,
        "stream": record.stream,
        "status": record.status,
        "http_status": record.http_status,
        "error_code": record.error_code,
        "served_model": record.served_model,
        "passages": record.passages,
        "timings": record.spans,
        "warnings": record.warnings,
        "savings": record.savings,
    }


def _choice_part(choice: Decision | None) -> Json:
    if choice is None:
        return cast("Json", dict.fromkeys(CHOICE_COLUMNS))
    return {
        "requested": choice.requested,
        "chosen": choice.chosen if choice.ranked else None,
        "policy_version": choice.policy_version,
        "eligible": choice.eligible,
        "probabilities": choice.probabilities,
        "ranked": choice.ranked,
        "reasons": choice.reasons,
        "explored": choice.explored,
        "arm": choice.arm,
        "seed": choice.seed,
        "judge": choice.judge,
        "features": dict(choice.features),
    }


CHOICE_COLUMNS = (
    "requested",
    "chosen",
    "policy_version",
    "eligible",
    "probabilities",
    "ranked",
    "reasons",
    "explored",
    "arm",
    "seed",
    "judge",
    "features",
)


def _intent_part(intent: Intent | None) -> Json:
    if intent is None:
        return {"intent": None, "intents": None, "confidence": None, "intent_source": None}
    is_known = bool(intent.labels) and not intent.abstained
    return {
        "intent": intent.labels[0] if is_known else None,
        "intents": intent.labels,
        "confidence": intent.confidence,
        "intent_source": intent.source,
    }


def _sums(record: DecisionRecord) -> Json:
    usages = [attempt.usage for attempt in record.attempts if attempt.usage is not None]
    costs = [attempt.cost.usd for attempt in record.attempts if attempt.cost is not None]
    known_costs = [cost for cost in costs if cost is not None]
    first_texts = [attempt.ttft_ms for attempt in record.attempts if attempt.committed]
    return {
        "n_attempts": len(record.attempts),
        "duration_ms": _duration_ms(record),
        "ttft_ms": first_texts[-1] if first_texts else None,
        "input_tokens": sum(usage.input_tokens for usage in usages),
        "output_tokens": sum(usage.output_tokens for usage in usages),
        "cached_tokens": sum(usage.cached_tokens or 0 for usage in usages),
        "cost_usd": sum(known_costs) if len(known_costs) == len(costs) else None,
    }


def _vector(record: DecisionRecord, hashing: Hashing | None) -> Json | None:
    """Return what finds the question again, where it was answered: only that can tell anything of a model."""
    if hashing is None or record.asked is None or record.served_model is None:
        return None
    vector = hashing.vector_of(record.asked)
    if vector is None:
        return None
    ended = record.ts + timedelta(milliseconds=_duration_ms(record))
    return {"decision_id": record.id, "created_ts": ended, "form": hashing.form, "vector": vector}


def _duration_ms(record: DecisionRecord) -> float:
    in_stages = max((span.start_ms + span.duration_ms for span in record.spans), default=0.0)
    return max(in_stages, sum(attempt.duration_ms for attempt in record.attempts))


def _attempt_row(record: DecisionRecord, attempt: AttemptRecord) -> Json:
    return {
        "decision_id": record.id,
        "n": attempt.n,
        "ts": record.ts,
        "deployment": attempt.deployment,
        "model": attempt.model,
        "provider": attempt.provider,
        "failure_class": attempt.failure_class,
        "error": attempt.error,
        "committed": attempt.committed,
        "status": attempt.status,
        "finish_reason": attempt.finish_reason,
        "retry_after_s": attempt.retry_after_s,
        "ttft_ms": attempt.ttft_ms,
        "duration_ms": attempt.duration_ms,
        "cost_usd": attempt.cost.usd if attempt.cost else None,
        "cost_source": attempt.cost.source if attempt.cost else None,
    } | _usage_part(attempt.usage)


def _usage_part(usage: Usage | None) -> Json:
    if usage is None:
        return cast("Json", dict.fromkeys(USAGE_COLUMNS))
    return {
        "usage_raw": usage.raw,
        "usage_source": usage.source,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


USAGE_COLUMNS = (
    "usage_raw",
    "usage_source",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
