"""What the pipeline works with: the objects that `proxy/app.py` built, and the few that change while it runs."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from classifier.reflex import OwnRule, Reflex
from config.errors import SettingsError, StorageError
from config.events import Feed
from config.intents import load_intents
from proxy.choosing import Chooser
from proxy.desk.jobs import HouseJobs
from proxy.desk.playground import HousePlayground
from proxy.intent_model import OLLAMA_URL
from proxy.judging import FOLDER as JUDGE_FOLDER
from proxy.judging import Judging, judge_key, judge_ollama
from proxy.learning import Learning
from proxy.limits import RateLimiter
from proxy.question_secret import question_hashing
from proxy.signs import Signs
from proxy.similar import Similar
from proxy.vitals import Vitals
from router.affinity import lifetimes
from router.catalog import build_catalog
from router.choosing.starting import StartingExperience
from router.judge.book import JudgedBook
from router.selection import candidates_of, decide_named
from router.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from config.database import Database
    from config.keys import KeyStore
    from config.log_events import EventTap
    from config.settings import Settings
    from config.types import DecisionRecord, Json, Ledger
    from config.writer import GroupWriter
    from proxy.beliefs_in_force import BeliefsInForce
    from proxy.documents import Documents
    from proxy.metrics import Metrics
    from proxy.rules_in_force import RulesInForce
    from proxy.telemetry.hook import RequestSink
    from proxy.understanding import Understanding
    from proxy.weights import Weights
    from router.affinity import Affinity
    from router.attempt import Candidate
    from router.balancer import Balancer
    from router.choosing.values import Experience
    from router.dispatch import Dispatcher
    from router.health import Health
    from router.liveness import Prober
    from router.load import Load
    from router.providers.base import Transport
    from router.retry_budget import RetryBudget
    from router.rules import Rule
    from router.snapshot import Catalog


@dataclass(slots=True)
class House:
    """The wired product. `settings` and `catalog` are replaced whole, never changed in place."""

    settings: Settings
    catalog: Catalog
    dispatcher: Dispatcher
    embedder: Dispatcher
    transport: Transport
    ledger: Ledger
    writer: GroupWriter
    database: Database
    keys: KeyStore
    documents: Documents
    understanding: Understanding
    prober: Prober
    metrics: Metrics
    health: Health
    retries: RetryBudget
    load: Load
    balancer: Balancer
    affinity: Affinity
    weights: Weights
    ruling: RulesInForce
    believing: BeliefsInForce
    experience: Experience = field(default_factory=StartingExperience)
    """What was learned of the models' answers; `learning` replaces it whole."""
    chooser: Chooser = field(default_factory=Chooser)
    limiter: RateLimiter = field(default_factory=RateLimiter)
    vitals: Vitals = field(default_factory=Vitals)
    sinks: tuple[RequestSink, ...] = ()
    """Who is told of finished requests beside the books."""
    feed: Feed[DecisionRecord] = field(default_factory=Feed["DecisionRecord"])
    """Tells live pages of finished requests, while somebody looks."""
    instance_id: str = field(default_factory=lambda: secrets.token_hex(8))
    """What this process calls itself in `Via`, to know a request that it sent itself."""
    rng: Random = field(default_factory=Random)
    started: float = field(default_factory=time.monotonic)
    ready: bool = False
    """Whether the lifespan has opened everything."""
    draining: bool = False
    """Whether a signal told us to stop."""
    dashboard_url: str | None = None
    """Where the dashboard is, once it is served; with a port of its own, there."""
    reload_error: str | None = None
    """Why the last reload was refused, `None` when it was not."""
    read_settings: Callable[[Settings], tuple[Settings, tuple[str, ...]]] | None = None
    """Reads and validates the settings file again, see `config.loader.reload`; `None` where they came from code."""

    tap: EventTap | None = None
    """Hears what is logged, for the logs page; `None` where the process's logging is not ours."""
    config_file: Path | None = None
    """The settings file that commands beside the server are to read; `None` for where they find it by themselves."""

    learning: Learning = field(init=False)
    """What is said of answers, on its way into `experience`."""
    similar: Similar = field(init=False)
    """Questions that were answered, to be found again by similar ones."""
    signs: Signs = field(default_factory=lambda: Signs(time.monotonic))
    """How answers were received, as far as it can be seen."""
    jobs: HouseJobs = field(init=False)
    """Long work that the dashboard began."""
    playground: HousePlayground = field(init=False)
    """What operators compare."""
    judging: Judging = field(init=False)
    """Who is asked which model should answer, where the choice is not sure."""
    judged: JudgedBook = field(init=False)
    """Where its later words are written."""
    reflex: Reflex = field(init=False)
    """Tells orders that are hard to take back."""
    plain_catalog: Catalog = field(init=False)
    """The catalogue without the weights that were set at run time."""

    def __post_init__(self) -> None:
        """Begin without such weights: the database is not open yet."""
        self.plain_catalog = self.catalog
        self.reflex = _reflex_of(self.settings)
        self.learning = Learning(self.database)
        self.similar = Similar(self.database, question_hashing(self.settings.state_dir))
        self.jobs = HouseJobs(self)
        self.playground = HousePlayground(self)
        self.judged = JudgedBook(self.writer)
        self.judging = Judging(
            self.settings.judge,
            transport=self.transport,
            words=Words(self.dispatcher, self._candidates),
            ollama=judge_ollama(self.settings, ollama_url),
            home=self.settings.state_dir / JUDGE_FOLDER,
            key=judge_key(self.settings),
        )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The routing rules in force: the settings file's, or those that were set at run time."""
        return self.ruling.over(self.settings.routing)

    async def reload(self) -> tuple[str, ...]:
        """Read the settings again, swap them in whole, and return the names of those that need a restart.

        Raises `SettingsError`, with the old ones still running.
        """
        if self.read_settings is None:
            raise SettingsError("This server was started without a settings file, so there is nothing to read again.")
        try:
            wanted, needs_restart = await asyncio.to_thread(self.read_settings, self.settings)
            catalogue = await asyncio.to_thread(load_intents, wanted.classifier.intents_file)
        except SettingsError as error:
            self.reload_error = str(error)
            raise
        with suppress(StorageError):  # what is in force stays
            await self.weights.load()
            await self.ruling.load()
            await self.believing.load()
        self.settings = wanted
        self.reflex = _reflex_of(wanted)
        self.understanding.adopt(wanted.classifier, catalogue, ollama_url=ollama_url(wanted))
        self.documents.library.adopt(wanted, catalogue)
        self.take_catalog(build_catalog(wanted, probes=self.prober.probes))
        self.prober.watch(wanted)
        self.judging.adopt(wanted.judge, ollama=judge_ollama(wanted, ollama_url), key=judge_key(wanted))
        self.health.adopt(wanted.breaker, self.catalog.deployment_ids())
        self.retries.adopt(wanted.breaker)
        self.affinity.adopt(lifetimes(wanted))
        self.chooser.standings.adopt(wanted.routing.cached_choices)
        self.reload_error = None
        return needs_restart

    def _candidates(self, name: str) -> tuple[Candidate, ...]:
        return candidates_of(self.catalog, decide_named(self.catalog, name), balancer=self.balancer)

    def take_catalog(self, catalog: Catalog) -> None:
        """Take what the settings and the last probes say, under the weights that were set at run time."""
        self.plain_catalog = catalog
        self.catalog = self.weights.applied_to(catalog)
        deployments = catalog.deployment_ids()
        self.load.keep(deployments)
        self.balancer.adopt(self.settings.balancing.policy, deployments)

    async def load_overrides(self) -> None:
        """Bring into force what was set at run time, and the database holds. Raises `StorageError`."""
        await self.ruling.load()
        await self.believing.load()
        await self.weights.load()
        self.take_catalog(self.plain_catalog)

    async def change_weights(self, fields: Json, *, changed_by: str) -> dict[str, float | None]:
        """Set weights for good and return which. Raises `InvalidRequestError`, `StorageError`; then nothing changed."""
        changed = await self.weights.change(fields, lambda: self.plain_catalog, changed_by=changed_by)
        self.take_catalog(self.plain_catalog)
        return changed


def ollama_url(settings: Settings) -> str:
    """Return where Ollama is, by the provider of that name."""
    return next((each.base_url for each in settings.providers if each.name == "ollama" and each.base_url), OLLAMA_URL)


def _reflex_of(settings: Settings) -> Reflex:
    return Reflex(tuple(OwnRule(each.text, each.action) for each in settings.reflex.rules))
