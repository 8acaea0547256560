"""A finished request as spans with OpenTelemetry's GenAI names: pure data, made without OpenTelemetry.

Names: `docs/gen-ai/gen-ai-spans.md` of https://github.com/open-telemetry/semantic-conventions-genai (in development).
The request is one span with all `gen_ai.*` attributes; stages and attempts hang under it with `thalamus.*` ones only,
so that whoever sums tokens over `gen_ai.*` counts none twice. No prompt, answer or text of an error is among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.types import AttemptRecord, DecisionRecord, Span, Usage

Value = str | int | float | bool | tuple[str, ...]
Kind = Literal["client", "internal"]

PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}
"""Our names for providers whose well-known value of `gen_ai.provider.name` differs; the others are called the same."""
OURSELVES = "thalamus"
"""Provider of a request that reached nobody."""
IN_PROCESS = frozenset({"extractive"})
MAX_NAME_CHARS = 128

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class SpanFact:
    """One span as it will be sent. Times are Unix nanoseconds."""

    name: str
    kind: Kind
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Value]
    failed: bool = False
    children: tuple[SpanFact, ...] = ()


def spans_of(record: DecisionRecord) -> SpanFact:
    """Return the span of a request with those of its stages and attempts under it."""
    start_ns = (record.ts - _EPOCH) // _MICROSECOND * 1_000
    stages = tuple(_stage(span, start_ns) for span in record.spans)
    attempts = tuple(_attempt(each, start_ns) for each in record.attempts)
    end_ns = max((each.end_ns for each in (*stages, *attempts)), default=start_ns)
    operation = "embeddings" if record.endpoint == "embeddings" else "chat"
    requested = record.decision.requested[:MAX_NAME_CHARS] if record.decision else None
    return SpanFact(
        name=f"{operation} {requested}" if requested else operation,
        kind="client",
        start_ns=start_ns,
        end_ns=end_ns,
        attributes=_request(record, operation, requested),
        failed=_error_of(record) is not None,
        children=stages + attempts,
    )


def _request(record: DecisionRecord, operation: str, requested: str | None) -> dict[str, Value]:
    last = record.attempts[-1] if record.attempts else None
    answered = last if last is not None and last.committed else None
    provider = last.provider if last else OURSELVES
    usage = answered.usage if answered else None
    cost = answered.cost if answered else None
    return _without_none({
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": PROVIDERS.get(provider, provider),
        "gen_ai.request.model": requested,
        "gen_ai.request.stream": record.stream or None,
        "gen_ai.response.model": record.served_model,
        "gen_ai.response.finish_reasons": (answered.finish_reason,) if answered and answered.finish_reason else None,
        "gen_ai.response.time_to_first_chunk": _first_chunk_s(record, answered),
        **_usage(usage),
        "error.type": _error_of(record),
        "http.response.status_code": record.http_status,
        "thalamus.decision_id": record.id,
        "thalamus.endpoint": record.endpoint,
        "thalamus.status": record.status,
        "thalamus.attempts": len(record.attempts),
        "thalamus.cost_usd": cost.usd if cost else None,
        "thalamus.usage_source": usage.source if usage else None,
        "thalamus.policy_version": record.decision.policy_version if record.decision else None,
    })  # fmt: skip


def _usage(usage: Usage | None) -> dict[str, Value | None]:
    if usage is None:
        return {}
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens or None,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens or None,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens or None,
    }


def _first_chunk_s(record: DecisionRecord, answered: AttemptRecord | None) -> float | None:
    if not record.stream or answered is None or answered.ttft_ms is None:
        return None
    return (answered.start_ms + answered.ttft_ms) / 1000


def _error_of(record: DecisionRecord) -> str | None:
    """Return the class of error the request ended with; a client that left is none."""
    if record.status in {"completed", "aborted_by_client", "held", "analyzed"}:
        return None
    return record.error_code or record.status


def _stage(span: Span, base_ns: int) -> SpanFact:
    start_ns = base_ns + _ns(span.start_ms)
    error = span.notes.get("error")
    found: dict[str, Value] = {
        f"thalamus.stage.{name}": value for name, value in span.notes.items() if isinstance(value, (bool, int, float))
    }
    if isinstance(error, str):
        found["error.type"] = error
    end_ns = start_ns + _ns(span.duration_ms)
    return SpanFact(span.name, "internal", start_ns, end_ns, found, failed=isinstance(error, str))


def _attempt(attempt: AttemptRecord, base_ns: int) -> SpanFact:
    start_ns = base_ns + _ns(attempt.start_ms)
    usage, cost = attempt.usage, attempt.cost
    found = _without_none({
        "thalamus.attempt.n": attempt.n,
        "thalamus.attempt.deployment": attempt.deployment,
        "thalamus.attempt.model": attempt.model,
        "thalamus.attempt.provider": attempt.provider,
        "thalamus.attempt.committed": attempt.committed,
        "thalamus.attempt.ttft_ms": attempt.ttft_ms,
        "thalamus.attempt.retry_after_s": attempt.retry_after_s,
        "thalamus.attempt.input_tokens": usage.input_tokens if usage else None,
        "thalamus.attempt.output_tokens": usage.output_tokens if usage else None,
        "thalamus.attempt.cost_usd": cost.usd if cost else None,
        "http.response.status_code": attempt.status,
        "error.type": attempt.failure_class,
    })  # fmt: skip
    return SpanFact(
        name=f"attempt {attempt.deployment}",
        kind="internal" if attempt.provider in IN_PROCESS else "client",
        start_ns=start_ns,
        end_ns=start_ns + _ns(attempt.duration_ms),
        attributes=found,
        failed=attempt.failure_class is not None,
    )


def _without_none(values: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if value is not None}


def _ns(milliseconds: float) -> int:
    return round(milliseconds * 1_000_000)
