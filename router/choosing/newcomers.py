"""How much of the draw a new model may get: a bounded share, which grows with what was said of its answers. Pure.

A model that came while others were known already competes by what the catalogue lets expect, and that may be far from
true. So it has a ceiling until there are outcomes of weight `SETTLED_AT`. What is above it goes in equal parts to those
that have none. Two things follow from the parts being equal, and not in proportion to what was learned:

- With ceilings as they are, two draws are never farther apart after this than before (in total variation): of what one
  model gets more, each part either stays with it or goes the same way.
- Where outcomes of weight d come in about a model, its ceiling and those of other new ones, which share what it leaves,
  move by at most d / `SETTLED_AT` together; beyond `SETTLED_AT` no ceiling moves, and the model's part of what others
  leave over grows by at most as much. So d / `SETTLED_AT` bounds what the draw moves by it.

`router/learning/cap.py` counts on both.

While no model is settled, those that have most of their way behind them take only a part of what is above: then a new
model may get more, and that is the ceiling that is told. Lowering each to its share at once would let outcomes about
one model move several ceilings, each by as much as they weigh.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARE: Final = 0.2
"""What all new models together may get while nothing is known of them."""
SETTLED_AT: Final = 100.0
"""Outcomes, by weight, from which on a model has no ceiling. Up to twice as many it takes a growing part of what other
new ones leave over."""
LEAST_FORCE: Final = 0.01
"""Where less is taken, stored ceilings of six digits do not tell the share."""


@dataclass(frozen=True, slots=True)
class Holding:
    """The ceilings of one draw."""

    shares: tuple[float | None, ...]
    """In the order of the models: what is above goes to others, as far as these take it; `None` where one has none."""
    takers: tuple[float, ...]
    """0 to 1: how far each one takes part in what is above the shares."""

    @property
    def ceilings(self) -> tuple[float | None, ...]:
        """What no model has more of in the end: its share, or more while nobody takes all that is above."""
        force = _force(self.takers)
        return tuple(None if each is None else 1.0 - force * (1.0 - each) for each in self.shares)

    def applied(self, probabilities: Sequence[float]) -> tuple[float, ...]:
        """Return the probabilities with what is above a share given to the others; their sum stays."""
        whole, force = math.fsum(self.takers), _force(self.takers)
        above = [
            0.0 if share is None else force * max(0.0, each - share)
            for each, share in zip(probabilities, self.shares, strict=True)
        ]
        spare = math.fsum(above)
        if spare == 0.0:
            return tuple(probabilities)
        return tuple(
            each - less + spare * taker / whole
            for each, less, taker in zip(probabilities, above, self.takers, strict=True)
        )


def holding(outcomes: Sequence[float | None], *, share: float, floor: float) -> Holding | None:
    """Return the ceilings of models by the weight of all outcomes of each, `None` for one that is not new.

    Several new ones divide `share` by how new they are. No ceiling is below `floor`. Where nobody could take what is
    left over, all being new, and where `share` is 1, nobody has one: then the answer is `None`.
    """
    ripe = [1.0 if n is None else min(1.0, max(0.0, n) / SETTLED_AT) for n in outcomes]
    takers = _takers(outcomes)
    if share >= 1.0 or not any(takers) or min(ripe, default=1.0) >= 1.0:
        return None
    one = share / max(1.0, math.fsum(1.0 - each for each in ripe))
    least = min(floor, 1.0 / len(ripe))
    return Holding(tuple(None if each >= 1.0 else max(least, one + (1.0 - one) * each) for each in ripe), takers)


def share_of(held: Sequence[tuple[float | None, float | None]]) -> float | None:
    """Return the share under which new models had their ceilings, `None` where that cannot be told.

    `held` are weight of outcomes and ceiling of every model of a draw, `None` where it had none.
    """
    force = _force(_takers([n for n, _ in held]))
    if force < LEAST_FORCE:
        return None
    known = [(1.0 - min(1.0, n / SETTLED_AT), each) for n, each in held if n is not None and each is not None]
    newest, ceiling = max(known, default=(0.0, 1.0))
    if newest <= 0.0:
        return None
    one = 1.0 - (1.0 - ceiling) / force / newest
    return min(1.0, max(0.0, one * max(1.0, math.fsum(new for new, _ in known))))


def told_of(n: float, ceiling: float) -> str:
    """Return the reason for a person."""
    return f"new: at most {100 * ceiling:.0f} % now, no ceiling from {SETTLED_AT:.0f} outcomes on, {n:.0f} so far"


def _takers(outcomes: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(1.0 if n is None else min(1.0, max(0.0, n / SETTLED_AT - 1.0)) for n in outcomes)


def _force(takers: Sequence[float]) -> float:
    """Return how much of what is above is taken, 0 to 1: all where one is settled."""
    return min(1.0, math.fsum(takers))
