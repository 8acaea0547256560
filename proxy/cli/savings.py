"""`thalamus savings`: what requests saved by sending passages, and how sure that is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from config.database import open_database
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import print_json, print_table, say
from router.savings_report import savings_report

if TYPE_CHECKING:
    from config.settings import Settings
    from config.types import Json

MAX_DAYS = 3650


def savings(
    *,
    days: Annotated[int, typer.Option("--days", min=1, max=MAX_DAYS, help="How many days back.")] = 30,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Print what sending passages saved against sending documents, every cost charged, and the held-out comparison."""
    report = asyncio.run(_report(read_settings(config), datetime.now(UTC) - timedelta(days=days)))
    if as_json:
        print_json(report)
        return
    requests, experiment = cast("Any", report["requests"]), cast("Any", report["experiment"])
    say(f"{requests['n']} requests were answered with passages in {days} days; tokens are estimated.")
    say(f"Sent {requests['sent_tokens']:,}, and {requests['charged_tokens']:,} charged for what may have been missed.")
    print_table(
        ("against", "requests", "tokens", "saved", "share"),
        [
            _row("all documents", requests["against_all_documents"]),
            _row("whole documents of the intent", requests["against_intent_documents"]),
        ],
    )
    say(_compared(experiment))


def _row(name: str, told: dict[str, Any]) -> tuple[str, ...]:
    share = told["note"] if told["percent"] is None else f"{told['percent']} %"
    return name, str(told["n"]), f"{told['tokens']:,}", f"{told['saved']:,}", share


def _compared(told: dict[str, Any]) -> str:
    arms = (
        f"{told['conversations_with_passages']} conversations with passages, {told['conversations_held_out']} without"
    )
    if "note" in told:
        return f"Experiment: {arms}; {told['note']}."
    found = told["tokens_per_request"]
    return (
        f"Experiment: {arms}; passages change the tokens of a request by {found['difference']:+} "
        f"(95 % interval {found['low']:+} to {found['high']:+}, which holds however often you look)."
    )


async def _report(settings: Settings, since: datetime) -> Json:
    database = open_database(settings.database_url, busy_timeout_s=30.0)
    try:
        await database.upgrade()
        return await savings_report(database, since=since)
    finally:
        await database.aclose()
