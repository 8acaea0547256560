"""When an upstream that fails is left alone, and how it comes back: the numbers of the circuit breakers and retries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from config.bounds import Amount, Between, Count, PositiveCount, PositiveSeconds, Seconds

Share = Annotated[float, Between(0, 1, above=True)]


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When an upstream that fails is left alone, and how it comes back."""

    enabled: bool = True
    """Whether failing upstreams are left alone for a while; without it every request tries them anew."""
    window_s: PositiveSeconds = 30.0
    """Seconds of the past over which failures are counted."""
    min_requests: PositiveCount = 5
    """Fewest answers in the window, or failures in a row, on which anything is judged."""
    failure_rate: Share = 0.5
    """Share of failed answers from which a model on a host is left alone; the whole host only when nothing succeeds."""
    open_s: PositiveSeconds = 5.0
    """Seconds it is left alone at first; each time it fails its trial twice as long."""
    open_max_s: PositiveSeconds = 60.0
    """Longest time it is left alone, seconds; longer wishes of the upstream (`Retry-After`) are cut to it."""
    trial_s: PositiveSeconds = 60.0
    """Seconds after which a trial request without an answer counts as lost, so that another may try."""
    ramp_s: Seconds = 10.0
    """Seconds over which a model or host that came back gets its whole share again; 0 gives it back at once."""
    key_bench_s: PositiveSeconds = 60.0
    """Seconds for which a refused or used-up key, or a model that is not there, is not asked."""
    retry_share: Amount = 0.2
    """Most further attempts of all requests in ten seconds, as a share of these requests."""
    min_retries: Count = 10
    """Further attempts in ten seconds that are allowed however few requests there are."""
