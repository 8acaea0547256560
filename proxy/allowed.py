"""What a key may use: its allow-list held against the catalogue, so that nothing behind it sees another model.

Names of the list are looked up with each request: an alias in it follows the alias, and a model that is discovered
later is allowed as soon as it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.errors import PermissionDeniedError, UnavailableError
from router.snapshot import AUTO

if TYPE_CHECKING:
    from proxy.exchange import Exchange
    from proxy.house import House
    from router.snapshot import Catalog

MAX_SHOWN: Final = 20
"""Names that a refusal tells; the list of models has them all."""
MAX_NAME_CHARS: Final = 200


def catalog_of(house: House, exchange: Exchange) -> Catalog:
    """Return the catalogue as the request's key may use it."""
    return house.catalog if exchange.key_models is None else house.catalog.only(exchange.key_models)


def barred(house: House, exchange: Exchange) -> tuple[str, ...]:
    """Return the live models that `auto` would consider for another key."""
    if exchange.key_models is None:
        return ()
    allowed = catalog_of(house, exchange).models
    return tuple(each.name for each in house.catalog.live_models() if each.name not in allowed)


def check_model(house: House, exchange: Exchange) -> None:
    """Raise `PermissionDeniedError` where the request names a model that its key may not use.

    Raises `UnavailableError` where it leaves the model open and none that the key may use is live.
    """
    if exchange.key_models is None:
        return
    name = exchange.known().model
    if house.catalog.canonical(name) != AUTO:
        refuse_outside(house, exchange, name)
        return
    catalog = catalog_of(house, exchange)
    if not (catalog.embedding_models() if exchange.door.embeds else catalog.live_models()):
        raise UnavailableError(
            f"None of the models that this key may use is live ({_told(exchange.key_models)}).", code="no_live_model"
        )


def refuse_outside(house: House, exchange: Exchange, name: str, *, param: str = "model") -> None:
    """Raise `PermissionDeniedError` where the request's key may not use this model, whether or not it exists."""
    if exchange.key_models is None or house.catalog.canonical(name) in catalog_of(house, exchange).models:
        return
    raise PermissionDeniedError(
        f"This key may not use the model '{name[:MAX_NAME_CHARS]}'; it may use {_told(exchange.key_models)}, and "
        f"'{AUTO}' among them.",
        param=param,
        code="model_not_allowed",
    )


def why_not_followed(house: House, exchange: Exchange) -> str:
    """Return why the model of the request's rule was not taken."""
    named = "" if exchange.rule is None else house.catalog.canonical(exchange.rule.model)
    is_ours = named in house.catalog.models and named not in catalog_of(house, exchange).models
    return "the key may not use it" if is_ours else "no such live model"


def _told(names: tuple[str, ...]) -> str:
    rest = len(names) - MAX_SHOWN
    return ", ".join(names[:MAX_SHOWN]) + (f" and {rest} more of /v1/models" if rest > 0 else "")
