"""`thalamus experiments`: how the trials of the settings stand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.database import open_database
from proxy.cli.languages import Told, ToldIn, usual_language
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, print_json, print_table, say
from router.experiments.status import status_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.experiment_settings import TrialSettings
    from config.types import Json

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "en": ("arm", "policy", "dial", "conversations", "counted", "requests", "completed", "rating", "USD a request"),
    "zh": ("组", "策略", "刻度", "对话", "计入", "请求", "完成", "评分", "每请求 USD"),
}


def status(
    *,
    name: Annotated[str | None, typer.Option("--name", help="One trial only.")] = None,
    language: ToldIn = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say of each trial how both arms stand, and whether it may stop, with an interval that holds at every look."""
    settings = read_settings(config)
    trials = settings.experiment.trial
    if not trials:
        raise CommandError("there is no experiment in the settings; add one as [[experiment.trial]].")
    wanted = [each for each in trials if name in {None, each.name}]
    if not wanted:
        raise CommandError(f"there is no experiment {name!r}; there are {', '.join(each.name for each in trials)}.")
    found = asyncio.run(_found(settings.database_url, wanted, running=trials[-1].name))
    if as_json:
        print_json({"experiments": found})
        return
    for each in found:
        _print(each, language or usual_language())


VERBS = (("status", "thalamus experiments status", status),)


async def _found(url: str, trials: Sequence[TrialSettings], *, running: str) -> list[Json]:
    database = open_database(url, busy_timeout_s=30.0)
    try:
        await database.upgrade()
        now = datetime.now(UTC)
        return [{**await status_of(database, each, now=now), "draws": each.name == running} for each in trials]
    finally:
        await database.aclose()


def _print(told: Mapping[str, Any], language: Told) -> None:
    over = "" if told["draws"] else " (draws nobody any more)" if language == "en" else "（已不再分配对话）"
    say(f"{told['name']}{over}")
    print_table(COLUMNS[language], [_row(arm, each) for arm, each in told["arms"].items()])
    say(told[language])


def _row(arm: str, told: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        arm,
        told["policy"],
        "–" if told["dial"] is None else f"{told['dial']:g}",
        str(told["conversations"]),
        str(told["counted"]),
        str(told["requests"]),
        "–" if told["completed"] is None else f"{told['completed']:.1%}",
        "–" if told["quality"] is None else f"{told['quality']:.3f} (n={told['rated']})",
        "–" if told["cost_usd"] is None else f"{told['cost_usd']:.3g}",
    )
