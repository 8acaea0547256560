"""What the tests of learning share: the part of a house that it needs, and clocks that are advanced by hand."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace

from config.settings import (
    DeploymentSettings,
    LearningSettings,
    ModelSettings,
    ProviderSettings,
    Settings,
)
from router.catalog import build_catalog
from router.choosing.values import Experience, Offer
from router.snapshot import Catalog
from tests.router.learning.doubles import CODE, NOW, OFFERS


def settings_of(**learning):
    models = tuple(
        ModelSettings(name, (DeploymentSettings("extractive", "extractive", weight=weight),))
        for name, weight in (("good", 1.0), ("bad", 3.0))
    )
    providers = (ProviderSettings("extractive", "extractive", needs_key=False),)
    return Settings(models=models, providers=providers, learning=LearningSettings(**learning))


@dataclass
class Place:
    """What learning needs of a house."""

    settings: Settings
    catalog: Catalog
    experience: Experience
    believing: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(beliefs=None))

    def quality(self, model="bad"):
        found = self.experience.expect(CODE, OFFERS)
        return next(each.quality for each in found if each.model == model)


class Clock:
    """Both clocks, advanced by hand."""

    def __init__(self):
        self.seconds, self.n_read = 5.0, 0

    def __call__(self):
        self.n_read += 1
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds


async def rated(books, clock, n=1, score=0.0, model="bad"):
    """Have `n` answers rated now."""
    for _ in range(n):
        books.say(books.decide(model), score, seconds=clock.seconds)
    await books.written()


def with_another(place):
    """Bring a model into the catalogue."""
    more = ModelSettings("third", (DeploymentSettings("extractive", "extractive"),))
    place.settings = replace(place.settings, models=(*place.settings.models, more))
    place.catalog = build_catalog(place.settings)


def new_in(place):
    offers = tuple(Offer(each) for each in ("good", "bad", "third") if each in place.catalog.models)
    found = place.experience.expect(CODE, offers)
    return {each.model: each.newcomer for each in found if each.newcomer is not None}
