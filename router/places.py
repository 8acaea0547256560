"""What each deployment's health hangs on: its host, its model there, its key, and its key's use of that model.

Deployments share these parts where they share the thing. Keys are told apart by a digest salted per process.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from router.bench import Bench
from router.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from config.breaker_settings import BreakerSettings
    from config.failures import FailureClass
    from config.types import Json
    from router.providers.base import Target
    from router.refusal import Scope

MAX_PLACES = 4_096
"""Deployments remembered; beyond it the one that has been known longest is forgotten."""
HOST_FAILURE_RATE = 1.0
"""A host is left alone only when nothing it answers is well: one broken model must not bench its neighbours."""
_SEVERITY = {"closed": 0, "half_open": 1, "open": 2}


@dataclass(slots=True)
class Place:
    """The parts of one deployment's health."""

    target: Target
    host: Breaker
    model: Breaker
    key: Bench
    key_model: Bench
    parts: tuple[Breaker | Bench, ...] = field(init=False)
    """All of them."""

    def __post_init__(self) -> None:
        """Put the parts in a row, once for all requests."""
        self.parts = (self.host, self.model, self.key, self.key_model)

    @property
    def calm(self) -> bool:
        """Whether nothing speaks against it, so that there is nothing to try, to bind or to give back."""
        return self.host.closed and self.model.closed and self.key.reason is None and self.key_model.reason is None

    @property
    def named_parts(self) -> tuple[tuple[Scope, Breaker | Bench, FailureClass | None], ...]:
        """All of them, with the scope's name and what is to blame when it does not admit."""
        return (
            ("host", self.host, "transient"),
            ("model", self.model, "transient"),
            ("key", self.key, self.key.reason),
            ("key_model", self.key_model, self.key_model.reason),
        )

    def state(self, now: float) -> Json:
        """Return the part that is worst off, and the counts of the model's window; no key, no address."""
        scope, part, reason = max(
            self.named_parts, key=lambda each: (_SEVERITY[each[1].state(now)], each[1].wait_s(now))
        )
        n, n_failed = self.model.window.counts(now)
        counts: Json = {"requests": n, "failures": n_failed}
        state = part.state(now)
        if state == "closed":
            return {"state": state, "until_s": None, "scope": None, "reason": None, **counts}
        return {"state": state, "until_s": round(part.wait_s(now), 1), "scope": scope, "reason": reason, **counts}


class Places:
    """All deployments seen so far. Parts live as long as a deployment that hangs on them."""

    def __init__(self, rules: BreakerSettings) -> None:
        self._rules = rules
        self._salt = secrets.token_bytes(16)
        self._places: OrderedDict[str, Place] = OrderedDict()
        self._breakers: WeakValueDictionary[tuple[str, ...], Breaker] = WeakValueDictionary()
        self._benches: WeakValueDictionary[tuple[str, ...], Bench] = WeakValueDictionary()

    def __iter__(self) -> Iterator[str]:
        """Yield the deployments' names, in the order in which they were first seen."""
        return iter(self._places)

    def adopt(self, rules: BreakerSettings, keep: Container[str]) -> None:
        """Take new rules, and forget deployments that are gone."""
        self._rules = rules
        for name in [name for name in self._places if name not in keep]:
            del self._places[name]
        for key, breaker in self._breakers.items():
            breaker.adopt(rules, self._failure_rate(key))

    def named(self, deployment: str) -> Place | None:
        """Return what is known of a deployment."""
        return self._places.get(deployment)

    def of(self, target: Target) -> Place:
        """Return the place of a target; another address, model or key makes another place."""
        place = self._places.get(target.deployment)
        if place is not None and (place.target is target or _same(place.target, target)):
            place.target = target
            return place
        host, base = _host(target.base_url), target.base_url
        digest = hashlib.blake2b((target.api_key or "").encode(), key=self._salt, digest_size=16).hexdigest()
        key = (target.provider, base, digest)
        place = Place(
            target,
            host=self._breaker((host,)),
            model=self._breaker((host, base, target.upstream_model)),
            key=self._bench(key),
            key_model=self._bench((*key, target.upstream_model)),
        )
        self._places[target.deployment] = place
        if len(self._places) > MAX_PLACES:
            self._places.popitem(last=False)
        return place

    def breakers_at(self, base_url: str) -> Iterator[Breaker]:
        """Yield the breakers of a host and of the models on it."""
        host = _host(base_url)
        yield from (breaker for key, breaker in self._breakers.items() if key[0] == host)

    def _breaker(self, key: tuple[str, ...]) -> Breaker:
        found = self._breakers.get(key)
        if found is None:
            found = self._breakers[key] = Breaker(self._rules, self._failure_rate(key))
        return found

    def _bench(self, key: tuple[str, ...]) -> Bench:
        found = self._benches.get(key)
        if found is None:
            found = self._benches[key] = Bench()
        return found

    def _failure_rate(self, key: tuple[str, ...]) -> float:
        return HOST_FAILURE_RATE if len(key) == 1 else self._rules.failure_rate


def in_process(target: Target) -> bool:
    """Return whether a target is no server at all, such as the extractive model."""
    return "://" not in target.base_url


def _same(one: Target, other: Target) -> bool:
    return (one.provider, one.base_url, one.upstream_model, one.api_key) == (
        other.provider, other.base_url, other.upstream_model, other.api_key
    )  # fmt: skip


def _host(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
    except ValueError:
        return base_url
    return f"{parts.scheme}://{parts.netloc}".lower()
