"""A fitted policy: what it expects of each model for a prompt, in quality (0 to 1) and in USD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from config.errors import ArtefactError
from router.policy.costs import Costs
from router.policy.features import FEATURES_VERSION, N_FEATURES, features
from router.policy.heads import link, unlink
from router.policy.intents import Guesser
from router.policy.mixing import Mix, mixed, read_intents
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

_FAR = 1e9
"""Stands for a bound that nothing reaches."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One linear head per model over hashed words, a table by intent, a guess at the intent, a line of cost."""

    models: tuple[str, ...]
    graded: NDArray[np.bool_]
    """(k,): models whose rewards are graded, so that their head's link is the identity."""
    heads: Floats
    """(65536, k), already shrunk by n / (n + 150)."""
    base: Array
    """(k,): what is expected of a model before anything is known of the prompt."""
    table: Table
    guesser: Guesser
    mix: Mix
    costs: Costs
    manifest: Json

    def predict(self, prompts: Sequence[Prompt]) -> tuple[Array, Array]:
        """Return expected quality and cost in USD, each (n, k); an unknown price is `nan`."""
        if not prompts:
            return np.zeros((0, len(self.models))), np.zeros((0, len(self.models)))
        rows = sparse([features(each.text) for each in prompts])
        reading = read_intents(rows, [each.intent for each in prompts], self.guesser, self.table)
        text = text_quality(rows, self.heads, self.base, self.graded)
        n_chars = np.array([len(each.text) for each in prompts], np.float64)
        return mixed(text, self.base, reading, self.table, self.mix), self.costs.expected(n_chars, reading.shares)

    def save(self, folder: Path) -> Json:
        """Write the policy into a folder and return its manifest."""
        arrays: Mapping[str, NDArray[np.generic]] = {
            "heads": self.heads.astype(np.float16),
            "base": self.base,
            "graded": self.graded.astype(np.uint8),
            "table": self.table.quality,
            "elsewhere": self.table.elsewhere,
            "words": self.guesser.words.astype(np.float16),
            "before": self.guesser.before,
            "guessing": np.array([self.guesser.sharpness, *np.clip(self.guesser.strange, -_FAR, _FAR)]),
            "table_share": np.array(self.mix.table_share),
            "slope": np.array(self.mix.slope),
            "damping": np.array([self.mix.damping]),
            "cost_at_zero": _finite(self.costs.at_zero),
            "cost_per_char": _finite(self.costs.per_char),
            "cost_least": _finite(self.costs.least),
            "cost_by_intent": _finite(self.costs.by_intent),
        }
        about: Json = {
            "features": FEATURES_VERSION,
            "models": list(self.models),
            "intents": list(self.table.intents),
            **self.manifest,
        }
        return store(folder, about, arrays)


def text_quality(rows: Rows, heads: Floats, base: Array, graded: NDArray[np.bool_]) -> Floats:
    """Return what the heads alone expect (n, k)."""
    return link(unlink(base.astype(np.float32), graded) + rows.times(heads), graded)


def load_policy(folder: Path) -> Policy:
    """Return the policy of a folder. Raises `ArtefactError` where a byte of it is not as it was written."""
    stored = load_stored(folder)
    about, arrays = stored.manifest, stored.arrays
    models, intents = (_names(about, key, folder) for key in ("models", "intents"))
    if about.get("features") != FEATURES_VERSION:
        message = f"was fitted on features {about.get('features')!r}; this version makes {FEATURES_VERSION!r}"
        raise ArtefactError(message, file=str(folder / MANIFEST), mend=MEND)
    require(stored, folder, _shapes(len(models), len(intents)))
    real = {name: array.astype(np.float64) for name, array in arrays.items() if name not in {"heads", "words"}}
    sharpness, low, high = real["guessing"].tolist()
    unpriced = np.where(real["cost_per_char"] < 0, np.nan, 0.0)
    share, slope = real["table_share"], real["slope"]
    return Policy(
        models=models,
        graded=arrays["graded"].astype(np.bool_),
        heads=arrays["heads"].astype(np.float32),
        base=real["base"],
        table=Table(intents, real["table"], real["elsewhere"]),
        guesser=Guesser(arrays["words"].astype(np.float32), real["before"], sharpness, (low, high)),
        mix=Mix((share[0], share[1]), (slope[0], slope[1]), float(real["damping"][0])),
        costs=Costs(
            real["cost_at_zero"] + unpriced,
            real["cost_per_char"] + unpriced,
            real["cost_least"] + unpriced,
            real["cost_by_intent"],
        ),
        manifest=about,
    )


def _shapes(k: int, t: int) -> dict[str, tuple[int, ...]]:
    of_models = ("base", "graded", "elsewhere", "cost_at_zero", "cost_per_char", "cost_least")
    return {
        **dict.fromkeys(of_models, (k,)),
        **dict.fromkeys(("table", "cost_by_intent"), (t, k)),
        **dict.fromkeys(("table_share", "slope"), (2, k)),
        "heads": (N_FEATURES, k),
        "words": (N_FEATURES, t),
        "before": (t,),
        "guessing": (3,),
        "damping": (1,),
    }


def _finite(prices: Array) -> Array:
    """Return prices with -1 for what is not known, so that no file of ours holds a NaN."""
    return np.nan_to_num(prices, nan=-1.0)


def _names(about: Json, key: str, folder: Path) -> tuple[str, ...]:
    found = about.get(key)
    names = cast("list[object]", found) if isinstance(found, list) else None
    if names is None or not all(isinstance(each, str) for each in names):
        raise ArtefactError(f"tells no list of {key}", file=str(folder / MANIFEST), mend=MEND)
    return tuple(str(each) for each in names)
