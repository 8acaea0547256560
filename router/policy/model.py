"""A fitted policy: what it expects of each model for a prompt, in quality (0 to 1) and in USD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from config.errors import ArtefactError
from router.policy.costs import Costs
from router.policy.features import FEATURES_VERSION, N_FEATURES, features
from router.policy.heads import link, unlink
from router.policy.priors import Table
from router.policy.sparse import sparse
from router.policy.stored import MANIFEST, MEND, load_stored, require, store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from config.types import Json
    from router.policy.rows import Prompt
    from router.policy.sparse import Floats, Rows

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Policy:
    """One linear head per model over hashed words, a table by intent, and a line of cost per model."""

    models: tuple[str, ...]
    graded: NDArray[np.bool_]
    """(k,): models whose rewards are graded, so that their head's link is the identity."""
    heads: Floats
    """(65536, k), already shrunk by n / (n + 150)."""
    base: Array
    """(k,): what is expected of a model before anything is known of the prompt."""
    table: Table
    table_share: Array
    """(k,): what the table counts beside a model's head where the intent is known to it."""
    costs: Costs
    manifest: Json

    def predict(self, prompts: Sequence[Prompt]) -> tuple[Array, Array]:
        """Return expected quality and cost in USD, each (n, k); an unknown price is `nan`."""
        if not prompts:
            return np.zeros((0, len(self.models))), np.zeros((0, len(self.models)))
        rows = sparse([features(each.text) for each in prompts])
        quality = self.quality_of(rows, [each.intent for each in prompts])
        return quality, self.costs.expected(np.array([len(each.text) for each in prompts], np.float64))

    def quality_of(self, rows: Rows, intents: Sequence[str | None]) -> Array:
        """Return the expected quality (n, k) of prompts as features."""
        scores = unlink(self.base.astype(np.float32), self.graded) + rows.times(self.heads)
        return blended(link(scores, self.graded), self.table, intents, self.table_share)

    def save(self, folder: Path) -> Json:
        """Write the policy into a folder and return its manifest."""
        arrays: Mapping[str, NDArray[np.generic]] = {
            "heads": self.heads.astype(np.float16),
            "base": self.base,
            "graded": self.graded.astype(np.uint8),
            "table": self.table.quality,
            "elsewhere": self.table.elsewhere,
            "table_share": self.table_share,
            "cost_at_zero": np.nan_to_num(self.costs.at_zero, nan=-1.0),
            "cost_per_char": np.nan_to_num(self.costs.per_char, nan=-1.0),
        }
        about: Json = {
            "features": FEATURES_VERSION,
            "models": list(self.models),
            "intents": list(self.table.intents),
            **self.manifest,
        }
        return store(folder, about, arrays)


def blended(text: Floats, table: Table, intents: Sequence[str | None], share: Array) -> Array:
    """Return the heads' answer, mixed with the table's where the intent is in it, with its fallback where it is not.

    A prompt that tells no intent is read by its words alone.
    """
    lines, found = table.of(intents)
    told = np.array([intent is not None for intent in intents])
    kept = np.where(found[:, None], 1.0 - share, np.where(told, 0.0, 1.0)[:, None])
    return np.clip(kept * text + (1.0 - kept) * lines, 0.0, 1.0)


def load_policy(folder: Path) -> Policy:
    """Return the policy of a folder. Raises `ArtefactError` where a byte of it is not as it was written."""
    stored = load_stored(folder)
    about, arrays = stored.manifest, stored.arrays
    models, intents = (_names(about, key, folder) for key in ("models", "intents"))
    if about.get("features") != FEATURES_VERSION:
        message = f"was fitted on features {about.get('features')!r}; this version makes {FEATURES_VERSION!r}"
        raise ArtefactError(message, file=str(folder / MANIFEST), mend=MEND)
    k, t = len(models), len(intents)
    shapes = {"heads": (N_FEATURES, k), "table": (t, k)}
    shapes |= dict.fromkeys(("base", "graded", "table_share", "elsewhere", "cost_at_zero", "cost_per_char"), (k,))
    require(stored, folder, shapes)
    at_zero = arrays["cost_at_zero"].astype(np.float64)
    per_char = arrays["cost_per_char"].astype(np.float64)
    unpriced = per_char < 0
    return Policy(
        models=models,
        graded=arrays["graded"].astype(np.bool_),
        heads=arrays["heads"].astype(np.float32),
        base=arrays["base"].astype(np.float64),
        table=Table(intents, arrays["table"].astype(np.float64), arrays["elsewhere"].astype(np.float64)),
        table_share=arrays["table_share"].astype(np.float64),
        costs=Costs(np.where(unpriced, np.nan, at_zero), np.where(unpriced, np.nan, per_char)),
        manifest=about,
    )


def _names(about: Json, key: str, folder: Path) -> tuple[str, ...]:
    found = about.get(key)
    names = cast("list[object]", found) if isinstance(found, list) else None
    if names is None or not all(isinstance(each, str) for each in names):
        raise ArtefactError(f"tells no list of {key}", file=str(folder / MANIFEST), mend=MEND)
    return tuple(str(each) for each in names)
