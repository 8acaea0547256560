"""`thalamus check` and `thalamus models`: what would run, without running it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, cast

import typer

from config.checks import is_loopback
from config.intents import load_intents
from config.prices import list_prices
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.places import belief_troubles, database_troubles, door_troubles, tls_troubles
from proxy.cli.printing import CommandError, print_json, print_table, say
from proxy.cli.stored_weights import with_stored_weights
from router.liveness import Prober

if TYPE_CHECKING:
    from config.settings import Settings
    from config.types import Json
    from router.snapshot import Catalog, Deployment, Model


def check(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Validate the settings, look at database, TLS files and keys, and show what would run; nothing is started."""
    settings = read_settings(config)
    load_intents(settings.classifier.intents_file)
    books = database_troubles(settings.database_url)
    troubles = [
        *books,
        *tls_troubles(settings.server),
        *([] if books else door_troubles(settings)),
        *belief_troubles(settings.learning),
    ]
    if troubles:
        raise CommandError(f"the settings can be read, but {'; '.join(troubles)}.")
    catalog = with_stored_weights(Prober(settings).catalog(), settings.database_url)
    if as_json:
        print_json({"valid": True, **summary(settings), "models": described(catalog)})
        return
    say("The settings are valid.")
    for name, value in summary(settings).items():
        say(f"  {name:<10} {value}")
    _print_models(catalog)


def models(
    *,
    config: ConfigFile = None,
    probe: Annotated[bool, typer.Option(help="Ask local servers whether they are there.")] = True,
    as_json: AsJson = False,
) -> None:
    """List the models: which are live and why not, their weights, and their prices."""
    settings = read_settings(config)
    plain = asyncio.run(probed(settings)) if probe else Prober(settings).catalog()
    catalog = with_stored_weights(plain, settings.database_url)
    if as_json:
        print_json({"models": described(catalog)})
    else:
        _print_models(catalog)


def summary(settings: Settings) -> Json:
    """Return what an operator wants to know before a start; no secret stands in it."""
    server = settings.server
    return {
        "file": str(settings.config_file) if settings.config_file else "none: the defaults",
        "address": f"{server.host}:{server.port}",
        "key": "needed" if server.require_key == "always" or not is_loopback(server.host) else server.require_key,
        "state": str(settings.state_dir),
        "database": "as storage.url says" if settings.storage.url else str(settings.state_dir / "thalamus.sqlite"),
        "documents": str(settings.retrieval.library or "the shipped guide") if settings.retrieval.enabled else "off",
    }


def described(catalog: Catalog) -> list[Json]:
    """Return every model with its deployments, in the order of failover."""
    return [
        {
            "name": model.name,
            "live": model.live,
            "weight": sum(each.weight for each in model.deployments),  # as the table: live or not
            "auto": model.auto,
            "description": model.description,
            "deployments": [_deployment(each) for each in model.deployments],
        }
        for model in catalog.models.values()
    ]


def _deployment(deployment: Deployment) -> Json:
    target = deployment.target
    price = list_prices(target.provider, target.upstream_model, deployment.pricing)
    return {
        "id": deployment.id,
        "provider": target.provider,
        "upstream_model": target.upstream_model,
        "state": deployment.state,
        "weight": deployment.weight,
        "priority": deployment.priority,
        "input_usd_per_mtok": price.input if price else None,
        "output_usd_per_mtok": price.output if price else None,
    }


def _print_models(catalog: Catalog) -> None:
    columns = ("model", "live", "weight", "where", "upstream model", "USD per million tokens: in", "out")
    print_table(columns, [row for model in catalog.models.values() for row in _rows(model)])


def _rows(model: Model) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for each in model.deployments:
        told = _deployment(each)
        rows.append(
            (
                model.name if not rows else "",
                "yes" if each.live else each.state.replace("_", " "),
                f"{each.weight:g}",
                each.target.provider,
                each.target.upstream_model,
                _price(cast("float | None", told["input_usd_per_mtok"])),
                _price(cast("float | None", told["output_usd_per_mtok"])),
            )
        )
    return rows


def _price(usd: float | None) -> str:
    return "unknown" if usd is None else f"{usd:g}"


async def probed(settings: Settings) -> Catalog:
    """Return the catalogue as the servers stand now."""
    prober = Prober(settings)
    try:
        await prober.probe_once()
        return prober.catalog()
    finally:
        await prober.aclose()
