"""Every setting: one frozen dataclass per area, its defaults safe. Reading them from files is `config/loader.py`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from config.balancing_settings import BalancingSettings
from config.bounds import Amount, Count, Port, PositiveCount, PositiveSeconds, Seconds, Share
from config.breaker_settings import BreakerSettings
from config.classifier_settings import ClassifierSettings, IntentModelSettings
from config.dashboard_settings import DashboardSettings
from config.embedder_settings import EmbedderSettings
from config.experiment_settings import ExperimentSettings
from config.forms import Host, Network, Origin
from config.judge_settings import JudgeSettings
from config.learning_settings import LearningSettings
from config.limit_settings import LimitSettings
from config.model_settings import (
    Capability,
    DeploymentSettings,
    DeploymentTimeouts,
    ModelSettings,
    PriceOverride,
    ProviderSettings,
    Timeouts,
)
from config.reflex_settings import ReflexRuleSettings, ReflexSettings
from config.reranker_settings import RerankerSettings
from config.routing_settings import RoutingSettings, RuleSettings
from config.secret import Secret
from config.telemetry_settings import TelemetrySettings

__all__ = [
    "BalancingSettings",
    "BreakerSettings",
    "Capability",
    "ClassifierSettings",
    "DashboardSettings",
    "DeploymentSettings",
    "DeploymentTimeouts",
    "EmbedderSettings",
    "ExperimentSettings",
    "HealthSettings",
    "IntentModelSettings",
    "JudgeSettings",
    "LearningSettings",
    "LimitSettings",
    "LoggingSettings",
    "ModelSettings",
    "PriceOverride",
    "ProviderSettings",
    "ReflexRuleSettings",
    "ReflexSettings",
    "RerankerSettings",
    "RetrievalSettings",
    "RoutingSettings",
    "RuleSettings",
    "Secret",
    "ServerSettings",
    "Settings",
    "StorageSettings",
    "StreamingSettings",
    "TelemetrySettings",
    "Timeouts",
]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the gateway listens and whom it lets in."""

    host: Host = "127.0.0.1"
    """Address to bind. Beyond loopback every request needs a proxy key."""
    port: Port = 8000
    """TCP port; 0 takes a free one. `CLAUDE_PROXY_PORT` is understood too."""
    admin_port: Port | None = None
    """TCP port where the dashboard is served alone, beside `/dashboard` on the first port; 0 takes a free one.

    `None` opens none. `ADMIN_DASHBOARD_PORT` is understood too.
    """
    allowed_hosts: tuple[str, ...] = ()
    """Names under which clients reach this server, as in their `Host` header, such as `chat.example` or `*.example`.

    Without any, a server on loopback answers only to this machine's own names (a page on the web could else reach it by
    making its name lead there), and a server beyond loopback, where a key is needed, to every name. `*` allows all.
    """
    trusted_proxies: tuple[Network, ...] = ()
    """Addresses or networks whose `X-Forwarded-*` headers are believed; none by default."""
    tls_cert_file: Path | None = None
    """PEM certificate chain; `None` serves plain HTTP. Needs `tls_key_file`."""
    tls_key_file: Path | None = None
    """PEM private key of the certificate."""
    cors_origins: tuple[Origin, ...] = ()
    """Origins whose pages may call us from a browser, such as `https://chat.example`; none by default."""
    max_body_bytes: PositiveCount = 10_000_000
    """Largest request body, before and after decompression, bytes."""
    max_json_depth: PositiveCount = 64
    """Deepest nesting of a request's JSON."""
    drain_s: Seconds = 600.0
    """Seconds that open streams get to complete after SIGTERM; 0 cuts them at once."""
    require_key: Literal["auto", "always", "never"] = "auto"
    """Whether requests need a proxy key: `auto` asks beyond loopback, and on loopback once a key exists.

    `never` is refused beyond loopback.
    """
    api_keys_env: tuple[str, ...] = ("THALAMUS_API_KEY", "THALAMUS_API_KEYS")
    """Environment variables that hold proxy keys, separated by commas, each also as `NAME_FILE`."""
    api_keys: tuple[Secret, ...] = ()
    """Proxy keys, read from the variables of `api_keys_env`; they cannot stand in a file."""


