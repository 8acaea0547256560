"""Weights set while the gateway runs: which may be, and what they make of a catalogue. Pure; keeping them is elsewhere.

A deployment's weight is its share inside its model; a model's weight is what `auto` draws it with, and its deployments
divide it among themselves in proportion to their own weights.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeGuard

from config.errors import InvalidRequestError
from router.balancing.base import shares
from router.providers.json_values import as_object

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from config.types import Json
    from router.snapshot import Catalog, Model

MAX_WEIGHT: Final = 1e6
FIELD: Final = "weights"


def reweighed(catalog: Catalog, weights: Mapping[str, float]) -> Catalog:
    """Return the catalogue with these weights, by model name or deployment id, in place of its own.

    Names that nobody has are passed over. Where a model has the name of a deployment, the model is meant.
    """
    if not weights:
        return catalog
    return replace(
        catalog, models={name: _reweighed(model, catalog, weights) for name, model in catalog.models.items()}
    )


def wanted_weights(fields: Json, catalog: Catalog, *, present: Container[str]) -> dict[str, float | None]:
    """Return what a body asks for: new weights by name, `None` where one is to be as in the settings file again.

    The body is `{"weights": {name: number or null}}`. A name is a model's or a deployment's of the catalogue, or one of
    `present`, which may only be cleared. Raises `InvalidRequestError` with the field at fault.
    """
    unknown = next((name for name in fields if name != FIELD), None)
    if unknown is not None:
        raise InvalidRequestError(f"There is no field {unknown!r} here; send {{'weights': {{...}}}}.", param=unknown)
    given = as_object(fields.get(FIELD))
    if not given:
        raise InvalidRequestError(
            "'weights' must be an object with at least one model name or deployment id and its weight.", param=FIELD
        )
    known = names_of(catalog)
    return {name: _weight(name, value, known=known, present=present) for name, value in given.items()}


def refuse_nothing_left(catalog: Catalog) -> None:
    """Raise `InvalidRequestError` where these weights leave nobody to answer, although somebody could."""
    usable = [each for model in catalog.models.values() for each in model.deployments if each.usable]
    if usable and not any(each.weight > 0 for each in usable):
        raise InvalidRequestError(
            "With these weights every deployment is drained, so that no request could be answered.",
            param=FIELD,
            code="nothing_left",
        )


def is_weight(value: object) -> TypeGuard[float]:
    """Return whether this JSON value is a weight that may be set: finite, at least 0, at most `MAX_WEIGHT`."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_WEIGHT


def names_of(catalog: Catalog) -> frozenset[str]:
    """Return every name that can be given a weight."""
    return catalog.deployment_ids() | catalog.models.keys()


def shares_of(catalog: Catalog) -> dict[str, float]:
    """Return the share that each name has now, by its weight, of what is healthy or not.

    A model's is the probability that `auto` draws it where no rule or default speaks; a deployment's is its part of
    its model's requests among the live ones of its priority group.
    """
    found = dict.fromkeys(names_of(catalog), 0.0)
    for model in catalog.models.values():
        for priority in {each.priority for each in model.deployments}:
            group = [each for each in model.deployments if each.priority == priority and each.live]
            found.update(zip((each.id for each in group), shares([each.weight for each in group]), strict=True))
    found.update(dict.fromkeys(catalog.models, 0.0))
    live = catalog.live_models()
    found.update(zip((each.name for each in live), shares(catalog.auto_weights()), strict=True))
    return found


def _reweighed(model: Model, catalog: Catalog, weights: Mapping[str, float]) -> Model:
    own = {
        each.id: weights[each.id] for each in model.deployments if each.id in weights and each.id not in catalog.models
    }
    total = weights.get(model.name)
    if total is None and not own:
        return model
    parts = [own.get(each.id, each.weight) for each in model.deployments]
    if total is not None:
        if not any(parts):  # all are drained in the file: who was not drained by name comes back
            parts = [float(each.id not in own) for each in model.deployments]
        parts = [total * share for share in shares(parts)]
    return replace(
        model,
        deployments=tuple(replace(each, weight=weight) for each, weight in zip(model.deployments, parts, strict=True)),
    )


def _weight(name: str, value: object, *, known: Container[str], present: Container[str]) -> float | None:
    where = f"{FIELD}.{name}"
    if name not in known and (value is not None or name not in present):
        raise InvalidRequestError(
            f"There is no model and no deployment {name!r} here; GET this address for all names.",
            param=where,
            code="unknown_name",
        )
    if value is None:
        return None
    if not is_weight(value):
        raise InvalidRequestError(
            f"The weight of {name!r} must be a number from 0 (drained) to {MAX_WEIGHT:,.0f}, "
            "or null to go back to the settings file.",
            param=where,
        )
    return float(value)
