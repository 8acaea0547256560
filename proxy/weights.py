"""The weights that were set while the gateway runs: in force from memory, kept in the database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from router.weights import is_weight, names_of, refuse_nothing_left, reweighed, shares_of, wanted_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config.overrides import Override, OverrideStore
    from config.types import Json
    from router.snapshot import Catalog

WEIGHTS_AREA: Final = "balancing.weights"
"""Where overrides of weights stand in the database."""


class Weights:
    """The overrides in force: a copy in memory of what the database holds. Changed by one request at a time."""

    def __init__(self, store: OverrideStore) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self.overrides: Mapping[str, Override] = {}

    def applied_to(self, catalog: Catalog) -> Catalog:
        """Return the catalogue with the overrides in force."""
        return reweighed(catalog, _in_force(self.overrides))

    async def load(self) -> None:
        """Take what the database holds. Raises `StorageError`; then what was in force stays."""
        async with self._lock:
            self.overrides = await self._store.load()

    async def change(self, fields: Json, plain: Callable[[], Catalog], *, changed_by: str) -> dict[str, float | None]:
        """Check a body, write it to the database, and only then take it; return what was asked for.

        `plain` returns the catalogue as it is without overrides.

        Raises `InvalidRequestError` with the field at fault, and `StorageError`; then nothing was changed.
        """
        async with self._lock:
            wanted = wanted_weights(fields, plain(), present=self.overrides)
            refuse_nothing_left(reweighed(plain(), _in_force(self.overrides, but=wanted)))
            self.overrides = await self._store.change(wanted, changed_by=changed_by)
            return wanted


def described(weights: Weights, *, plain: Catalog, now: Catalog) -> Json:
    """Return the weights as clients see them, in the order of failover, a model before its deployments.

    `plain` is the catalogue without overrides, `now` the one in force. `weights` has one entry a name; `ignored` has
    the overrides of names that nobody has now, which are kept.
    """
    overrides = weights.overrides
    entries: list[Json] = []
    shares = shares_of(now)
    for model in now.models.values():
        file = {each.id: each.weight for each in plain.models[model.name].deployments}
        entries.append(
            {
                "name": model.name,
                "kind": "model",
                "live": model.live,
                "file": sum(file.values()),
                "effective": sum(each.weight for each in model.deployments),
                "share": shares[model.name],
                **_told(overrides.get(model.name)),
            }
        )
        entries += [
            {
                "name": each.id,
                "kind": "deployment",
                "model": model.name,
                "priority": each.priority,
                "live": each.live,
                "file": file[each.id],
                "effective": each.weight,
                "share": shares[each.id],
                **_told(overrides.get(each.id) if each.id not in now.models else None),
            }
            for each in model.deployments
        ]
    known = names_of(now)
    ignored: list[Json] = [
        {"name": name, **_told(override)}
        for name, override in overrides.items()
        if name not in known or not is_weight(override.value)
    ]
    return {"weights": entries, "ignored": ignored}


def _told(override: Override | None) -> Json:
    return {
        "override": override.value if override is not None else None,
        "changed_by": override.changed_by if override is not None else None,
        "changed_at": override.ts.isoformat() if override is not None else None,
    }


def _in_force(overrides: Mapping[str, Override], *, but: Mapping[str, float | None] | None = None) -> dict[str, float]:
    """Return the weights by name, with these changes; what somebody else wrote and is no weight is passed over."""
    values: dict[str, object] = {**{name: each.value for name, each in overrides.items()}, **(but or {})}
    return {name: float(value) for name, value in values.items() if is_weight(value)}
