"""Into which arm a conversation falls: by a hash of its own, so that all of its turns are alike, every time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.experiment_settings import TrialSettings
    from config.types import Json

ArmName = Literal["a", "b"]
PolicyName = Literal["as_set", "learned", "weights"]
_DRAW_BYTES: Final = 8
_SEPARATOR: Final = "/"


@dataclass(frozen=True, slots=True)
class Drawn:
    """The arm of one conversation, and how its requests are chosen for."""

    trial: str
    arm: ArmName
    p_b: float
    """With which probability arm `b` was drawn."""
    unit: str
    """What the trial calls the conversation; nothing of its words or its id can be read from it."""
    policy: PolicyName = "as_set"
    dial: float | None = None
    """`None` is as everywhere."""

    @property
    def label(self) -> str:
        """What stands in the books' column `arm`."""
        return f"{self.trial}{_SEPARATOR}{self.arm}"

    def as_json(self) -> Json:
        """Return what stands among the decision's features, under `trial`."""
        return {"name": self.trial, "arm": self.arm, "p_b": self.p_b, "unit": self.unit}


def arm_of(conversation: bytes, trial: TrialSettings) -> Drawn:
    """Return the arm of a conversation, known by any bytes of its own; `b` with the probability of the settings."""
    key = hashlib.blake2b(trial.name.encode("utf-8", "surrogatepass"), digest_size=32).digest()
    digest = hashlib.blake2b(conversation, key=key, digest_size=16).digest()
    is_b = int.from_bytes(digest[:_DRAW_BYTES]) / 2 ** (8 * _DRAW_BYTES) < trial.share_b
    return Drawn(
        trial.name,
        "b" if is_b else "a",
        trial.share_b,
        digest.hex(),
        trial.policy_b if is_b else trial.policy_a,
        trial.dial_b if is_b else trial.dial_a,
    )


def drawn_from(features: object) -> Drawn | None:
    """Return what a decision's features tell of its trial, `None` where they tell nothing that can be used."""
    told = cast("Mapping[str, object]", features).get("trial") if isinstance(features, dict) else None
    if not isinstance(told, dict):
        return None
    known = cast("Mapping[str, object]", told)
    name, arm, p_b, unit = (known.get(key) for key in ("name", "arm", "p_b", "unit"))
    if not isinstance(name, str) or not isinstance(unit, str) or arm not in {"a", "b"}:
        return None
    if not isinstance(p_b, float) or not 0 < p_b < 1:
        return None
    return Drawn(name, "b" if arm == "b" else "a", p_b, unit)
