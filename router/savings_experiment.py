"""What passages change, by conversations that were held out: tokens, cost, time and ratings, each with its interval.

A conversation is one unit, and its requests' mean is its value; where a request has no value of a kind, such as a
rating, it does not count for that kind. Each interval holds by itself, however often one looks (`anytime.py`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from router.anytime import Drawn, effect_so_far

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from config.types import Json

MIN_CONVERSATIONS: Final = 100
"""Conversations in each arm below which no difference is shown: the interval holds for large numbers."""
TOO_FEW: Final = "not enough data yet"
DIGITS: Final[Mapping[str, int]] = {"tokens": 1, "cost_usd": 6, "latency_ms": 1, "rating": 3}
"""What is compared, and how many digits are told of it. A rating is 0 to 1; thumbs count as 0 and 1."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the experiment. What is `None` is not known."""

    unit: str
    """Its conversation."""
    treated: bool
    """Whether its conversation was to get passages."""
    p_holdout: float
    values: Mapping[str, float | None]
    """By the names of `DIGITS`."""


@dataclass(slots=True)
class _Unit:
    treated: bool
    p_holdout: float
    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def compared(requests: Iterable[Request]) -> Json:
    """Return the number of conversations in each arm, and of each measure the difference that passages make.

    `requests` come in the order of time.
    """
    units: dict[str, _Unit] = {}
    for each in requests:
        if 0 < each.p_holdout < 1:
            unit = units.setdefault(each.unit, _Unit(each.treated, each.p_holdout))
            for name, value in each.values.items():
                if value is not None:
                    unit.values[name].append(value)
    n_held_out = sum(not each.treated for each in units.values())
    told: Json = {"conversations_with_passages": len(units) - n_held_out, "conversations_held_out": n_held_out}
    measures = {name: _difference(name, units.values()) for name in DIGITS}
    return told | {"measures": measures, "min_conversations": MIN_CONVERSATIONS}


def _difference(name: str, units: Iterable[_Unit]) -> Json:
    """Return one measure's difference, with its interval and how many conversations it is of."""
    drawn = [
        Drawn(sum(values) / len(values), unit.treated, 1 - unit.p_holdout)
        for unit in units
        if (values := unit.values.get(name))
    ]
    n_held_out = sum(not each.treated for each in drawn)
    told: Json = {"n_with_passages": len(drawn) - n_held_out, "n_held_out": n_held_out}
    effect = effect_so_far(drawn) if min(n_held_out, len(drawn) - n_held_out) >= MIN_CONVERSATIONS else None
    if effect is None:
        return told | {"note": f"{TOO_FEW}: {MIN_CONVERSATIONS} conversations are needed in each arm"}
    digits = DIGITS[name]
    return told | {
        "difference": round(effect.value, digits),
        "low": round(effect.low, digits),
        "high": round(effect.high, digits),
    }
