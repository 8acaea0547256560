"""Writes the figures as Prometheus reads them. Every name stands in `docs/observability.md`; a test looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, cast

from prometheus_client import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily as Counter
from prometheus_client.metrics_core import GaugeMetricFamily as Gauge
from prometheus_client.metrics_core import HistogramMetricFamily as Histogram
from prometheus_client.registry import Collector

from config.types import Json
from proxy.metrics import MAX_DEPLOYMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from proxy.loop_lag import LoopLag
    from proxy.metrics import Metrics
    from proxy.process import ProcessFigures
    from proxy.tally import DeploymentTally, EndpointTally, JudgeTally

BREAKER_STATES = ("closed", "half_open", "open")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is asked of others at the moment of a scrape, taken on the loop."""

    version: str
    started: float
    """Unix seconds."""
    process: ProcessFigures
    lag: LoopLag
    books: Json
    """As `GroupWriter.state()` tells them."""
    database_size_bytes: int | None
    live: dict[str, bool]
    """Every deployment of the catalogue, and whether it is live."""
    breakers: Json = field(default_factory=dict[str, object])
    """As `Health.state()` tells them; who is not among them was never asked, and is closed."""
    judge_breaker: str = "closed"
    """State of the judge's breaker."""
    n_untraced: int = 0
    """Requests that never became spans."""


def render(metrics: Metrics, snapshot: Snapshot) -> bytes:
    """Return the text exposition format. Touches nothing that another thread could break, so it may leave the loop."""
    return generate_latest(_Scrape(metrics, snapshot))


class _Scrape(Collector):
    def __init__(self, metrics: Metrics, snapshot: Snapshot) -> None:
        self._metrics = metrics
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        """Yield every family."""
        yield _one(Gauge, "thalamus_requests_in_flight", "Requests being answered now", self._metrics.in_flight.value)
        yield from _requests(list(self._metrics.endpoints.items()))
        deployments = sorted(self._metrics.deployments.items())
        yield from _attempts(deployments)
        yield from _spending(deployments)
        yield from _judge(self._metrics.judge, self._snapshot.judge_breaker)
        yield from _upstreams(self._snapshot)
        yield from _books(self._snapshot)
        yield from _process(self._snapshot)


def _requests(endpoints: list[tuple[str, EndpointTally]]) -> Iterator[Metric]:
    requests = Counter("thalamus_requests", "Finished requests", labels=("endpoint", "status"))
    duration = Histogram(
        "thalamus_request_duration_seconds", "From first byte in to last byte out", labels=("endpoint",)
    )
    for endpoint, tally in endpoints:
        for status, n in list(tally.statuses.items()):
            requests.add_metric((endpoint, status), n)
        duration.add_metric((endpoint,), tally.duration.buckets(), tally.duration.total)
    yield requests
    yield duration


def _attempts(deployments: list[tuple[str, DeploymentTally]]) -> Iterator[Metric]:
    by_deployment = ("deployment",)
    in_flight = Gauge("thalamus_attempts_in_flight", "Tries under way now", labels=by_deployment)
    attempts = Counter("thalamus_attempts", "Tries at deployments", labels=("deployment", "outcome"))
    retries = Counter("thalamus_retries", "Further tries at the same deployment", labels=by_deployment)
    failovers = Counter("thalamus_failovers", "Tries elsewhere after this deployment failed", labels=by_deployment)
    first = Histogram(
        "thalamus_time_to_first_content_seconds", "From sending to the first content", labels=by_deployment
    )
    for name, tally in deployments:
        in_flight.add_metric((name,), tally.in_flight)
        for outcome, n in list(tally.outcomes.items()):
            attempts.add_metric((name, outcome), n)
        retries.add_metric((name,), tally.retried)
        failovers.add_metric((name,), tally.failed_over)
        first.add_metric((name,), tally.first_content.buckets(), tally.first_content.total)
    yield from (in_flight, attempts, retries, failovers, first)


def _spending(deployments: list[tuple[str, DeploymentTally]]) -> Iterator[Metric]:
    tokens = Counter("thalamus_tokens", "Tokens booked", labels=("deployment", "kind"))
    cost = Counter("thalamus_cost_usd", "Money booked, USD", labels=("deployment",))
    unpriced = Counter("thalamus_unpriced_attempts", "Answers whose price is unknown", labels=("deployment",))
    for name, tally in deployments:
        for kind, n in list(tally.tokens.items()):
            tokens.add_metric((name, kind), n)
        cost.add_metric((name,), tally.cost_usd)
        unpriced.add_metric((name,), tally.unpriced)
    yield from (tokens, cost, unpriced)


