"""Prometheus figures of the gateway. Labels come from doors, the catalogue and closed lists, hence are bounded.

Counting is plain arithmetic on the loop; the exposition is made of it when somebody asks (`proxy/exposition.py`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from proxy.tally import DeploymentTally, EndpointTally, JudgeTally, Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import AttemptRecord, DecisionRecord
    from router.attempt import Attempt
    from router.judge.asking import Asked

MAX_DEPLOYMENTS = 1_000
"""Deployments counted apart; a server that lists ever new models must not fill our memory or the scraper's."""
OTHER = "other"
"""Label of all deployments beyond that."""


class Metrics:
    """Counts requests, attempts, tokens and money. An `AttemptObserver`."""

    def __init__(self) -> None:
        self.in_flight = Level()
        self.endpoints: dict[str, EndpointTally] = {}
        self.deployments: dict[str, DeploymentTally] = {}
        self.judge = JudgeTally()

    def attempt_began(self, attempt: Attempt) -> None:
        """Count what is in flight."""
        self._of(attempt.candidate.target.deployment).in_flight += 1

    def attempt_ended(self, attempt: Attempt) -> None:
        """Count one try."""
        tally = self._of(attempt.candidate.target.deployment)
        tally.in_flight -= 1
        failure = attempt.failure
        tally.outcomes[failure.failure_class if failure else "abandoned" if attempt.note else "ok"] += 1
        if attempt.first_content is not None:
            tally.first_content.observe(attempt.first_content - attempt.started)
        usage = attempt.usage
        if usage is not None:
            tokens = tally.tokens
            tokens["input"] += usage.input_tokens
            tokens["cached"] += usage.cached_tokens or 0
            tokens["cache_write"] += usage.cache_write_tokens
            tokens["output"] += usage.output_tokens
            tokens["reasoning"] += usage.reasoning_tokens or 0
        if attempt.cost is not None:
            if attempt.cost.usd is None:
                tally.unpriced += 1
            else:
                tally.cost_usd += attempt.cost.usd

    def request_ended(self, record: DecisionRecord, seconds: float) -> None:
        """Count one request."""
        tally = self.endpoints.get(record.endpoint)
        if tally is None:
            tally = self.endpoints[record.endpoint] = EndpointTally()
        tally.statuses[record.status] += 1
        tally.duration.observe(seconds)
        if len(record.attempts) > 1:
            self._count_further(record.attempts)

    def judged(self, asked: Asked, how: str) -> None:
        """Count one question to the judge; `how` is `waited`, `at_once`, `beside` or `afterwards`."""
        tally = self.judge
        tally.questions[how, "kept" if asked.cached else asked.outcome] += 1
        if asked.cached:
            return
        if asked.fault is not None and asked.outcome == "unread":
            tally.faults[asked.fault] += 1
        if asked.said is not None:
            tally.duration.observe(asked.ms / 1000)
            if asked.said.usd is None:
                tally.unpriced += 1
            else:
                tally.cost_usd += asked.said.usd

    def not_judged(self, reason: str) -> None:
        """Count a request that asked no judge, or did not wait for it, by why."""
        self.judge.skipped[reason] += 1

    def _count_further(self, attempts: Sequence[AttemptRecord]) -> None:
        """Count each attempt after another: a retry of the same deployment, or a failover away from it."""
        for before, after in pairwise(attempts):
            tally = self._of(before.deployment)
            if before.deployment == after.deployment:
                tally.retried += 1
            else:
                tally.failed_over += 1

    def _of(self, deployment: str) -> DeploymentTally:
        found = self.deployments.get(deployment)
        if found is None:
            name = deployment if len(self.deployments) < MAX_DEPLOYMENTS else OTHER
            found = self.deployments.setdefault(name, DeploymentTally())
        return found
