from __future__ import annotations

import asyncio

import pytest

from config.errors import StorageError
from proxy.following import follow


async def test_an_absence_of_the_database_is_told_once_and_ends_by_itself() -> None:
    """Each absence anew; looks come faster or slower meanwhile."""
    looks = [None, StorageError("first"), StorageError("still"), None, StorageError("again"), None]
    told: list[str] = []
    slept: list[float] = []

    async def look() -> None:
        if not looks:
            raise asyncio.CancelledError
        error = looks.pop(0)
        if error is not None:
            raise error

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    with pytest.raises(asyncio.CancelledError):
        await follow(look, look_s=1.0, retry_s=5.0, tell=lambda error: told.append(str(error)), sleep=sleep)

    assert ["first", "again"] == told
    assert [1.0, 5.0, 5.0, 1.0, 5.0, 1.0] == slept


async def test_another_error_is_not_swallowed() -> None:
    """It is for who supervises the task."""

    async def look() -> None:
        raise ValueError("a fault of ours")

    with pytest.raises(ValueError, match="a fault of ours"):
        await follow(look, look_s=1.0, retry_s=5.0, tell=lambda _: None)
