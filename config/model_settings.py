"""What models, their deployments and their providers are, as data: rows of `config/defaults` and of `thalamus.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from config.bounds import Amount, PositiveCount, PositiveSeconds, Seconds
from config.forms import ShownName, WebAddress

Dialect = Literal["openai", "anthropic", "ollama", "extractive"]
AuthStyle = Literal["bearer", "x-api-key", "api-key"]
Capability = Literal["chat", "tools", "vision", "reasoning", "json_schema", "embeddings"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one attempt may take; also per deployment (`[model.deployment.timeouts]`)."""

    connect_s: PositiveSeconds = 5.0
    """Seconds to open a connection, name look-up and TLS included."""
    first_content_s: PositiveSeconds = 30.0
    """Seconds from sending a streamed request to the first text, reasoning or tool call; then the next one is tried.

    Reasoning models and cold local models need more. Plain requests are not measured by it, only by `total_s`.
    """
    idle_s: PositiveSeconds = 60.0
    """Longest silence of the upstream in mid-stream, seconds; then the stream ends with an error in it."""
    total_s: PositiveSeconds = 600.0
    """Seconds for the whole request, all attempts together."""


@dataclass(frozen=True, slots=True)
class DeploymentTimeouts:
    """Timeouts of one deployment that differ from `[timeouts]`."""

    connect_s: PositiveSeconds | None = None
    """Seconds to open a connection; `None` takes `timeouts.connect_s`."""
    first_content_s: PositiveSeconds | None = None
    """Seconds to the first content of a stream; `None` takes `timeouts.first_content_s`."""
    idle_s: PositiveSeconds | None = None
    """Longest silence in mid-stream, seconds; `None` takes `timeouts.idle_s`."""
    total_s: PositiveSeconds | None = None
    """Seconds for a plain request at this deployment; `None` takes `timeouts.total_s`."""


@dataclass(frozen=True, slots=True)
class PriceOverride:
    """A price of the operator's own, USD per million tokens, in place of the shipped price list."""

    input_usd_per_mtok: Amount | None = None
    """Price of input tokens; given together with the output price, or not at all."""
    output_usd_per_mtok: Amount | None = None
    """Price of output tokens, reasoning included; without a price the shipped price list is in charge."""
    cached_usd_per_mtok: Amount | None = None
    """Price of input tokens read from the provider's cache; `None` charges them like other input."""
    source_date: date | None = None
    """Day on which the price was read off, such as `2026-11-21`; required with a price."""


@dataclass(frozen=True, slots=True)
class DeploymentSettings:
    """One place where a model runs."""

    provider: str
    """Name of a provider row: a shipped one (`openai`, `anthropic`, `ollama`, ...) or a `[[provider]]` of your own."""
    upstream_model: ShownName
    """The model's name there."""
    base_url: WebAddress | None = None
    """Where the server is; with `/v1` for OpenAI dialects only. `None` takes the provider's own."""
    weight: Amount = 1.0
    """Share of the traffic inside its priority group; 0 drains it: running answers end, new ones go elsewhere."""
    priority: int = 0
    """Group; lower groups are tried first, higher ones only after them."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key (`NAME_FILE` may name a file with it).

    Several keys separated by commas make several deployments that share the weight. `None` takes the provider's
    usual variables.
    """
    context_window: PositiveCount | None = None
    """Tokens the model reads and writes together; `None` is unknown. Ollama gets it as `num_ctx`."""
    max_output_tokens: PositiveCount | None = None
    """Most tokens of one answer; `None` leaves it to the client and the upstream.

    Anthropic wants a limit: without this one and the client's, it is 4096 beside the thinking, told in a warning.
    """
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers added to every call. Keys do not belong here: use `api_key_env`."""
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    """Query parameters added to every call, such as Azure's `api-version`."""
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    """Options of the provider, such as Ollama's `num_ctx` or `keep_alive`."""
    quirks: tuple[str, ...] = ()
    """Deviations of this deployment, added to its provider's."""
    timeouts: DeploymentTimeouts = field(default_factory=DeploymentTimeouts)
    """Timeouts that differ from `[timeouts]`."""
    price: PriceOverride = field(default_factory=PriceOverride)
    """Your own price; without one the shipped price list says."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A name that clients can ask for, and where it runs. One of a shipped model's name replaces the shipped one."""

    name: ShownName
    """The name; it may contain `/` and `:`. `auto` and `collab` are taken."""
    deployments: tuple[DeploymentSettings, ...]
    """Where it runs (`[[model.deployment]]`, at least one)."""
    description: str = ""
    """What it is good for, in words; the judge reads it."""
    domains: tuple[str, ...] = ()
    """What it is good for, in labels the policy knows, such as `code`, `writing`, `math`."""
    fallbacks: tuple[str, ...] = ()
    """Models to try when it fails although the client named it, in order."""
    capabilities: tuple[Capability, ...] = ("chat",)
    """What it can do; a model without `chat` only answers on `/v1/embeddings`."""
    auto: bool = True
    """Whether `auto` may choose it; `false` leaves it to clients that name it."""
    passages: bool = True
    """Whether requests that `auto` sends to it get passages of your documents."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """A provider whose dialect we speak. One of a shipped row's name changes only the fields it gives."""

    name: ShownName
    """The name deployments use."""
    dialect: Dialect = "openai"
    """What it speaks; almost all look-alikes speak `openai`."""
    base_url: WebAddress | None = None
    """Where it is, without a slash at the end; `None` means the deployment or a variable must say."""
    base_url_env: tuple[str, ...] = ()
    """Environment variables that change `base_url`; the first that is set wins."""
    api_key_env: tuple[str, ...] = ()
    """Environment variables that hold the key, each also as `NAME_FILE`; the first that is set wins."""
    needs_key: bool = True
    """Whether calls without a key are pointless. Without need of a key, a server that answers its probe is live."""
    auth: AuthStyle = "bearer"
    """How the key is sent: `Authorization: Bearer`, `x-api-key` or `api-key`; some dialects have their own way."""
    models_path: str = "/models"
    """Path below `base_url` that lists models and costs nothing, for probes; an empty one is never probed."""
    discover: bool = False
    """Whether every model its server lists becomes a model here. On by itself where a variable names a local server."""
    affinity_s: Seconds | None = None
    """Seconds for which conversations stay with a deployment here, by how long its prompt cache lives; 0 not at all.

    `None` takes `balancing.affinity_s`.
    """
    local: bool = False
    """Whether it runs on machines of yours: its tokens cost 0."""
    prices: str | None = None
    """Its name in the shipped price list; `None` is not in it, so prices are unknown unless you give them."""
    quirks: tuple[str, ...] = ()
    """Deviations from its dialect, such as `no_stream_options`."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers added to every call."""
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    """Query parameters added to every call."""
    notes: str = ""
    """Remarks for people."""
