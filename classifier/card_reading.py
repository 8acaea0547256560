"""Reads the cards of artefacts: what was measured when each was forged. No model is loaded for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from classifier.artefact import CARD
from config.errors import ArtefactError

if TYPE_CHECKING:
    from pathlib import Path

    from config.types import Json

__all__ = ["figures_of", "read_card"]


def read_card(folder: Path) -> Json:
    """Return the card of an artefact without loading its model. Raises `ArtefactError`."""
    try:
        found: object = json.loads((folder / CARD).read_text("utf-8"))
    except ValueError as error:
        raise ArtefactError("is no JSON", file=str(folder / CARD)) from error
    return cast("Json", found) if isinstance(found, dict) else {}


def figures_of(card: Json) -> Json:
    """Return what a list of artefacts shows of a card; `None` where it says nothing."""
    metrics, latency, size = (_part(card, key) for key in ("metrics", "latency", "size"))
    values = {key: _part(metrics, key).get("value") for key in ("micro_f1", "coverage", "selective_accuracy")}
    if values["coverage"] == 0:  # who answers nothing is neither right nor wrong
        values["selective_accuracy"] = None
    return {
        "version": card.get("version"),
        **values,
        "gzipped_kib": size.get("gzipped_kib"),
        "p50_ms": latency.get("p50_ms"),
    }


def _part(whole: Json, key: str) -> Json:
    value = whole.get(key)
    return cast("Json", value) if isinstance(value, dict) else {}