def _judge(tally: JudgeTally, breaker: str) -> Iterator[Metric]:
    questions = Counter("thalamus_judge_questions", "Questions to the judge", labels=("how", "outcome"))
    for (how, outcome), n in list(tally.questions.items()):
        questions.add_metric((how, outcome), n)
    unread = Counter("thalamus_judge_unread", "Its answers that could not be used", labels=("fault",))
    for fault, n in list(tally.faults.items()):
        unread.add_metric((fault,), n)
    skipped = Counter("thalamus_judge_skipped", "Requests that did not ask, or not wait", labels=("reason",))
    for reason, n in list(tally.skipped.items()):
        skipped.add_metric((reason,), n)
    duration = Histogram("thalamus_judge_duration_seconds", "From the question to the judge's whole answer")
    duration.add_metric((), tally.duration.buckets(), tally.duration.total)
    state = Gauge("thalamus_judge_breaker_state", "1 for the state it is in", labels=("state",))
    for each in BREAKER_STATES:
        state.add_metric((each,), float(each == breaker))
    yield from (questions, unread, skipped, duration, state)
    yield _one(Counter, "thalamus_judge_cost_usd", "Money spent on the judge, USD", tally.cost_usd)
    yield _one(Counter, "thalamus_judge_unpriced_answers", "Its answers whose price is unknown", tally.unpriced)


def _upstreams(snapshot: Snapshot) -> Iterator[Metric]:
    live = Gauge("thalamus_deployment_live", "1 where a call may be expected to succeed", labels=("deployment",))
    breaker = Gauge("thalamus_breaker_state", "1 for the state it is in", labels=("deployment", "state"))
    for name, is_live in islice(snapshot.live.items(), MAX_DEPLOYMENTS):
        live.add_metric((name,), float(is_live))
        told = snapshot.breakers.get(name)
        now = cast("Json", told).get("state") if isinstance(told, dict) else "closed"
        for state in BREAKER_STATES:
            breaker.add_metric((name, state), float(state == now))
    yield live
    yield breaker


def _books(snapshot: Snapshot) -> Iterator[Metric]:
    books = snapshot.books
    yield _one(Gauge, "thalamus_books_ok", "1 while records reach the database", books.get("status") == "ok")
    yield _one(Gauge, "thalamus_books_queued_records", "Records waiting in memory", books.get("queued"))
    yield _one(Gauge, "thalamus_books_journalled_records", "Records waiting in the journal", books.get("spilled"))
    yield _one(Counter, "thalamus_books_dropped_records", "Records lost for lack of room", books.get("dropped"))
    yield _one(Counter, "thalamus_books_skipped_records", "Records the database refused", books.get("skipped"))
    yield _one(Counter, "thalamus_traces_dropped", "Requests that never became spans", snapshot.n_untraced)
    if snapshot.database_size_bytes is not None:
        yield _one(Gauge, "thalamus_database_size_bytes", "Database on disk", snapshot.database_size_bytes)


def _process(snapshot: Snapshot) -> Iterator[Metric]:
    figures, lag = snapshot.process, snapshot.lag.distribution
    build = Gauge("thalamus_build_info", "The version that runs; always 1", labels=("version",))
    build.add_metric((snapshot.version,), 1)
    yield build
    late = Histogram("thalamus_event_loop_lag_seconds", "How late timers of the event loop fire")
    late.add_metric((), lag.buckets(), lag.total)
    yield late
    yield _one(Counter, "process_cpu_seconds", "CPU time since the start", figures.cpu_s)
    yield _one(Gauge, "process_resident_memory_bytes", "Memory held", figures.rss_bytes)
    yield _one(Gauge, "process_start_time_seconds", "Start, Unix time", snapshot.started)
    yield _one(Gauge, "process_threads", "Threads of the interpreter", figures.n_threads)
    for name, words, value in (
        ("process_open_fds", "Open descriptors", figures.open_fds),
        ("process_max_fds", "Descriptors it may open", figures.max_fds),
        ("thalamus_open_sockets", "Open descriptors that are sockets", figures.open_sockets),
    ):
        if value is not None:
            yield _one(Gauge, name, words, value)


def _one(family: type[Counter | Gauge], name: str, words: str, value: object) -> Metric:
    return family(name, words, value=float(value) if isinstance(value, (int, float)) else 0.0)
