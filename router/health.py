"""Who may be asked now: breakers for hosts and models, benches for keys and for a key's use of one model.

Fed by what attempts tell, never by requests of its own. The state machines are `breaker.py`'s; how a failure is
classed is `failures.py`'s; what hangs on what is `places.py`'s.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Literal

import structlog

from router.places import Places, in_process
from router.refusal import Refusal
from router.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from random import Random

    from config.breaker_settings import BreakerSettings
    from config.errors import UpstreamError
    from config.failures import FailureClass
    from config.types import Json
    from router.attempt import Attempt
    from router.places import Place
    from router.providers.base import Target

FIRST_RATE_BENCH_S = 1.0
"""How long a rate limit that names no time benches at first; twice as long each time it comes again."""
LEAST_WAIT_S = 1.0
"""Told where a trial is under way: nobody knows when it ends."""

log = structlog.stdlib.get_logger("thalamus.router.health")


class Health:
    """Watches attempts and says who may be asked: the dispatcher's `Gate`.

    `clock` gives monotonic seconds and must be the clock of the attempts; `rng` draws for gradual returns and jitter.
    Targets that are no URL (in-process ones) are never benched.
    """

    def __init__(self, rules: BreakerSettings, *, clock: Callable[[], float], rng: Random) -> None:
        self._rules = rules
        self._clock = clock
        self._rng = rng
        self._places = Places(rules)
        self._waiting = Waiting()
        self._out: set[str] = set()
        self._news = asyncio.Event()

    def adopt(self, rules: BreakerSettings, keep: Container[str]) -> None:
        """Go on with other settings after a reload; what was learned of the deployments in `keep` stays."""
        self._rules = rules
        self._places.adopt(rules, keep)
        self._waiting.keep(keep)

    def available(self, target: Target) -> bool:
        """Return whether this deployment may be asked now; changes nothing. For balancers."""
        if target.deployment in self._out:
            return False
        if not self._rules.enabled or in_process(target):
            return True
        place = self._places.of(target)
        return place.calm or _admits(place, self._clock())

    def try_acquire(self, target: Target) -> bool:
        """Return whether this deployment is to be asked now, and take the trial slot where it is on trial.

        The attempt must begin before anything is awaited. While it returns gradually, only a share is let through.
        """
        if target.deployment in self._out:
            return False
        if not self._rules.enabled or in_process(target):
            return True
        now, place = self._clock(), self._places.of(target)
        if not place.calm and not _admits(place, now):
            return False
        share = min(place.host.share(now), place.model.share(now))
        if share < 1.0 and self._rng.random() >= share:
            return False
        self._take(place, now)
        return True

    def force(self, target: Target) -> bool:
        """Take the trial slot before its time, for a request that has nobody else left; false where one is under way.

        A rate limit is never overridden, nor is an operator.
        """
        if target.deployment in self._out:
            return False
        if not self._rules.enabled or in_process(target):
            return True
        now, place = self._clock(), self._places.of(target)
        if _rate_limited(place, now) or _tried(place, now):
            return False
        self._take(place, now)
        return True

    def on_trial(self, target: Target) -> bool:
        """Return whether only another request's trial stands in the way, so that its outcome is worth a wait."""
        if target.deployment in self._out or not self._rules.enabled or in_process(target):
            return False
        now, place = self._clock(), self._places.of(target)
        return _tried(place, now) and not _rate_limited(place, now)

    def blamed(self, target: Target) -> float:
        """Return when something spoke against it last, -inf where nothing does: a failure, or silence until now."""
        return self._blamed(target.deployment, self._clock())

    def n_at_risk(self) -> int:
        """Return how many attempts wait where something speaks against the deployment: each may soon want another."""
        now = self._clock()
        return sum(n for deployment, n in self._waiting.counts() if self._blamed(deployment, now) > -inf)

    async def news(self) -> None:
        """Return once an attempt has answered or ended."""
        await self._news.wait()

    def refusal(self, target: Target) -> Refusal | None:
        """Return why this deployment may not be asked now; a rate limit only where nothing worse speaks against it."""
        if target.deployment in self._out:
            return Refusal("operator", None, "deployment")
        if not self._rules.enabled or in_process(target):
            return None
        now, place = self._clock(), self._places.of(target)
        found = [
            Refusal(reason, max(part.told_s(now), part.wait_s(now), LEAST_WAIT_S), scope)
            for scope, part, reason in place.named_parts
            if reason is not None and not part.admits(now)
        ]
        return max(found, key=lambda each: (each.reason != "rate", each.wait_s or 0.0), default=None)

    def retry_after_s(self, target: Target) -> float | None:
        """Return the seconds until this deployment may be asked again; `None` when it may be now or nobody knows."""
        refusal = self.refusal(target)
        return refusal.wait_s if refusal is not None else None

    def attempt_began(self, attempt: Attempt) -> None:
        """Bind the trial slot that `try_acquire` or `force` took to this attempt."""
        self._waiting.begins(attempt)
        if not self._counts(attempt):
            return
        place = self._places.of(attempt.candidate.target)
        if not place.calm:
            now = self._clock()
            for part in place.parts:
                part.bind(attempt, now)

    def attempt_answered(self, attempt: Attempt) -> None:
        """Take the first content for proof of life: a trial need not wait for the end of a long answer."""
        now = self._clock()
        self._waiting.answers(attempt, now)
        if not self._counts(attempt):
            return
        place = self._places.of(attempt.candidate.target)
        if place.calm:
            return
        closed = [breaker.answered(now, holder=attempt, began=attempt.started) for breaker in (place.host, place.model)]
        cleared = [bench.clear(holder=attempt, began=attempt.started) for bench in (place.key, place.key_model)]
        if any(closed) or any(cleared):
            self._tell()
            log.info("upstream_is_back", deployment=place.target.deployment)

    def attempt_ended(self, attempt: Attempt) -> None:
        """Count how it went; an attempt that we or the client ended, or that had no time left, counts for nothing."""
        self._waiting.ends(attempt)
        if not self._counts(attempt):
            return
        place = self._places.of(attempt.candidate.target)
        if attempt.failure is not None:
            self._failed(place, attempt, attempt.failure)
        elif attempt.note is None:
            self.attempt_answered(attempt)
            now = self._clock()
            for breaker in (place.host, place.model):
                breaker.succeeded(now, holder=attempt, began=attempt.started)
        if not place.calm:
            for part in place.parts:
                part.release(attempt)
            self._tell()

    def host_answered(self, base_url: str) -> None:
        """Let a trial begin early: the host of this address just answered a probe that asks for no words."""
        now = self._clock()
        for breaker in self._places.breakers_at(base_url):
            breaker.half_open(now)
        self._tell()

    def trip(self, deployment: str) -> None:
        """Take a deployment out of play until `reset`; for an operator."""
        self._out.add(deployment)
        log.warning("taken_out_by_operator", deployment=deployment)

    def reset(self, deployment: str) -> None:
        """Forget all that speaks against a deployment, and what it shares with others; for an operator."""
        self._out.discard(deployment)
        place = self._places.named(deployment)
        for part in place.parts if place is not None else ():
            part.reset()
        self._tell()
        log.info("reset_by_operator", deployment=deployment)

    def state(self) -> Json:
        """Return each deployment that was asked, or taken out, for `/health`: no key, no address.

        `state` is `closed`, `half_open` or `open` for `until_s` seconds more (`null`: until an operator resets it);
        `scope` and `reason` say what is to blame, `requests` and `failures` what the window of its model holds.
        """
        now = self._clock()
        reports: dict[str, Json] = {}
        for name in self._places:
            place = self._places.named(name)
            if place is not None:
                reports[name] = place.state(now)
        for name in sorted(self._out):
            reports[name] = {"requests": 0, "failures": 0, **reports.get(name, {}), **_TAKEN_OUT}
        return {**reports}

    def _counts(self, attempt: Attempt) -> bool:
        return self._rules.enabled and not in_process(attempt.candidate.target)

    def _blamed(self, deployment: str, now: float) -> float:
        place = self._places.named(deployment)
        if place is None:
            return -inf
        return now if self._waiting.silent(deployment, now) else max(place.host.blamed(now), place.model.blamed(now))

    def _tell(self) -> None:
        """Wake all who wait for news; who comes later waits for the next."""
        self._news.set()
        self._news = asyncio.Event()

    def _take(self, place: Place, now: float) -> None:
        place.host.acquire(now)
        place.model.acquire(now)
        place.key.acquire(now, lease_s=self._rules.trial_s)
        place.key_model.acquire(now, lease_s=self._rules.trial_s)

    def _failed(self, place: Place, attempt: Attempt, error: UpstreamError) -> None:
        now, rules = self._clock(), self._rules
        wish_s = error.retry_after_s
        match error.failure_class:
            case "transient" if not attempt.hurried:
                self._count_failure(place, attempt, error, now)
                if wish_s:
                    self._bench(place, "key_model", "transient", for_s=min(wish_s, rules.open_max_s), told_s=wish_s)
            case "rate":
                for_s = FIRST_RATE_BENCH_S * 2.0 ** min(place.key_model.streak, 16) if wish_s is None else wish_s
                told_s = wish_s if wish_s is not None else min(for_s, rules.open_max_s)
                self._bench(place, "key_model", "rate", for_s=min(for_s, rules.open_max_s), told_s=told_s)
            case "credential" | "quota" as reason:
                self._bench(place, "key", reason, for_s=rules.key_bench_s, told_s=wish_s)
            case "model_gone" | "model_access" as reason:
                self._bench(place, "key_model", reason, for_s=rules.key_bench_s, told_s=wish_s)
            case _:
                pass

    def _count_failure(self, place: Place, attempt: Attempt, error: UpstreamError, now: float) -> None:
        """Count it against the model and, unless it answered with nothing, against the host too."""
        empty = error.code == "empty_completion"
        jitter = self._rng.random()
        scopes = (("model", place.model),) if empty else (("host", place.host), ("model", place.model))
        for scope, breaker in scopes:
            if breaker.failed(
                now, holder=attempt, began=attempt.started, wish_s=error.retry_after_s or 0.0, jitter=jitter
            ):
                log.warning("breaker_opened", deployment=place.target.deployment, scope=scope)

    def _bench(
        self, place: Place, scope: Literal["key", "key_model"], reason: FailureClass, *, for_s: float,
        told_s: float | None,
    ) -> None:  # fmt: skip
        bench = place.key if scope == "key" else place.key_model
        by_trial = reason not in {"rate", "transient"}
        bench.put(self._clock(), reason, for_s=for_s, told_s=told_s, by_trial=by_trial)
        (log.warning if by_trial else log.info)(
            "benched", deployment=place.target.deployment, scope=scope, reason=reason, for_s=round(for_s, 1)
        )


def _admits(place: Place, now: float) -> bool:
    return all(part.admits(now) for part in place.parts)


def _rate_limited(place: Place, now: float) -> bool:
    return place.key_model.reason == "rate" and not place.key_model.admits(now)


def _tried(place: Place, now: float) -> bool:
    return any(part.tried(now) for part in place.parts)


_TAKEN_OUT: Json = {"state": "open", "until_s": None, "scope": "deployment", "reason": "operator"}
