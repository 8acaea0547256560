"""Labelled prompts as arrays."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from router.policy.features import features
from router.policy.priors import intents_of
from router.policy.sparse import sparse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from router.policy.rows import Prompt
    from router.policy.sparse import Ints, Rows

    Array = NDArray[np.float64]

FEW = 0.05
"""A model with a larger share of rewards that are neither 0 nor 1 is graded."""


class Progress(Protocol):
    """Where a long fit tells how far it is."""

    def begin(self, what: str, total: int) -> None:
        """Begin a step of `total` parts."""
        ...

    def advance(self) -> None:
        """Say that a part is done."""
        ...


class Silent:
    """Tells nobody."""

    def begin(self, what: str, total: int) -> None:
        """Begin nothing."""

    def advance(self) -> None:
        """Advance nothing."""


@dataclass(frozen=True, slots=True)
class Data:
    """n prompts, k models; `nan` where nothing is known."""

    models: tuple[str, ...]
    rows: Rows
    n_chars: Array
    intents: tuple[str | None, ...]
    quality: Array
    cost: Array
    graded: NDArray[np.bool_]
    names: tuple[str, ...]
    """The intents that get a line of their own."""
    believed: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, dict[str, float]])

    def __len__(self) -> int:
        return len(self.rows)

    def pick(self, chosen: Ints) -> Data:
        """Return some of the prompts."""
        intents = tuple(self.intents[int(at)] for at in chosen)
        part = self.rows.pick(chosen), self.n_chars[chosen], intents, self.quality[chosen], self.cost[chosen]
        return Data(self.models, *part, self.graded, self.names, self.believed)


def data_of(
    prompts: Sequence[Prompt], believed: Mapping[str, Mapping[str, float]], progress: Progress | None = None
) -> Data:
    """Return labelled prompts as arrays; the models, also those that are only believed something of, by their names."""
    named = {model for each in prompts for model in (*each.quality, *each.cost)}
    models = sorted(named.union(*believed.values()))
    quality = np.array([[each.quality.get(model, np.nan) for model in models] for each in prompts])
    cost = np.array([[each.cost.get(model, np.nan) for model in models] for each in prompts])
    between = (quality > 0) & (quality < 1)
    return Data(
        models=tuple(models),
        rows=sparse(list(_featured(prompts, progress or Silent()))),
        n_chars=np.array([len(each.text) for each in prompts], np.float64),
        intents=tuple(each.intent for each in prompts),
        quality=quality,
        cost=cost,
        names=intents_of([each.intent for each in prompts], believed),
        graded=between.sum(0) / np.maximum((~np.isnan(quality)).sum(0), 1) > FEW,
        believed=believed,
    )


def data_hash(data: Data) -> str:
    """Return the SHA-256 of what was learned from: features, rewards, costs, intents, models."""
    parts = hashlib.sha256(repr((data.models, data.intents)).encode())
    for array in (data.rows.slots, data.rows.weights, data.quality, data.cost, data.n_chars):
        parts.update(np.ascontiguousarray(array).tobytes())
    return parts.hexdigest()


def _featured(prompts: Sequence[Prompt], progress: Progress) -> Iterable[dict[int, float]]:
    progress.begin("reading", len(prompts))
    for each in prompts:
        yield features(each.text)
        progress.advance()
