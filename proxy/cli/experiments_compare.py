"""`thalamus experiments compare`: another model answers recorded requests in shadow, and a blind judge compares."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from config.database import open_database
from config.errors import NotFoundError
from proxy.cli.asking import live_in, words_of
from proxy.cli.checking import probed
from proxy.cli.languages import Told, ToldIn, usual_language
from proxy.cli.moments import moment_of
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, note, print_json, say
from router.experiments.pairwise import compared
from router.experiments.shadow import answered, read_recorded

if TYPE_CHECKING:
    from config.settings import Settings
    from config.types import Json
    from router.experiments.pairwise import Comparison
    from router.experiments.shadow import Recorded
    from router.snapshot import Catalog

FEW = 30
"""Readable pairs below which it is said that they are few."""


def compare(
    *,
    candidate: Annotated[str, typer.Option("--candidate", metavar="MODEL", help="Answers in shadow.")],
    judge: Annotated[str, typer.Option("--judge", metavar="MODEL", help="Compares; best neither of both.")],
    since: Annotated[str, typer.Option("--since", help="How far back: 7d, 36h, 2w, or a date.")] = "7d",
    most: Annotated[int, typer.Option("--most", min=1, max=2000, help="Requests that are answered again.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw of requests and of the order of answers.")] = 0,
    language: ToldIn = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let another model answer recorded requests, and a judge compare, blindly and in both orders.

    Needs stored bodies (`storage.store_bodies`). Each request costs one answer of the candidate and two of the judge.
    """
    begun = moment_of(since, now=datetime.now(UTC))
    settings = read_settings(config)
    told, found = asyncio.run(_compared(settings, candidate, judge, since=begun, most=most, seed=seed))
    print_json(told) if as_json else _print(told, found, language or usual_language())


VERBS = (("compare", "thalamus experiments compare --candidate gpt --judge llama3", compare),)


async def _compared(
    settings: Settings, candidate: str, judge: str, *, since: datetime, most: int, seed: int
) -> tuple[Json, Comparison]:
    catalog = await probed(settings)
    candidate, judge = _live(catalog, candidate), _live(catalog, judge)
    recorded = await _recorded(settings, candidate, since=since, most=most, seed=seed)
    note(f"{candidate} answers {len(recorded)} recorded requests, and {judge} judges each pair twice.")
    async with words_of(live_in(catalog)) as (words, _):
        made = await answered(recorded, words, name=candidate)
        if not made.pairs:
            raise CommandError(f"the model '{candidate}' answered none of {len(recorded)} requests.")
        hidden = sorted({candidate, *(each.model for each in recorded)})
        found = await compared(made.pairs, words, model=judge, hidden=hidden, seed=seed)
    told = {"candidate_model": candidate, "judge_model": judge, "failed": made.n_failed, **found.as_json()}
    return told | {"cost_usd": None if words.spent.n_unpriced else round(words.spent.usd, 6)}, found


async def _recorded(settings: Settings, candidate: str, *, since: datetime, most: int, seed: int) -> list[Recorded]:
    database = open_database(settings.database_url, busy_timeout_s=30.0)
    try:
        await database.upgrade()
        found = await read_recorded(database, since=since, candidate=candidate, most=most, seed=seed)
    finally:
        await database.aclose()
    if not found:
        kept = "" if settings.storage.store_bodies else "; none are stored: set storage.store_bodies"
        raise CommandError(f"there is no stored answer of another model since {since:%Y-%m-%d %H:%M} UTC{kept}.")
    return found


def _live(catalog: Catalog, name: str) -> str:
    """Return the name of a model that can be asked. Raises `CommandError`."""
    try:
        model = catalog.resolve(name)
    except NotFoundError as error:
        raise CommandError(f"{error} See: thalamus models") from error
    if not model.live or any(each.dialect == "extractive" for each in model.deployments):
        raise CommandError(f"the model '{model.name}' cannot be asked now. See: thalamus models")
    return model.name


def _print(told: Json, found: Comparison, language: Told) -> None:
    wins, bias = found.wins, found.place_bias
    say(
        f"{told['pairs']} pairs: candidate {told['candidate_model']} {found.outcomes.count('candidate')}, current "
        f"{found.outcomes.count('current')}, tie {found.outcomes.count('tie')}, by place "
        f"{found.outcomes.count('by_place')}, unreadable {found.outcomes.count('unreadable')}"
        if language == "en"
        else f"{told['pairs']} 对：候选 {told['candidate_model']} 胜 {found.outcomes.count('candidate')}，现任胜 "
        f"{found.outcomes.count('current')}，平 {found.outcomes.count('tie')}，只看位置 "
        f"{found.outcomes.count('by_place')}，读不出 {found.outcomes.count('unreadable')}"
    )
    if wins is None:
        say("The judge said nothing that could be read." if language == "en" else "裁判的话一句也读不出。")
        return
    share = f"{wins.value:.1%} ({wins.low:.1%} … {wins.high:.1%})"
    say(f"Wins of the candidate, ties half: {share}" if language == "en" else f"候选方胜率（平局算一半）：{share}")
    if bias is not None:
        place = f"{bias.value:.1%} ({bias.low:.1%} … {bias.high:.1%})"
        say(
            f"Verdicts for what stood first: {place}" if language == "en" else f"判给排在前面者的裁决：{place}",
        )
    if found.is_biased:
        say(
            "This judge prefers a place; pairs that it judged by place count as ties."
            if language == "en"
            else "这个裁判偏爱某个位置；只看位置的裁决按平局计。"
        )
    if len(found.outcomes) - found.outcomes.count("unreadable") < FEW:
        say("These are few pairs." if language == "en" else "这些对数很少。")
