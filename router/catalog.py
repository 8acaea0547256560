"""Makes the catalogue: settings, keys and what the last probes found become models with their deployments."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from config.environment import split_keys
from config.prices import FREE, Pricing
from router.discovery import Listed, Probe, ProbeTarget, same_model
from router.providers.base import Target
from router.snapshot import NO_MODELS, Catalog, Deployment, Model, Origin, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from config.model_settings import DeploymentSettings, ModelSettings, ProviderSettings, Timeouts
    from config.settings import Settings

__all__ = ["Catalog", "Deployment", "Model", "Origin", "State", "build_catalog", "probe_targets"]

DISCOVERED_FIRST_CONTENT_S = 180.0
"""A local model that is not loaded yet is read from disk first."""


def build_catalog(
    settings: Settings, env: Mapping[str, str] | None = None, *, probes: Mapping[str, Probe] | None = None
) -> Catalog:
    """Return a snapshot. Pure: the same settings, variables and probes give the same catalogue.

    Keys come from `settings.secrets`, else from `env` (for settings made by hand). `probes` are by base URL.
    """
    stock = _Stock(settings, env or {}, probes or {})
    configured = [stock.model(each) for each in settings.models]
    models = {each.name: each for each in configured}
    for found in stock.discovered(configured):
        if found.name not in NO_MODELS and found.name not in settings.aliases:  # a server cannot take a name away
            models.setdefault(found.name, found)
    ordered = sorted(models.values(), key=lambda each: _rank(each, settings.routing.chain))
    catalog = Catalog(
        {each.name: each for each in ordered}, dict(settings.aliases), unknown_model=settings.routing.unknown_model
    )
    return replace(catalog, models={each.name: _with_known_fallbacks(each, catalog) for each in ordered})


def probe_targets(settings: Settings, env: Mapping[str, str] | None = None) -> tuple[ProbeTarget, ...]:
    """Return the servers whose model lists decide what is live: those without need of a key, and those to discover."""
    stock = _Stock(settings, env or {}, {})
    found: dict[str, ProbeTarget] = {}
    for row in settings.providers:
        keys = stock.keys(row, None)
        if stock.to_discover(row) and row.base_url is not None and (keys or not row.needs_key):
            found.setdefault(_trimmed(row.base_url), _probe_target(row, row.base_url, keys))
    for model in settings.models:
        for each in model.deployments:
            row = stock.rows[each.provider]
            url = each.base_url or row.base_url
            if row.needs_key or row.dialect == "extractive" or not row.models_path or url is None:
                continue
            found.setdefault(_trimmed(url), _probe_target(row, url, stock.keys(row, each.api_key_env)))
    return tuple(found.values())


class _Stock:
    """What models are made of; holds nothing that changes."""

    def __init__(self, settings: Settings, env: Mapping[str, str], probes: Mapping[str, Probe]) -> None:
        self.settings = settings
        self.rows = {row.name: row for row in settings.providers}
        self._env = env
        self._probes = probes

    def model(self, settings: ModelSettings) -> Model:
        made = [each for deployment in settings.deployments for each in self._deployments(settings.name, deployment)]
        return Model(
            name=settings.name,
            deployments=_numbered(made),
            description=settings.description,
            domains=settings.domains,
            fallbacks=settings.fallbacks,
            capabilities=frozenset(settings.capabilities),
            auto=settings.auto,
            passages=settings.passages,
            origin=_origin(self.rows[each.provider] for each in settings.deployments),
        )

    def discovered(self, configured: list[Model]) -> Iterable[Model]:
        """Yield the models servers list; one that a configured model already stands for is left to who names it."""
        taken = {
            (each.target.base_url, each.target.upstream_model) for model in configured for each in model.deployments
        }
        for row in self.settings.providers:
            if not self.to_discover(row) or row.base_url is None:
                continue
            url = _trimmed(row.base_url)
            probe = self._probes.get(url)
            for listed in probe.models if probe is not None else ():
                known = any(url == base and _means(row, wanted, listed) for base, wanted in taken)
                yield self._listed_model(row, listed, auto=not known)

    def to_discover(self, row: ProviderSettings) -> bool:
        return row.discover or (row.dialect == "ollama" and row.name == "ollama" and self.settings.health.find_ollama)

    def keys(self, row: ProviderSettings, variable: str | None) -> tuple[str, ...]:
        """Return the keys for a provider, or for a deployment that names its own variable."""
        for name in (variable,) if variable else row.api_key_env:
            secret = self.settings.secrets.get(name)
            found = split_keys(secret.reveal() if secret else self._env.get(name, ""))
            if found:
                return found
        return ()

    def _listed_model(self, row: ProviderSettings, listed: Listed, *, auto: bool) -> Model:
        target = Target(
            deployment=f"{listed.name}/{row.name}",
            provider=row.name,
            base_url=_trimmed(row.base_url or ""),
            upstream_model=listed.name,
            api_key=next(iter(self.keys(row, None)), None),
            headers=row.headers,
            query=row.query,
            quirks=_quirks(row, ()),
            context_window=listed.context_window,
        )
        first_content_s = max(self.settings.timeouts.first_content_s, DISCOVERED_FIRST_CONTENT_S)
        probe = self._probes[target.base_url]
        deployment = Deployment(
            id=target.deployment,
            target=target,
            dialect=row.dialect,
            timeouts=replace(self.settings.timeouts, first_content_s=first_content_s),
            weight=1.0,
            priority=0,
            state="live" if probe.answered else "away",
            pricing=_pricing(row, None),
        )
        where = "this machine or network" if row.local else row.name
        return Model(
            name=listed.name,
            deployments=(deployment,),
            description=f"discovered on {row.name}: {where}",
            capabilities=listed.capabilities,
            auto=auto,
            origin="discovered",
        )

    def _deployments(self, model: str, settings: DeploymentSettings) -> list[Deployment]:
        """Return one deployment for each key; those of one variable share its weight."""
        row = self.rows[settings.provider]
        keys = self.keys(row, settings.api_key_env)
        url = settings.base_url or row.base_url
        state = self._state(row, settings, url, has_key=bool(keys))
        return [
            Deployment(
                id=f"{model}/{row.name}",
                target=_target(model, row, settings, key),
                dialect=row.dialect,
                timeouts=_timeouts(self.settings.timeouts, settings),
                weight=settings.weight / max(1, len(keys)),
                priority=settings.priority,
                state=state,
                pricing=_pricing(row, settings),
            )
            for key in keys or (None,)
        ]

    def _state(self, row: ProviderSettings, settings: DeploymentSettings, url: str | None, *, has_key: bool) -> State:
        if url is None:
            return "no_address"
        if not has_key and (row.needs_key or settings.api_key_env):
            return "no_key"
        if row.needs_key or row.dialect == "extractive":
            return "live"
        return _probed(self._probes.get(_trimmed(url)), row, settings.upstream_model)


def _probed(probe: Probe | None, row: ProviderSettings, upstream_model: str) -> State:
    if probe is None:
        return "unprobed"
    if not probe.answered:
        return "away"
    # an OpenAI look-alike may serve names that it does not list; Ollama lists all it has
    listed = any(same_model(upstream_model, each.name) for each in probe.models)
    return "live" if listed or row.dialect != "ollama" else "missing"


def _target(model: str, row: ProviderSettings, settings: DeploymentSettings, key: str | None) -> Target:
    return Target(
        deployment=f"{model}/{row.name}",
        provider=row.name,
        base_url=_trimmed(settings.base_url or row.base_url or ""),
        upstream_model=settings.upstream_model,
        api_key=key,
        headers={**row.headers, **settings.headers},
        query={**row.query, **settings.query},
        quirks=_quirks(row, settings.quirks),
        max_output_tokens=settings.max_output_tokens,
        context_window=settings.context_window,
        options=settings.options,
    )


def _quirks(row: ProviderSettings, more: tuple[str, ...]) -> frozenset[str]:
    return frozenset({*row.quirks, *more, *(("api_key_header",) if row.auth == "api-key" else ())})


def _timeouts(common: Timeouts, settings: DeploymentSettings) -> Timeouts:
    own = {each.name: getattr(settings.timeouts, each.name) for each in fields(settings.timeouts)}
    return replace(common, **{name: value for name, value in own.items() if value is not None})


def _pricing(row: ProviderSettings, settings: DeploymentSettings | None) -> Pricing:
    price = settings.price if settings else None
    if price is not None and price.input_usd_per_mtok is not None:
        return Pricing(price.input_usd_per_mtok, price.output_usd_per_mtok, price.cached_usd_per_mtok)
    return FREE if row.local else Pricing(list_name=row.prices)


def _numbered(deployments: list[Deployment]) -> tuple[Deployment, ...]:
    """Tell deployments of one provider apart: `model/provider#1`, `model/provider#2`."""
    totals = Counter(each.id for each in deployments)
    so_far: Counter[str] = Counter()
    named: list[Deployment] = []
    for each in deployments:
        so_far[each.id] += 1
        name = each.id if totals[each.id] == 1 else f"{each.id}#{so_far[each.id]}"
        named.append(replace(each, id=name, target=replace(each.target, deployment=name)))
    return tuple(named)


def _origin(rows: Iterable[ProviderSettings]) -> Origin:
    return "last_resort" if all(row.dialect == "extractive" for row in rows) else "configured"


def _with_known_fallbacks(model: Model, catalog: Catalog) -> Model:
    """Follow aliases of fallbacks, and leave out those that no server lists now."""
    names = dict.fromkeys(catalog.canonical(name) for name in model.fallbacks)
    return replace(model, fallbacks=tuple(name for name in names if name in catalog.models and name != model.name))


def _rank(model: Model, chain: tuple[str, ...]) -> tuple[int, int]:
    """Return the place in the failover order; sorting keeps the settings' order among equals."""
    group = {"configured": 0, "discovered": 1, "last_resort": 2}[model.origin]
    return (chain.index(model.name), 0) if model.name in chain else (len(chain), group)


def _means(row: ProviderSettings, wanted: str, listed: Listed) -> bool:
    return same_model(wanted, listed.name) if row.dialect == "ollama" else wanted == listed.name


def _trimmed(url: str) -> str:
    return url.rstrip("/")


def _probe_target(row: ProviderSettings, url: str, keys: tuple[str, ...]) -> ProbeTarget:
    headers = dict(row.headers)
    if row.dialect == "anthropic":
        headers.setdefault("anthropic-version", "2023-06-01")
    if keys:
        name, prefix = ("authorization", "Bearer ") if row.auth == "bearer" else (row.auth, "")
        headers[name] = f"{prefix}{keys[0]}"
    return ProbeTarget(_trimmed(url), f"{_trimmed(url)}{row.models_path}", row.dialect, headers)
