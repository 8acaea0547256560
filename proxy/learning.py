"""The background work of learning: what is said of answers goes from the books to the learner, and into force.

Nothing here is on the way of a request. A request asks `house.experience`, which is replaced whole.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import select

from config.errors import ArtefactError, ThalamusError
from config.tables import api_key
from proxy.following import follow
from router.choosing.starting import StartingExperience
from router.learning.beliefs import BelievedExperience, read_beliefs
from router.learning.cap import Width
from router.learning.experience import LearnedExperience
from router.learning.fitted import FittedExperience
from router.learning.intake import FAR_BACK, LOOK_BACK, caught_up
from router.learning.learner import Learner
from router.learning.lessons import Trust
from router.learning.state import State
from router.learning.usage import Usages, usages
from router.learning.versions import ACTIVE, SHADOW, VersionStore
from router.policy.model import load_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config.database import Database
    from config.settings import LearningSettings, RoutingSettings, Settings
    from config.types import Json
    from proxy.house import House
    from router.choosing.values import Experience
    from router.learning.beliefs import Beliefs
    from router.snapshot import Catalog

LOOK_S: Final = 1.0
"""Seconds between looks at what was said, and at which version is in force."""
RETRY_S: Final = 5.0
FAR_LOOK_S: Final = 600.0
"""Seconds between looks for what was written late."""
USAGE_S: Final = 60.0
USAGE_DAYS: Final = 7
KEEP_LESSONS: Final = 100
"""Lessons after which a version is written."""
KEEP_S: Final = 6 * 3_600.0
"""Seconds after which a version is written for fewer lessons."""

log = structlog.stdlib.get_logger("thalamus.proxy.learning")


@dataclass(slots=True)
class Learning:
    """What is learned, and which version of it is in force. One a server; used on its loop."""

    database: Database
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    state: State = field(default_factory=lambda: State(Learner()))
    """Of the learner that learns."""
    live: Learner = field(default_factory=Learner)
    """What is in force: the same learner, but in shadow another one."""
    grows_from: str | None = None
    """The version that what is learned now grows out of."""
    active: str | None = None
    """The version in force; `None` until the books were open."""
    damage: str | None = None
    """Why the version in force cannot be read; then nothing is learned, and only what was believed at first counts."""
    disbelief: str | None = None
    """Why the table of starting values, or the fitted policy, cannot be read."""
    n_unkept: int = 0
    """Lessons since the last version was written."""
    prior: Experience = field(default_factory=StartingExperience)
    _usages: Usages = field(default_factory=lambda: Usages({}, {}))
    _trust: Trust = field(default_factory=Trust)
    _seen: Settings | None = None
    _believed: Beliefs | None = None
    _far_at: float | None = None
    _refreshed_at: float | None = None
    _kept_at: float | None = None
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def store(self) -> VersionStore:
        """The versions in the database."""
        return VersionStore(self.database, clock=self.clock)

    async def run(self, house: House, *, look_s: float = LOOK_S, retry_s: float = RETRY_S) -> None:
        """Learn as long as the server runs; while the database is away, try again and say so once."""
        await follow(
            lambda: self.look(house),
            look_s=look_s,
            retry_s=retry_s,
            tell=lambda error: log.warning("learning_waits", reason=str(error)),
        )

    async def look(self, house: House) -> None:
        """Take up other settings, another version, and what was said since. Raises `StorageError`.

        One at a time: a look that began while another one learns would put another learner in its place, and what the
        first one learned would never be in force.
        """
        async with self._looking:
            await self._look(house)

    async def _look(self, house: House) -> None:
        changed = await self._adopt(house.settings, house.believing.beliefs)
        if house.settings.learning.mode != "off":
            changed |= await self._refresh(house)
            changed |= await self._follow(house.settings.learning, house.catalog)
            changed |= await asyncio.to_thread(self._draw_with, width_of(house.settings.routing))
            changed |= await self._listen()
        if changed:
            house.experience = await asyncio.to_thread(self.experience, house.settings.learning)
        if house.settings.learning.mode != "off":
            await self._keep(house)

    def experience(self, settings: LearningSettings) -> LearnedExperience:
        """Return what is to be expected from now on."""
        if settings.mode == "off":
            return LearnedExperience(self.prior, "off", usages=self._usages)
        live = self.live
        return LearnedExperience(
            self.prior,
            f"{self.active}.{live.version()}",
            live.heads(),
            live.profiles.cells,
            live.preferences,
            self._usages,
            live.width,
            live.settled,
            None if live is self.state.learner else self._counted_beside(),
        )

    def told(self, settings: LearningSettings) -> Json:
        """Return how it stands, for `/health`."""
        problem = self.damage or self.disbelief
        waiting = "waiting" if self.active is None else "shadow" if settings.mode == "shadow" else "ok"
        return {
            "status": "off" if settings.mode == "off" else "degraded" if problem else waiting,
            "version": self.active,
            "n_lessons": self.live.n_lessons,
            "n_unkept": self.n_unkept,
            "n_refused": self.state.learner.n_refused,
            "learned_until": self.state.cursor.isoformat() if self.active is not None else None,
            **({"problem": problem} if problem else {}),
        }

    async def _adopt(self, settings: Settings, beliefs: Beliefs | None) -> bool:
        """Take other settings; returns whether there were any."""
        before = self._seen
        if before is settings and self._believed is beliefs:
            return False
        if before is not None and before.learning.mode != settings.learning.mode:
            if self.n_unkept > 0:
                await self._keep_now(before.learning)
            self.active = self.grows_from = None
        self._seen, self._believed = settings, beliefs
        prior, self.disbelief = await asyncio.to_thread(prior_of, settings.learning)
        self.prior = prior if beliefs is None else BelievedExperience(beliefs, prior)
        if self.disbelief is not None:
            log.warning("starting_values_not_used", reason=self.disbelief)
        return True

    async def _refresh(self, house: House) -> bool:
        """Look again what answers use and who may administer; returns whether that was due."""
        now = self.monotonic()
        if self._refreshed_at is not None and now - self._refreshed_at < USAGE_S:
            return False
        self._usages = await usages(self.database, since=self.clock() - timedelta(days=USAGE_DAYS))
        self._trust = await trust_of(house.catalog, self.database)
        self._refreshed_at = now
        return True

    async def _follow(self, settings: LearningSettings, catalog: Catalog) -> bool:
        """Take up the version that is in force now; returns whether it is another one."""
        store, shadows = self.store, settings.mode == "shadow"
        active = await store.active_id() or await store.begin(catalog.models)
        grows_from = (await store.newest_shadow_id() if shadows else None) or active
        if (active, grows_from) == (self.active, self.grows_from):
            return False
        self.damage = None
        try:
            in_force = await store.load(active)
            self.state = in_force if grows_from == active and not shadows else await store.load(grows_from)
        except ArtefactError as error:
            log.error("version_not_used", version=active, reason=str(error))  # noqa: TRY400  # told whole in /health
            in_force = self.state = State(Learner(settled=await store.settled(active)))
            self.damage = str(error)
        self.live = in_force.learner
        if self.active is not None:
            log.info("version_taken_up", version=active)
        self.active, self.grows_from, self.n_unkept = active, grows_from, 0
        self._kept_at, self._far_at = self.monotonic(), None
        await self._meet(settings, catalog)
        return True

    async def _meet(self, settings: LearningSettings, catalog: Catalog) -> None:
        """Have a version that was written before there were new models know those of now as settled, and keep that."""
        if self.damage is not None:  # who is new cannot be told from a learner that knows nothing
            return
        met = self.live.meet(catalog.models)
        if self.live is not self.state.learner:
            met = self.state.learner.meet(catalog.models)
        if met:
            await self._keep_now(settings, why="met the models of then")

    def _counted_beside(self) -> Mapping[str, float]:
        """Return the outcomes of new models by the learner in shadow: by these the ceilings rise, and nothing else."""
        return self.state.learner.outcomes_of_new(self.live.settled)

    def _draw_with(self, width: Width) -> bool:
        changed = [each.draw_with(width) for each in (self.state.learner, self.live)]
        return any(changed)

    async def _listen(self) -> bool:
        """Learn what was said; returns whether anything in force changed."""
        if self.damage is not None:
            return False
        now = self.monotonic()
        is_far = self._far_at is None or now - self._far_at >= FAR_LOOK_S
        back = FAR_BACK if is_far else LOOK_BACK
        self.state, n = await caught_up(
            self.database, self.state, until=self.clock(), trust=self._trust, look_back=back
        )
        if is_far:
            self._far_at = now
        self.n_unkept += n
        return n > 0 and (self.live is self.state.learner or bool(self._counted_beside()))

    async def _keep(self, house: House) -> None:
        """Write a version where enough was learned, or long ago."""
        is_late = self._kept_at is not None and self.monotonic() - self._kept_at >= KEEP_S
        if self.n_unkept >= KEEP_LESSONS or (is_late and self.n_unkept > 0):
            await self._keep_now(house.settings.learning)

    async def _keep_now(self, settings: LearningSettings, *, why: str = "learned") -> None:
        if self.grows_from is None or self.damage is not None:
            return
        as_state = SHADOW if settings.mode == "shadow" else ACTIVE
        kept = await self.store.keep(self.state, parent=self.grows_from, as_state=as_state, why=why)
        if kept is None:
            return  # another process was faster: its version is taken up at the next look
        self.grows_from = kept
        if as_state == ACTIVE:
            self.active = kept
        log.info("version_kept", version=kept, state=as_state, n_lessons=self.state.learner.n_lessons)
        self.n_unkept, self._kept_at = 0, self.monotonic()


def width_of(routing: RoutingSettings) -> Width:
    """Return how wide the draw of these settings is."""
    lever = 1 + 2 / routing.threshold if routing.threshold else 1.0
    return Width(routing.spread, routing.temperature if routing.draw == "softmax" else None, lever)


def prior_of(settings: LearningSettings) -> tuple[Experience, str | None]:
    """Return what is expected before outcomes come, and why a part of it cannot be used, `None` where all can.

    Weights and prices of the catalogue come last, the fitted policy before them, the user's table first.
    """
    prior: Experience = StartingExperience()
    problem: str | None = None
    try:
        if settings.policy_dir is not None:
            prior = FittedExperience(load_policy(settings.policy_dir), prior)
        if settings.starting_values is not None:
            prior = BelievedExperience(read_beliefs(settings.starting_values), prior)
    except (ThalamusError, OSError) as error:
        problem = str(error)
    return prior, problem


async def trust_of(catalog: Catalog, database: Database) -> Trust:
    """Return who is believed without a bound, and the static policy to compare with. Raises `StorageError`."""
    async with database.reading() as connection:
        keys = (await connection.execute(select(api_key.c.prefix, api_key.c.scopes))).all()
    admins = frozenset(prefix for prefix, scopes in keys if "admin" in scopes)
    weights = dict(zip((each.name for each in catalog.live_models()), catalog.auto_weights(), strict=True))
    return Trust(admins, weights, catalog.canonical)
