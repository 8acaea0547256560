"""What the gateway does for its books by itself."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from config.settings import StorageSettings
from proxy.upkeep import TELL_S, LossWatch, prune_by_itself
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import model, running_gateway

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = Script((Reply(text="hello"),))


def test_lost_records_are_told_at_the_begin_once_a_minute_and_at_the_end() -> None:
    """One warning when it begins, one a minute with the count while it goes on, one line when it ends."""
    watch = LossWatch()
    with capture_logs() as logs:
        for n_dropped, now, is_well in (
            (0, 0.0, True),
            (3, 1.0, False),
            (9, 2.0, False),
            (9, 1.0 + TELL_S, False),
            (9, 2.0 + TELL_S, False),
            (9, 3.0 + TELL_S, True),
            (9, 4.0 + TELL_S, True),
            (10, 5.0 + TELL_S, False),
        ):
            watch.look(n_dropped, now, is_well=is_well)

    told = [(each["log_level"], each["event"], each["n_dropped"]) for each in logs]
    assert [
        ("warning", "records_dropped", 3),
        ("warning", "records_dropped", 9),
        ("info", "records_kept_again", 9),
        ("warning", "records_dropped", 1),
    ] == told


async def test_old_rows_go_by_themselves(tmp_path: Path) -> None:
    """A decision older than its retention is gone without a command; one within it stays."""
    async with (
        scripted_upstream(SCRIPT) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        old, young = await gateway.chat(), await gateway.chat()
        await gateway.house.writer.flush(5)
        database = gateway.house.database
        async with database.writing() as connection:
            await connection.exec_driver_sql(
                "UPDATE decision SET ts = '2020-01-01 00:00:00.000000' WHERE id = ?",
                (old.headers["x-thalamus-decision-id"],),
            )
        with capture_logs() as logs, suppress(TimeoutError):
            async with asyncio.timeout(1):
                await prune_by_itself(database, StorageSettings, first_s=0, interval_s=60)
        async with database.reading() as connection:
            left = (await connection.exec_driver_sql("SELECT id FROM decision")).scalars().all()

    assert [young.headers["x-thalamus-decision-id"]] == list(left)
    assert [("pruned", 1)] == [(each["event"], each["n_decision"]) for each in logs]
