"""`thalamus intent`, `thalamus understand` and `thalamus intents`: what a text asks for, and what can be asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier import conversation
from classifier.features import features_of
from classifier.reflex import Reflex
from config.intents import load_intents
from proxy.cli.options import AsJson
from proxy.cli.printing import print_json, print_table, say
from proxy.understanding import Understanding

if TYPE_CHECKING:
    from config.types import Intent, Json

DEADLINE_S = 1.0
Catalogue = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Your own intents, beside the shipped.")]


def intent(
    text: Annotated[str | None, typer.Argument(help="What is said.")] = None,
    *,
    rows: Annotated[Path | None, typer.Option("--input", metavar="FILE", help="Rows with a text each, JSONL.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a text, or each row of a file, asks for: by rule, micro-model, or an abstention with its best guess."""
    from classifier.foundry.corpus import read_texts  # noqa: PLC0415  # offline only

    if (text is None) == (rows is None):
        raise typer.BadParameter("say either TEXT or --input FILE.")
    texts = (text or "",) if rows is None else read_texts(rows)
    understanding = _loaded()
    for each in texts:
        found = asyncio.run(understanding.cascade.classify(each, deadline_s=DEADLINE_S))
        if as_json:
            print_json({"text": each, **_told(found)})
        else:
            unsure = " (unsure)" if found.abstained else ""
            labels = ", ".join(found.labels) or "nobody knows"
            say(f"{labels}{unsure}  {found.confidence:.2f}  {found.source}  {found.ms:.2f} ms")


def understand(text: Annotated[str, typer.Argument(help="What is said.")], *, as_json: AsJson = False) -> None:
    """Print what the rules, the models and the features say of a text."""
    understanding = _loaded()
    state = conversation.read([{"role": "user", "content": text}])
    hit = Reflex().look(text)
    told: Json = {
        "intent": _told(understanding.cascade.look(state.meant)),
        "risk": None if hit is None else hit.action,
        "features": features_of(state, domain=understanding.domain(state.meant)).as_json(),
        "tiers": understanding.state(),
    }
    if as_json:
        print_json(told)
        return
    print_table(("what", "says"), [(name, str(value)) for name, value in told.items()])


def list_(*, file: Catalogue = None, as_json: AsJson = False) -> None:
    """List what a text may ask for."""
    found = load_intents(file).intents
    if as_json:
        print_json({"intents": [{"name": each.name, "zh": each.zh, "en": each.en} for each in found]})
        return
    print_table(("name", "zh", "en", "service"), [(each.name, each.zh, each.en, each.service) for each in found])


VERBS = (("list", "thalamus intents list", list_),)


def _loaded() -> Understanding:
    understanding = Understanding()
    understanding.load_now()
    return understanding


def _told(found: Intent) -> Json:
    return {
        "intents": list(found.labels),
        "confidence": round(found.confidence, 4),
        "abstained": found.abstained,
        "source": found.source,
        "ms": round(found.ms, 3),
    }
