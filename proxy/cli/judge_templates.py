"""`thalamus judge templates | optimise | promote | rollback`: the words that the judge is asked by."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from config.database import open_database
from proxy.cli.bars import Bars
from proxy.cli.judge_session import opened, shelf_of, template_of
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, note, print_json, print_table, say
from router.judge.examples import read_examples
from router.judge.optimise import Patience, try_templates, variants_of
from router.judge.templates import toml_of

if TYPE_CHECKING:
    from config.settings import Settings
    from config.types import Json
    from router.judge.optimise import Verdicts
    from router.judge.templates import Template
    from router.offpolicy.intervals import Estimate

MAX_DAYS = 3650


def templates(
    *,
    show: Annotated[str | None, typer.Option(metavar="NAME", help="Print one as its file, to begin one's own.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the templates, which of them is in charge, and what was promoted before."""
    settings = read_settings(config)
    shelf = shelf_of(settings)
    if show is not None:
        found = shelf.named(show)
        print_json({"template": found.version, "toml": toml_of(found)}) if as_json else say(toml_of(found).rstrip())
        return
    known, problems = shelf.templates()
    in_charge = shelf.in_charge(settings.judge.template)
    promotions = shelf.pointers().promotions
    for each in (*problems, *((in_charge.problem,) if in_charge.problem else ())):
        note(each)
    if as_json:
        print_json(
            {
                "in_charge": in_charge.template.version,
                "templates": [{"version": each.version, "about": each.about} for each in known],
                "promotions": [{"version": e.version, "ts": e.ts, "metrics": e.metrics} for e in promotions],
            }
        )
        return
    rows = [(each.version, "yes" if each == in_charge.template else "", each.about) for each in known]
    print_table(("template", "in charge", "about"), rows)
    if promotions:
        print_table(("promoted", "when"), [(each.version, each.ts[:19]) for each in promotions])


def optimise(
    *,
    days: Annotated[int, typer.Option(min=1, max=MAX_DAYS, help="How many days back.")] = 30,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most examples; the newest are taken.")] = 200,
    only: Annotated[str, typer.Option(help="Templates to try, by commas; without it all there are.")] = "",
    promote_it: Annotated[bool, typer.Option("--promote", help="Put the better one in charge.")] = False,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Questions to the judge at the same time.")] = 2,
    timeout_s: Annotated[float, typer.Option("--timeout", min=1, help="Seconds that each answer may take.")] = 60.0,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Try templates on recorded decisions with outcomes, and say whether one agrees better with what turned out best.

    The judge is asked once for each example and template. Half of the conversations select, the other half confirms;
    with `--promote` a template takes charge only where the interval of its gain there lies above 0.
    """
    settings = read_settings(config)
    current = template_of(settings, None)
    names = tuple(name.strip() for name in only.split(",") if name.strip())
    others = tuple(each for each in _others(settings, current, names) if each.version != current.version)
    patience = Patience(timeout_s, at_once, settings.judge.max_query_tokens)
    found, recipe = asyncio.run(_search(settings, current, others, days=days, limit=limit, patience=patience))
    promoted = promote_it and _promoted(settings, found, recipe)
    told = found.as_json() | recipe | {"promoted": promoted}
    print_json(told) if as_json else _tell(found, recipe, promoted=promoted)


def promote(
    name: Annotated[str, typer.Argument(help="Name or version of a template.")],
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a template in charge, untried. A running gateway takes it up within seconds."""
    settings = read_settings(config)
    found = shelf_of(settings).named(name)
    _put_in_charge(settings, found, {"by": "hand"})
    print_json({"in_charge": found.version}) if as_json else say(f"{found.version} is promoted.")


def rollback(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Take the last promotion back."""
    found = shelf_of(read_settings(config)).rollback().template
    print_json({"in_charge": found.version}) if as_json else say(f"{found.version} is in charge again.")


VERBS = (
    ("templates", "thalamus judge templates --show plain > mine.toml", templates),
    ("optimise", "thalamus judge optimise --days 30 --promote", optimise),
    ("promote", "thalamus judge promote stepwise", promote),
    ("rollback", "thalamus judge rollback", rollback),
)


def _others(settings: Settings, current: Template, names: tuple[str, ...]) -> tuple[Template, ...]:
    """Return the templates to try: the named ones, else all there are, and the current one where it shows less."""
    shelf = shelf_of(settings)
    if names:
        return tuple(shelf.named(name) for name in names)
    return (*shelf.templates()[0], *variants_of(current))


async def _search(
    settings: Settings, current: Template, others: tuple[Template, ...], *, days: int, limit: int, patience: Patience
) -> tuple[Verdicts, Json]:
    since = datetime.now(UTC) - timedelta(days=days)
    async with opened(settings) as session:
        judge = session.judging.judge
        if not session.judging.wanted or await judge.look() in {"missing", "away"}:
            raise CommandError("the judge is not there. See: thalamus judge status")
        await judge.voice.load()
        offers = {each.model: each for each in session.offers(tuple(session.catalog.models))}
        database = open_database(settings.database_url)
        try:
            examples = await read_examples(database, since=since, offers=offers, limit=limit)
        finally:
            await database.aclose()
        if not examples:
            raise CommandError(
                f"the last {days} days hold no decision that was drawn, whose text was kept and that somebody rated."
            )
        with Bars() as bars:
            found = await try_templates(
                judge.voice, current, others, examples=examples, patience=patience, progress=bars
            )
        whole = sum(each.whole_text for each in examples)
        return found, {"judge": judge.voice.name, "examples": len(examples), "whole_texts": whole, "days": days}


def _promoted(settings: Settings, found: Verdicts, recipe: Json) -> bool:
    """Put the selected template in charge where nothing speaks against it, and return whether that was done."""
    if found.selected is None or found.why_not is not None:
        return False
    _put_in_charge(settings, found.selected, found.as_json() | recipe)
    return True


def _put_in_charge(settings: Settings, chosen: Template, metrics: Json) -> None:
    shelf_of(settings).promote(chosen, ts=datetime.now(UTC), metrics=metrics)
    if settings.judge.template is not None:
        note("judge.template in the settings names a template; it stays in charge until that line is gone.")


def _range(found: Estimate) -> str:
    """Return the interval in words; a dash where a single conversation bounds nothing."""
    return f"{found.low:.3f} to {found.high:.3f}" if math.isfinite(found.error) else "–"


def _tell(found: Verdicts, recipe: Json, *, promoted: bool) -> None:
    say(f"{recipe['judge']} judged {recipe['examples']} examples, {recipe['whole_texts']} with their whole text.")
    rows = [
        (each.template.version, f"{each.agreement.value:.3f}", _range(each.agreement), str(each.n_unread))
        for each in (found.current, *found.trials)
    ]
    print_table(("template", "agreement", "95 %", "no answer"), rows)
    if found.gain is not None and found.selected is not None:
        gain = found.gain
        say(
            f"{found.selected.version} against {found.current.template.version} on {found.n_confirming} examples that "
            f"had no say in its selection: {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})."
        )
    if found.why_not is not None:
        say(f"Nothing to promote: {found.why_not}.")
    else:
        say("It is in charge now." if promoted else "Put it in charge with --promote.")
