"""Prometheus figures of the gateway, in a registry of their own; labels come from settings, hence bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from config.types import DecisionRecord
    from router.attempt import Attempt

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Metrics:
    """Counts requests, attempts, tokens and money. An `AttemptObserver`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        registry = self.registry
        self.in_flight = Gauge("thalamus_requests_in_flight", "Requests being answered now", registry=registry)
        self._requests = Counter("thalamus_requests", "Finished requests", ["endpoint", "status"], registry=registry)
        self._duration = Histogram(
            "thalamus_request_duration_seconds", "From first byte in to last byte out", ["endpoint"],
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self._attempts = Counter(
            "thalamus_attempts", "Tries at deployments", ["deployment", "outcome"], registry=registry
        )
        self._first_content = Histogram(
            "thalamus_time_to_first_content_seconds", "From sending to the first content", ["deployment"],
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self._tokens = Counter("thalamus_tokens", "Tokens booked", ["deployment", "kind"], registry=registry)
        self._cost = Counter("thalamus_cost_usd", "Money booked, USD", ["deployment"], registry=registry)
        self._unpriced = Counter(
            "thalamus_unpriced_attempts", "Answers whose price is unknown", ["deployment"], registry=registry
        )

    def attempt_began(self, attempt: Attempt) -> None:
        """Nothing is counted before an attempt has ended."""

    def attempt_ended(self, attempt: Attempt) -> None:
        """Count one try."""
        deployment = attempt.candidate.target.deployment
        failure = attempt.failure
        outcome = failure.failure_class if failure else "abandoned" if attempt.note else "ok"
        self._attempts.labels(deployment, outcome).inc()
        if attempt.first_content is not None:
            self._first_content.labels(deployment).observe(attempt.first_content - attempt.started)
        if attempt.usage is not None:
            self._tokens.labels(deployment, "input").inc(attempt.usage.input_tokens)
            self._tokens.labels(deployment, "cached").inc(attempt.usage.cached_tokens)
            self._tokens.labels(deployment, "output").inc(attempt.usage.output_tokens)
        if attempt.cost is not None:
            if attempt.cost.usd is None:
                self._unpriced.labels(deployment).inc()
            else:
                self._cost.labels(deployment).inc(attempt.cost.usd)

    def request_ended(self, record: DecisionRecord, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(record.endpoint, record.status).inc()
        self._duration.labels(record.endpoint).observe(seconds)

    def render(self) -> bytes:
        """Return the text exposition format."""
        return generate_latest(self.registry)
