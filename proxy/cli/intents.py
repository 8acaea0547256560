"""`thalamus intent` and `thalamus understand`: what a text asks for, and what every model says of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier import conversation
from classifier.features import features_of
from classifier.readings import features_from
from classifier.reflex import Reflex
from classifier.text import MAX_CHARS
from config.confidence import shown
from config.errors import CorpusError
from proxy.classifying import told
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import note, print_json, print_table, say
from proxy.house import ollama_url
from proxy.understanding import VERSIONS, Understanding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from classifier.cascade import Asked
    from classifier.features import Features
    from classifier.readings import Reading
    from config.types import Json

_NOBODY = "nobody knows"


def intent(
    text: Annotated[str | None, typer.Argument(help="What is said.")] = None,
    *,
    rows: Annotated[Path | None, typer.Option("--input", metavar="FILE", help="Rows with a text each, JSONL.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what a text, or each row of a file, asks for: by rule, micro-model or large model, or an abstention."""
    from classifier.foundry.corpus import read_texts_or_errors  # noqa: PLC0415  # offline only

    if (text is None) == (rows is None):
        raise typer.BadParameter("say either TEXT or --input FILE.")
    _note_unread(text)
    texts = (text or "",) if rows is None else read_texts_or_errors(rows)
    if not texts:
        note(f"{rows} holds no row.")
    wrong = [each for each in texts if isinstance(each, CorpusError)]
    if len(wrong) < len(texts):
        good = [each for each in texts if isinstance(each, str)]
        asyncio.run(_ask(_understanding(config), good, lambda each, asked: _print_answer(each, asked, as_json=as_json)))
    for each in wrong:
        note(str(each))
    if wrong:
        raise typer.Exit(1)


def understand(
    text: Annotated[str, typer.Argument(help="What is said.")], *, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Print what every tier, model, rule and feature says of a text."""
    _note_unread(text)
    understanding = _understanding(config)
    state = conversation.read([{"role": "user", "content": text}])
    told_of: list[Asked] = []
    tiers = asyncio.run(_ask(understanding, (state.meant,), lambda _, found: told_of.append(found)))
    asked = told_of[0]
    readings = understanding.read_now(state.meant)
    hit = Reflex().look(text)
    features = features_of(state)
    if as_json:
        print_json(
            {
                "intent": {**told(asked.intent), "tiers": [told(tier) for tier in asked.tiers]},
                "models": {name: each.as_json() for name, each in readings.items()},
                "risk": None if hit is None else hit.action,
                "features": features.as_json() | features_from(readings, features),
                "tiers": tiers,
            }
        )
        return
    print_table(("what", "says", "confidence", "ms"), _lines(asked, readings, hit.action if hit else None))
    print_table(("feature", "is"), _features(features, readings))


def _note_unread(text: str | None) -> None:
    """Say why an answer may be none: there is nothing to read, or more than is read."""
    if text is not None and not text.strip():
        note("The text is empty: there is nothing to read in it.")
    elif text is not None and len(text) > MAX_CHARS:
        note(f"Of the {len(text):,} characters the models read the first {MAX_CHARS:,}.")


def _print_answer(text: str, asked: Asked, *, as_json: bool) -> None:
    found = asked.intent
    if as_json:
        print_json({"text": text, **told(found), "tiers": [told(tier) for tier in asked.tiers]})
        return
    unsure = " (unsure)" if found.abstained else ""
    labels = ", ".join(found.labels) or _NOBODY
    say(f"{labels}{unsure}  {shown(found.confidence, 2):.2f}  {found.source}  {found.ms:.2f} ms")


def _lines(asked: Asked, readings: dict[str, Reading], risk: str | None) -> list[tuple[str, str, str, str]]:
    lines = [
        (
            f"intent: {each.source}",
            _words(each.labels, abstained=each.abstained),
            f"{shown(each.confidence, 2):.2f}",
            _ms(each.ms),
        )
        for each in asked.tiers
    ]
    for name, each in readings.items():
        found = ", ".join(f"{entity['type']}: {entity['text']}" for entity in each.entities)
        says = each.problem or found or _words(each.labels, abstained=each.abstained)
        lines.append((name, says, f"{shown(each.confidence, 2):.2f}", _ms(each.ms)))
    return [*lines, ("risk: rules", risk or "nothing risky", "", "")]


def _words(labels: Sequence[str], *, abstained: bool) -> str:
    if not abstained:
        return ", ".join(labels) or "nothing"
    return f"abstains (perhaps {', '.join(labels)})" if labels else "abstains"


def _features(features: Features, readings: dict[str, Reading]) -> list[tuple[str, str]]:
    known = features.as_json() | features_from(readings, features)
    return [(name, "unknown" if value is None else str(value)) for name, value in known.items()]


def _ms(ms: float) -> str:
    return f"{ms:.2f}"


def _understanding(config: Path | None) -> Understanding:
    settings = read_settings(config)
    versions = settings.state_dir / VERSIONS
    return Understanding(replace(settings.classifier, enabled=True), ollama_url=ollama_url(settings), versions=versions)


async def _ask(understanding: Understanding, texts: Sequence[str], tell: Callable[[str, Asked], None]) -> Json:
    """Ask in turn, as the gateway would once everything is loaded, and tell each answer; return the tiers' state."""
    try:
        await understanding.load()
        await understanding.warm()
        for each in texts:
            tell(each, await understanding.ask(each))
        return understanding.state()
    finally:
        await understanding.aclose()
