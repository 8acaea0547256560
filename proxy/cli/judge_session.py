"""What the verbs of `thalamus judge` share: the judge that the settings name, opened without a server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.prices import list_prices
from proxy.cli.asking import live_in, words_of
from proxy.cli.checking import probed
from proxy.cli.printing import CommandError
from proxy.house import ollama_url
from proxy.judging import FOLDER, Judging, judge_key, judge_ollama
from router.choosing.offering import offers_of
from router.judge.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from config.prices import TokenPrices
    from config.settings import Settings
    from router.choosing.values import Offer
    from router.judge.templates import Template
    from router.snapshot import Catalog, Deployment


@dataclass(frozen=True, slots=True)
class Session:
    """The judge, and the models that it may choose among."""

    judging: Judging
    catalog: Catalog
    ollama: str | None
    """Where its Ollama is; `None` where none is to be asked."""

    def offers(self, names: Sequence[str] = ()) -> tuple[Offer, ...]:
        """Return the named models, else the live ones. Raises `CommandError` for a name that nobody has."""
        live = self.catalog.live_models()
        models = live
        if names:
            wanted = [self.catalog.canonical(name) for name in names]
            unknown = [name for name, each in zip(names, wanted, strict=True) if each not in self.catalog.models]
            if unknown:
                raise CommandError(f"there is no model {unknown[0]!r}. See: thalamus models")
            models = [self.catalog.models[each] for each in dict.fromkeys(wanted)]
        weights = dict(zip((each.name for each in live), self.catalog.auto_weights(), strict=True))
        known = {each.name: weights.get(each.name, 0.0) for each in models}
        return offers_of(models, weights=known, price=_price, usual_ms=lambda _: None)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Session]:
    """Yield the judge of these settings over the servers as they stand now."""
    catalog = await probed(settings)
    ollama = judge_ollama(settings, ollama_url)
    async with words_of(live_in(catalog)) as (words, transport):
        judging = Judging(
            settings.judge,
            transport=transport,
            words=words,
            ollama=ollama,
            home=home_of(settings),
            key=judge_key(settings),
        )
        try:
            yield Session(judging, catalog, ollama)
        finally:
            await judging.aclose()


def shelf_of(settings: Settings) -> Shelf:
    """Return the templates of these settings."""
    return Shelf(home_of(settings))


def template_of(settings: Settings, name: str | None) -> Template:
    """Return the named template, else the one in charge. Raises `SettingsError` for a name that nobody has."""
    shelf = shelf_of(settings)
    return shelf.in_charge(settings.judge.template).template if name is None else shelf.named(name)


def home_of(settings: Settings) -> Path:
    """Return the folder of the judge's templates."""
    return settings.state_dir / FOLDER


def _price(deployment: Deployment) -> TokenPrices | None:
    return list_prices(deployment.target.provider, deployment.target.upstream_model, deployment.pricing)
