"""Builds the product: the one place where objects are made and wired. Opening and closing them is `lifespan.py`'s."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.datastructures import State

from config.database import open_database
from config.events import Feed
from config.journal import Journal
from config.keys import KeyStore
from config.log_events import EVENTS
from config.overrides import OverrideStore
from config.types import DecisionRecord
from config.writer import GroupWriter
from proxy import config_api, documents_api, health_api, native_api, ops, routing_api, routing_stats
from proxy.beliefs_in_force import BELIEFS_AREA, BeliefsInForce
from proxy.choosing import Chooser
from proxy.dashboard import Dashboard, OwnPort
from proxy.document_library import DocumentLibrary
from proxy.documents import Documents
from proxy.error_handlers import EXCEPTION_HANDLERS, add_missing_headers
from proxy.guard import Guard
from proxy.house import House, ollama_url
from proxy.lifespan import open_house
from proxy.metrics import Metrics
from proxy.openapi import add_relay_paths, openapi_config
from proxy.public_routes import needs_key
from proxy.question_secret import question_hashing
from proxy.relay_routes import relay_routes
from proxy.rules_in_force import RULES_AREA, RulesInForce
from proxy.telemetry.sinks import open_sinks, told
from proxy.understanding import VERSIONS, Understanding
from proxy.version import product_version
from proxy.weights import WEIGHTS_AREA, Weights
from router.affinity import Affinity, lifetimes
from router.answer import accept_empty
from router.balancer import Balancer
from router.catalog import build_catalog
from router.choosing.standings import Standings
from router.dispatch import Dispatcher
from router.health import Health
from router.ledger import SqlLedger
from router.liveness import Prober
from router.load import Load
from router.providers.anthropic import AnthropicProvider
from router.providers.embeddings import EmbeddingsProvider
from router.providers.extractive import ExtractiveProvider
from router.providers.ollama import OllamaProvider
from router.providers.openai_compatible import OpenAICompatibleProvider
from router.reasoning_store import ReasoningStore
from router.retry_budget import RetryBudget
from router.transport import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.settings import Settings
    from router.events import Dialect
    from router.providers.base import Provider, Transport


def create_app(
    settings: Settings,
    *,
    transport: Transport | None = None,
    read_settings: Callable[[Settings], tuple[Settings, tuple[str, ...]]] | None = None,
) -> Litestar:
    """Return the ASGI application; before its lifespan begins nothing is opened but the journal of the books.

    Where the lifespan never runs, `app.state.house.writer.aclose()` closes that.

    `transport` replaces the wire to upstreams (tests). `read_settings` is given the running settings and reads the new
    ones for a reload; without it there is nothing to reload.
    """
    house = build_house(settings, transport=transport or AiohttpTransport())
    house.read_settings = read_settings
    server = settings.server
    app = Litestar(
        route_handlers=[
            *relay_routes(house),
            *native_api.ROUTES,
            *config_api.ROUTES,
            *routing_api.ROUTES,
            *documents_api.ROUTES,
            *health_api.ROUTES,
            *ops.ROUTES,
            *routing_stats.ROUTES,
        ],
        guards=[needs_key],
        lifespan=[open_house],
        state=State({"house": house}),
        exception_handlers=EXCEPTION_HANDLERS,
        before_send=[add_missing_headers],
        cors_config=CORSConfig(allow_origins=list(server.cors_origins)) if server.cors_origins else None,
        openapi_config=openapi_config(),
        request_max_body_size=server.max_body_bytes,
        logging_config=None,
    )
    add_relay_paths(app)
    health_api.describe_paths(app)
    dashboard = Dashboard(app.asgi_handler, house)
    app.asgi_handler = Guard(dashboard, house)
    app.state["own_port"] = Guard(OwnPort(dashboard), house)  # who serves opens it where `server.admin_port` says
    return app


def build_house(settings: Settings, *, transport: Transport) -> House:
    """Make every object once and hand it to those who need it."""
    storage = settings.storage
    metrics = Metrics()
    documents = Documents(settings.retrieval, DocumentLibrary(settings))
    providers, embedders = _providers(documents)
    rng = Random()  # noqa: S311  # its draws guard no secret
    health = Health(settings.breaker, clock=time.perf_counter, rng=rng)
    retries = RetryBudget(settings.breaker, clock=time.perf_counter)
    load = Load(clock=time.perf_counter)
    balancer = Balancer(settings.balancing.policy, pressure=load, rng=rng)
    chooser = Chooser(Standings(clock=time.monotonic, max_entries=settings.routing.cached_choices))
    watching = (metrics, load, balancer, chooser.waits)
    sinks = open_sinks(settings.telemetry, version=product_version())
    feed = Feed[DecisionRecord]()
    database = open_database(settings.database_url)
    writer = GroupWriter(
        database,
        group_commit_ms=storage.group_commit_ms,
        queue_max=storage.queue_max,
        journal=Journal(settings.state_dir / "journal", max_bytes=storage.journal_max_bytes),
    )
    writer.register(health_api.AUDIT)
    writer.register(EVENTS)
    return House(
        settings=settings,
        catalog=build_catalog(settings),
        dispatcher=Dispatcher(providers, transport, observers=watching, gate=health, budget=retries, rng=rng),
        embedder=Dispatcher(
            embedders, transport, check_empty=accept_empty, observers=watching, gate=health, budget=retries, rng=rng
        ),
        transport=transport,
        ledger=told(SqlLedger(writer, hashing=question_hashing(settings.state_dir)), (*sinks, feed)),
        sinks=sinks,
        feed=feed,
        writer=writer,
        database=database,
        keys=KeyStore(database, settings.state_dir, static=[key.reveal() for key in settings.server.api_keys]),
        documents=documents,
        understanding=Understanding(
            settings.classifier, ollama_url=ollama_url(settings), versions=settings.state_dir / VERSIONS
        ),
        prober=Prober(settings, answered=health.host_answered),
        metrics=metrics,
        health=health,
        retries=retries,
        load=load,
        balancer=balancer,
        affinity=Affinity(lifetimes(settings), clock=time.monotonic),
        chooser=chooser,
        weights=Weights(OverrideStore(database, WEIGHTS_AREA)),
        ruling=RulesInForce(OverrideStore(database, RULES_AREA)),
        believing=BeliefsInForce(OverrideStore(database, BELIEFS_AREA)),
    )


def _providers(documents: Documents) -> tuple[dict[Dialect, Provider], dict[Dialect, Provider]]:
    store = ReasoningStore()
    openai = OpenAICompatibleProvider(store)
    chat: dict[Dialect, Provider] = {
        "openai": openai,
        "anthropic": AnthropicProvider(store),
        "ollama": OllamaProvider(store),
        "extractive": ExtractiveProvider(documents),
    }
    return chat, {"openai": EmbeddingsProvider(openai), "ollama": EmbeddingsProvider(openai, below="/v1")}
