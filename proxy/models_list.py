"""The models as clients see them: OpenAI's list entries, with status, weight and price as extra fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.prices import list_prices
from router.snapshot import AUTO

if TYPE_CHECKING:
    from config.key_identity import KeyIdentity
    from config.types import Json
    from proxy.house import House
    from router.snapshot import Deployment, Model

CREATED = 1_760_000_000
"""OpenAI's entries must carry a time; ours have none of their own, so all carry the same."""


def model_entries(house: House, caller: KeyIdentity | None = None) -> list[Json]:
    """Return `auto`, every model of the catalogue that the caller's key may use, and every alias of one."""
    names = None if caller is None else caller.models
    catalog = house.catalog if names is None else house.catalog.only(names)
    auto: Json = _entry("auto", "thalamus") | {
        "status": "live" if catalog.live_models() else "down",
        "description": "lets Thalamus choose",
    }
    named = [_described(model) for model in catalog.models.values()]
    aliases: list[Json] = [
        _entry(alias, "thalamus") | {"alias_of": target}
        for alias, target in house.settings.aliases.items()
        if names is None or house.catalog.canonical(alias) in {AUTO, *catalog.models}
    ]
    return [auto, *named, *aliases]


def model_entry(house: House, name: str, caller: KeyIdentity | None = None) -> Json | None:
    """Return one entry by its name, or by any other name that a request may use for it."""
    entries = {str(entry["id"]): entry for entry in model_entries(house, caller)}
    return entries.get(name) or entries.get(house.catalog.canonical(name))


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
