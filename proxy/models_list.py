"""The models as clients see them: OpenAI's list entries, with status, weight and price as extra fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.prices import list_prices
from router.choosing.dial import dial_of_name
from router.snapshot import AUTO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.key_identity import KeyIdentity
    from config.types import Json
    from proxy.house import House
    from router.snapshot import Catalog, Deployment, Model

CREATED = 1_760_000_000
"""OpenAI's entries must carry a time; ours have none of their own, so all carry the same."""


AUTO_MEANS: Final[Mapping[str, str]] = {
    AUTO: "lets Thalamus choose a model for each request, between cost and quality as the settings say",
    f"{AUTO}:cheap": "lets Thalamus choose, as cheap as will do",
    f"{AUTO}:best": "lets Thalamus choose, as good as can be, whatever it costs",
}
"""The names that leave the choice to us, as they are listed. `auto:balanced` and `auto:0.3` are understood as well."""


def model_entries(house: House, caller: KeyIdentity | None = None) -> list[Json]:
    """Return `auto` and its kind, every model of the catalogue that the caller's key may use, and aliases of these."""
    names, catalog = None if caller is None else caller.models, _known_to(house, caller)
    autos = [_choosing(catalog, name) for name in AUTO_MEANS if name not in catalog.models]
    named = [_described(model) for model in catalog.models.values()]
    aliases: list[Json] = [
        _entry(alias, "thalamus") | {"alias_of": target}
        for alias, target in house.settings.aliases.items()
        if names is None or house.catalog.canonical(alias) in {AUTO, *catalog.models}
    ]
    return [*autos, *named, *aliases]


def model_entry(house: House, name: str, caller: KeyIdentity | None = None) -> Json | None:
    """Return one entry by its name, or by any other name that a request may use for it."""
    entries = {str(entry["id"]): entry for entry in model_entries(house, caller)}
    if name not in entries and dial_of_name(name) is not None and house.catalog.canonical(name) == AUTO:
        return _choosing(_known_to(house, caller), name)
    return entries.get(name) or entries.get(house.catalog.canonical(name))


def _known_to(house: House, caller: KeyIdentity | None) -> Catalog:
    names = None if caller is None else caller.models
    return house.catalog if names is None else house.catalog.only(names)


def _choosing(catalog: Catalog, name: str) -> Json:
    """Return the entry of a name that leaves the choice to us; `dial` is from 0, cheap, to 1, best."""
    dial = dial_of_name(name)
    return (
        _entry(name, "thalamus")
        | {
            "status": "live" if catalog.live_models() else "down",
            "description": AUTO_MEANS.get(
                name, f"lets Thalamus choose, at the dial {dial} between cost, 0, and quality, 1"
            ),
        }
        | ({} if dial is None else {"dial": dial})
    )


def _described(model: Model) -> Json:
    return _entry(model.name, model.deployments[0].target.provider if model.deployments else "thalamus") | {
        "status": "live" if model.live else "down",
        "description": model.description,
        "weight": sum(each.weight for each in model.deployments),
        "capabilities": list(model.capabilities),
        "deployments": [
            {
                "id": each.id,
                "provider": each.target.provider,
                "upstream_model": each.target.upstream_model,
                "weight": each.weight,
                "priority": each.priority,
                "status": "live" if each.live else "down",
                "context_window": each.target.context_window,
                "price": _price(each),
            }
            for each in model.deployments
        ],
    }


def _price(deployment: Deployment) -> Json | None:
    """Return USD per million tokens for a short prompt, or `None` where the price is unknown."""
    target = deployment.target
    prices = list_prices(target.provider, target.upstream_model, deployment.pricing)
    if prices is None:
        return None
    return {
        "input_usd_per_mtok": prices.input,
        "output_usd_per_mtok": prices.output,
        "cached_usd_per_mtok": prices.cached,
    }


def _entry(name: str, owner: str) -> Json:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": owner}
