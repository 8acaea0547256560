"""What `thalamus foundry` does where a model finds entities: forge it, try it, tell of it."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from classifier.ner.entitymodel import EntityModel
from proxy.cli.bars import Bars
from proxy.cli.printing import note, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from classifier.foundry.blueprint import Blueprint
    from classifier.foundry.forge import Forged
    from config.types import Json

_DIGITS = 4


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


def try_entities(folder: Path, lines: Iterable[str], *, as_json: bool) -> None:
    """Print the entities of each line, with type, confidence and milliseconds."""
    model = EntityModel.load(folder)
    for line in lines:
        text = line.rstrip("\n")
        began = time.perf_counter()
        found = model.entities(text)
        ms = (time.perf_counter() - began) * 1000
        if as_json:
            entities = [{**asdict(each), "confidence": round(each.confidence, _DIGITS)} for each in found]
            print_json({"text": text, "entities": entities, "ms": round(ms, _DIGITS)})
            continue
        told = ", ".join(f"{each.text} ({each.type}, {each.confidence:.0%})" for each in found)
        say(f"{told or 'no entity'}  {ms:.2f} ms")
