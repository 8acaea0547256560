"""What `thalamus foundry` does where a model finds entities: forge it, and tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from proxy.cli.bars import Bars
from proxy.cli.printing import note

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.foundry.blueprint import Blueprint
    from classifier.foundry.forge import Forged
    from config.types import Json


def finds_entities(card: Json) -> bool:
    """Return whether a card is that of a model of entities."""
    return card.get("task") == "sequence"


def forged_entities(blueprint: Blueprint, out: Path) -> Forged:
    """Make the artefact of a blueprint with the trainer `bilstm_crf`, a bar for each training."""
    from classifier.ner.forging import forge_entities  # noqa: PLC0415  # offline only

    with Bars() as bars:
        made = forge_entities(blueprint, out, progress=bars)
    data = cast("dict[str, Any]", made.card["data"])
    dropped = "".join(f"; {count} dropped: {reason}" for reason, count in data["dropped"].items())
    note(f"{blueprint.name}: {data['train_rows']} rows learnt from, {data['validation_rows']} to stop by{dropped}")
    return made


def entities_sentence(forged: Forged) -> str:
    """Return what a card says of a model of entities, in one sentence."""
    card = cast("dict[str, Any]", forged.card)
    metrics = card["metrics"]
    return (
        f"{forged.folder}: version {card['version']}, entity F1 {metrics['micro_f1']['value']:.3f} on the "
        f"{card['evaluated_on']} rows, {metrics['unseen']['f1']:.3f} on forms never seen, "
        f"{card['size']['gzipped_kib']} KiB gzipped, {card['latency']['p50_ms']} ms."
    )
