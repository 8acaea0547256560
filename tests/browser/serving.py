"""A real gateway on a loopback port, with a dashboard that a browser can open and scripted models behind it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from admin.session import COOKIE
from admin.users import UserStore
from tests.e2e.gateway import HEAD, model, running_gateway
from tests.upstreams import replying, scripted_upstream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

    from config.types import DecisionRecord, OutcomeRecord
    from tests.e2e.gateway import Gateway


@dataclass(frozen=True, slots=True)
class Served:
    """A dashboard that answers."""

    gateway: Gateway
    password: str
    """The administrator's, whose name is `admin`."""
    cookies: Mapping[str, str]
    """By role, of somebody who is logged in."""

    @property
    def url(self) -> str:
        """Where it is."""
        return self.gateway.url


@asynccontextmanager
async def served(
    folder: Path,
    *,
    records: Sequence[DecisionRecord] = (),
    outcomes: Sequence[OutcomeRecord] = (),
    models: Sequence[str] = ("cheap", "good"),
    head: str = HEAD,
) -> AsyncGenerator[Served]:
    """Serve until the block ends, with these decisions and opinions in its books."""
    async with (
        scripted_upstream(replying({"text": "Sorted."})) as upstream,
        running_gateway(folder, *(model(name, f"{upstream.url}/v1") for name in models), head=head) as gateway,
    ):
        for record in records:
            gateway.house.ledger.record(record)
        await gateway.house.writer.flush(30)
        for outcome in outcomes:
            gateway.house.ledger.record_outcome(outcome)
        await gateway.house.writer.flush(30)
        users = UserStore(gateway.house.database)
        passwords = {
            role: (await users.set_password(role, role=role, changed_by="test"))[0] for role in ("admin", "viewer")
        }
        cookies = {role: await _cookie(gateway, role, password) for role, password in passwords.items()}
        yield Served(gateway, passwords["admin"], cookies)


async def _cookie(gateway: Gateway, name: str, password: str) -> str:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as browser:
        await browser.get("/dashboard/login")
        form = {"_csrf_token": browser.cookies["thalamus_csrf"], "name": name, "password": password}
        entered = await browser.post("/dashboard/login", data=form)
        assert 303 == entered.status_code, entered.text
        return browser.cookies[COOKIE]
