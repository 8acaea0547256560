"""What the name of a candidate stands for: a version that was learned, the weights, a fitted folder, or a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import NotFoundError
from config.overrides import OverrideStore
from config.prices import list_prices
from proxy.choosing import terms_of
from proxy.cli.printing import CommandError, note
from proxy.learning import prior_of
from proxy.weights import WEIGHTS_AREA, Weights
from router.choosing.values import Offer
from router.learning.experience import LearnedExperience
from router.learning.versions import VersionStore
from router.liveness import Prober
from router.offpolicy.candidates import ANY, FittedPolicy, FixedTable, read_table
from router.offpolicy.learned import LearnedPolicy
from router.offpolicy.reading import read_prompts
from router.policy.model import load_policy

if TYPE_CHECKING:
    from config.database import Database
    from config.settings import Settings
    from router.offpolicy.candidates import Candidate, Wanted
    from router.offpolicy.logged import Log
    from router.offpolicy.reading import Books
    from router.policy.model import Policy
    from router.snapshot import Catalog

WEIGHTS = "weights"


@dataclass(frozen=True, slots=True)
class Version:
    """A learned version, with the time it was made."""

    policy: LearnedPolicy
    made: datetime

    @property
    def name(self) -> str:
        """Its id."""
        return self.policy.name

    def wanted(self, log: Log) -> Wanted:
        """Return the probabilities it would have drawn with."""
        return self.policy.wanted(log)


def of_a_file(name: str) -> FixedTable | Policy | None:
    """Return what a file or folder of this name holds, `None` where it names neither. Raises as reading it does."""
    path = Path(name)
    if name == WEIGHTS or not path.exists():
        return None
    return load_policy(path) if path.is_dir() else read_table(path)


async def candidate_of(
    name: str,
    held: FixedTable | Policy | None,
    database: Database,
    *,
    settings: Settings,
    books: Books,
    cost_weight: float,
) -> Candidate:
    """Return the candidate of a name; `held` is what a file of that name holds. Raises `CommandError` for no name."""
    if isinstance(held, FixedTable):
        return held
    if held is not None:
        return FittedPolicy(Path(name).name or name, held, await read_prompts(database, books.log.ids), cost_weight)
    if name == WEIGHTS:
        return _weights(await _catalog(settings, database), books)
    return await _version(name, database, settings, books)


def _weights(catalog: Catalog, books: Books) -> FixedTable:
    """Return the configured weights of the models that are live here, or were when it was decided."""
    names = {model.name for model in catalog.live_models()} | set(books.log.models)
    weights = {name: sum(each.weight for each in model.deployments) for name, model in catalog.models.items()}
    shares = {name: weights[name] for name in catalog.models if name in names and weights[name] > 0}
    if not shares:
        raise CommandError(
            "no model of these decisions has a weight above 0 in the settings; is it the right --config?"
        )
    return FixedTable(WEIGHTS, {ANY: shares})


async def _version(name: str, database: Database, settings: Settings, books: Books) -> Version:
    store = VersionStore(database)
    try:
        found = await store.find(name)
    except NotFoundError as error:
        known = [each.id for each in (await store.all())[:5]]
        told = f"; the versions are {', '.join(known)}" if known else "; no version was learned yet"
        raise CommandError(
            f"there is no candidate {name!r}: neither a file nor a folder, nor '{WEIGHTS}', nor a version of "
            f"`thalamus policy list`{told}."
        ) from error
    learner = (await store.load(found.id)).learner
    prior, problem = prior_of(settings.learning)
    if problem is not None:
        note(f"The starting values of the settings cannot be used: {problem}")
    reads_words = settings.learning.policy_dir is not None
    prompts = await read_prompts(database, books.log.ids) if reads_words else {}
    experience = LearnedExperience(
        prior,
        learner.version(),
        learner.heads(),
        learner.profiles.cells,
        learner.preferences,
        settled=learner.settled,
    )
    policy = LearnedPolicy(
        found.id,
        experience,
        _offers(await _catalog(settings, database)),
        terms_of(settings.routing, settings.routing.dial),
        books.dials,
        {name: each.text for name, each in prompts.items()},
    )
    return Version(policy, found.created)


async def _catalog(settings: Settings, database: Database) -> Catalog:
    weights = Weights(OverrideStore(database, WEIGHTS_AREA))
    await weights.load()
    return weights.applied_to(Prober(settings).catalog())


def _offers(catalog: Catalog) -> tuple[Offer, ...]:
    """Return what the catalogue says of every model, live here or not: the log knows who was eligible."""
    found: list[Offer] = []
    for model in catalog.models.values():
        first = min(model.deployments, key=lambda each: (each.priority, -each.weight), default=None)
        target = first.target if first is not None else None
        price = list_prices(target.provider, target.upstream_model, first.pricing) if first and target else None
        found.append(
            Offer(
                model.name,
                model.description,
                model.domains,
                price.input if price is not None else None,
                price.output if price is not None else None,
                weight=sum(each.weight for each in model.deployments),
            )
        )
    return tuple(found)
