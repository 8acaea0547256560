"""The routing rules that were set while the gateway runs: all of them in place of the settings file's, or none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from config.errors import InvalidRequestError
from router.rules import Rule, parse_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.overrides import Override, OverrideStore
    from config.settings import RoutingSettings
    from config.types import Json
    from router.snapshot import Catalog

RULES_AREA: Final = "routing"
RULES: Final = "rules"
"""The override's name in its area; its value is a list of `{pattern, model, kind, name}`."""
MAX_NAME_CHARS: Final = 100

log = structlog.stdlib.get_logger("thalamus.proxy.rules")


class RulesInForce:
    """A copy in memory of what the database holds. Changed by one request at a time."""

    def __init__(self, store: OverrideStore) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self.override: Override | None = None
        """Who set them and when; `None` where the settings file's are in force."""
        self._rules: tuple[Rule, ...] = ()

    def over(self, settings: RoutingSettings) -> tuple[Rule, ...]:
        """Return the rules in force, in their order."""
        return self._rules if self.override is not None else rules_of(settings)

    async def load(self) -> None:
        """Take what the database holds. Raises `StorageError`; then what was in force stays."""
        async with self._lock:
            self._take((await self._store.load()).get(RULES))

    async def change(self, wanted: Sequence[Json] | None, catalog: Catalog, *, changed_by: str) -> None:
        """Set all rules, or go back to the settings file's with `None`; kept and audited.

        Raises `InvalidRequestError` with the field at fault, and `StorageError`; then nothing was changed.
        """
        async with self._lock:
            value = None if wanted is None else [rule_json(each) for each in checked(wanted, catalog)]
            found = await self._store.change({RULES: value}, changed_by=changed_by)
            self._take(found.get(RULES))

    def _take(self, override: Override | None) -> None:
        try:
            self._rules = _named(override.value) if override is not None else ()
        except InvalidRequestError as error:  # written by another version, or by hand
            log.error("rules_not_used", reason=str(error))  # noqa: TRY400  # the reason is enough
            override = None
        self.override = override


def rules_of(settings: RoutingSettings) -> tuple[Rule, ...]:
    """Return the settings file's rules."""
    return tuple(Rule(each.pattern, each.model, each.kind, each.name) for each in settings.rules)


def checked(wanted: Sequence[Json], catalog: Catalog) -> tuple[Rule, ...]:
    """Return the rules that are asked for. Raises `InvalidRequestError`, also for a model that nobody has."""
    rules = _named(wanted)
    for n, rule in enumerate(rules):
        if catalog.canonical(rule.model) not in catalog.models:
            where = f"rules[{n}].model"
            raise InvalidRequestError(f"There is no model {rule.model!r} here.", param=where, code="unknown_model")
    return rules


def rule_json(rule: Rule) -> Json:
    """Return a rule as it is kept."""
    return {"pattern": rule.pattern, "model": rule.model, "kind": rule.kind, "name": rule.name}


def _named(wanted: Sequence[Json]) -> tuple[Rule, ...]:
    rules = parse_rules(list(wanted), param=RULES)
    names = [str(each.get("name") or "").strip()[:MAX_NAME_CHARS] or None for each in wanted]
    return tuple(replace(rule, name=name) for rule, name in zip(rules, names, strict=True))
