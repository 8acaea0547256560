"""Draws the conversations of the experiment that get no passages: by a salted hash, so that all turns are alike."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Literal

from router.affinity import conversation_key

if TYPE_CHECKING:
    from config.settings import ExperimentSettings
    from proxy.exchange import Exchange

Arm = Literal["passages", "holdout"]
_DRAW_BYTES: Final = 8


def conversation_unit(exchange: Exchange, salt: str) -> str:
    """Return what the experiment calls this conversation; nothing of its words or of its id can be read from it."""
    parsed = exchange.known()
    key = conversation_key(parsed.request.body, conversation_id=parsed.conversation_id, caller=exchange.key_prefix)
    return hashlib.blake2b(key or exchange.id.encode(), key=salt.encode()[:64], digest_size=16).hexdigest()


def drawn_arm(unit: str, settings: ExperimentSettings) -> Arm:
    """Return the arm of a conversation; `holdout` with the probability of the settings."""
    draw = int.from_bytes(bytes.fromhex(unit)[:_DRAW_BYTES]) / 2 ** (8 * _DRAW_BYTES)
    return "holdout" if draw < settings.holdout else "passages"