@dataclass(frozen=True, slots=True)
class StreamingSettings:
    """How streams to clients behave."""

    keepalive_s: Seconds = 15.0
    """Seconds of silence after which a comment is sent to keep the connection open; 0 never sends one."""
    write_timeout_s: PositiveSeconds = 120.0
    """Seconds a client may leave its connection full before it counts as gone."""
    reasoning: Literal["reasoning_content", "think", "hidden"] = "reasoning_content"
    """How OpenAI clients see a model's reasoning: in its own field, inside `<think>` tags of the text, or not."""


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """Documents, and whether requests get passages of them."""

    enabled: bool = True
    """Whether documents are indexed at all; without them the extractive model only refuses."""
    inject: Literal["relevant", "never"] = "relevant"
    """Whether `auto` requests get passages of your documents: those that answer the question, or none.

    The shipped guide is never placed; only the extractive model answers from it.
    """
    top_k: PositiveCount = 6
    """Most passages per request, whatever it asks for. Text that touches is one passage, however long."""
    top_k_one_intent: PositiveCount = 4
    """Most passages where it surely asks for one thing."""
    top_k_without_intent: PositiveCount = 2
    """Most passages where it asks for nothing in the catalogue of intents."""
    place: Literal["message", "turn"] = "message"
    """Where passages stand: in a `message` of their own ahead of the last user turn, which stays as it came, or at the
    head of that `turn`, for servers whose chat template refuses two user turns in a row."""
    token_budget: Count = 2000
    """Most tokens of passages per request; 0 adds none."""
    entity_boost: Share = 0.1
    """By which share a passage rises at most that holds something the question names, such as a person or the code of
    an order, where at most 5 % of the passages hold it. 0 lifts none, and saves the half millisecond that finding names
    takes."""
    p_miss: Share = 0.31
    """Share of requests, 0 to 1, whose passages are taken to lack the answer. What is counted as saved is charged with
    it: each of them would be asked again with all documents. The default is the upper end of the 95 % interval that
    `python -m tests.bench.route` gives on the half of the questions to the example library that no setting was chosen
    on. Put in what `thalamus docs evaluate` measures on questions of yours. 0 charges nothing."""
    library: Path | None = None
    """Folder with your documents, watched; `None` takes those of `thalamus docs add`, else the shipped guide."""
    watch_s: Amount = 5.0
    """Seconds between looks for documents that changed; 0 looks at the start only."""
    max_document_bytes: PositiveCount = 20_000_000
    """Largest file that is read as a document, bytes."""
    window_size: PositiveCount = 800
    """Largest passage of hybrid search in letters; a Han character counts 4. Another size builds the index anew."""
    flat_max_vectors: Count = 50_000
    """Vectors up to which each is compared; beyond, a graph is walked, which finds nearly the same. 0 always walks."""
    embedder: EmbedderSettings = field(default_factory=EmbedderSettings)
    """What turns documents and questions into vectors."""
    reranker: RerankerSettings = field(default_factory=RerankerSettings)
    """What reads the best passages once more, and orders them."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """The books: what is kept, where, and for how long."""

    url: str | None = field(default=None, repr=False)
    """SQLAlchemy URL of SQLite or PostgreSQL; `None` is the file `thalamus.sqlite` in `state_dir`."""
    group_commit_ms: Count = 100
    """Milliseconds within which a finished request is committed; a quarter of it collects records into one
    transaction, and what is younger than this is lost with a killed process. 0 does not collect."""
    queue_max: PositiveCount = 10_000
    """Most records waiting to be written; beyond it they spill to the journal."""
    journal_max_bytes: Count = 64 * 1024 * 1024
    """Largest journal file for records the database does not take, bytes; 0 keeps no journal and drops them."""
    store_bodies: bool = False
    """Whether whole requests and answers are stored."""
    store_preview: bool = True
    """Whether the last user turn is stored, redacted, at most 160 characters."""
    retention_days: Count = 30
    """Days after which decisions are deleted, once an hour or by `thalamus db prune`; 0 keeps them for ever."""
    body_retention_days: Count = 7
    """Days after which stored bodies are deleted, likewise; 0 keeps them as long as their decision."""


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """What is logged. Prompts, answers, keys and headers never are."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe event that is logged; `INFO` logs one line per request."""
    format: Literal["auto", "console", "json"] = "auto"
    """One line for people, or one JSON object, per event; `auto` is for people only where stderr is a terminal."""


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """How servers are probed. Probes list models; they never ask a model for words, so they cost nothing."""

    probe_interval_s: Amount = 30.0
    """Seconds between probes of servers without keys; 0 never probes, so that no local server is discovered."""
    probe_timeout_s: PositiveSeconds = 2.0
    """Seconds a server has to answer a probe."""
    find_ollama: bool = True
    """Whether to look for Ollama at its usual address when `OLLAMA_HOST` is not set."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything. Build it with `config.loader.load_settings`, or by hand in a test."""

    server: ServerSettings = field(default_factory=ServerSettings)
    """Where the gateway listens and whom it lets in."""
    limits: LimitSettings = field(default_factory=LimitSettings)
    """How much a proxy key may use where it was made without limits of its own."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """How long one attempt may take."""
    streaming: StreamingSettings = field(default_factory=StreamingSettings)
    """How streams to clients behave."""
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    """How `auto` chooses."""
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    """Who is asked which model should answer, where the choice is not sure."""
    learning: LearningSettings = field(default_factory=LearningSettings)
    """What outcomes change."""
    reflex: ReflexSettings = field(default_factory=ReflexSettings)
    """What happens to orders that are hard to take back."""
    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    """What is asked."""
    retrieval: RetrievalSettings = field(default_factory=RetrievalSettings)
    """Documents."""
    experiment: ExperimentSettings = field(default_factory=ExperimentSettings)
    """What passages do, compared with conversations that get none."""
    storage: StorageSettings = field(default_factory=StorageSettings)
    """The books."""
    logging: LoggingSettings = field(default_factory=LoggingSettings)
    """What is logged."""
    health: HealthSettings = field(default_factory=HealthSettings)
    """How servers are probed."""
    balancing: BalancingSettings = field(default_factory=BalancingSettings)
    """How the deployments of one model share its requests."""
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    """When an upstream that fails is left alone."""
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    """What is told of requests to the outside."""
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)
    """The dashboard in a browser."""
    providers: tuple[ProviderSettings, ...] = ()
    """Provider rows (`[[provider]]`), shipped ones included."""
    models: tuple[ModelSettings, ...] = ()
    """Models (`[[model]]`): yours, then the shipped ones."""
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    """Other names for models (`[aliases]`): `"gpt-4o" = "auto"`. A target may be another alias."""
    state_dir: Path = Path(".thalamus")
    """Folder for the database, the journal and generated secrets; relative to the settings file, else to here."""
    config_file: Path | None = None
    """The settings file that was read; `None` when there is none. It cannot stand in the file itself."""
    secrets: Mapping[str, Secret] = field(default_factory=dict[str, Secret])
    """Upstream keys by the name of their variable, read from the environment; they cannot stand in a file."""

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the books, the default one filled in."""
        return self.storage.url or f"sqlite:///{self.state_dir / 'thalamus.sqlite'}"
