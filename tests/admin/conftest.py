"""The dashboard as a browser sees it: the whole site on a real SQLite file, and somebody who is logged in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import event

from admin.desk import Desk
from admin.page import Role
from admin.passwords import Passwords
from admin.session import COOKIE
from admin.session_store import SessionStore
from admin.site import create_site
from admin.users import UserStore
from config.database import Database
from config.ids import new_id
from config.types import AttemptRecord, Citation, Cost, Decision, DecisionRecord, Intent, OutcomeRecord, Span, Usage
from config.writer import GroupWriter
from router.ledger import SqlLedger

ORIGIN = "http://127.0.0.1:8000"
HOSTILE = "<script>alert(1)</script><svg onload=alert(2)>\x1b[31m\u202egnp.exe\u2066' OR 1=1 --\"{{7*7}}"
"""What a prompt, a name or a header may hold, and no page may obey."""


class PlainHasher:
    """Hashes by writing a sign in front: real ones take 46 MiB and 30 ms, which only their own tests pay."""

    def __init__(self) -> None:
        self.checked: list[str] = []
        """The hashes that passwords were held against."""

    def hash(self, password: str) -> str:
        return f"plain:{password}"

    def fits(self, stored: str, password: str) -> bool:
        self.checked.append(stored)
        return stored == f"plain:{password}"


class Browser(httpx.AsyncClient):
    """A browser at the site: keeps cookies, follows nothing by itself, and fills in the forms' token."""

    def __init__(self, app: Litestar) -> None:
        transport = httpx.ASGITransport(app)
        super().__init__(transport=transport, base_url=ORIGIN, headers={"sec-fetch-site": "same-origin"})

    async def token(self) -> str:
        """Return the token that a form of this browser would carry."""
        if "thalamus_csrf" not in self.cookies:
            await self.get("/dashboard/login")
        return self.cookies["thalamus_csrf"]

    async def send_form(self, path: str, **fields: str) -> httpx.Response:
        """Send a form with its token."""
        return await self.post(path, data={"_csrf_token": await self.token(), **fields})

    async def log_in(self, name: str, password: str, **fields: str) -> httpx.Response:
        """Send the login form."""
        return await self.send_form("/dashboard/login", name=name, password=password, **fields)

    async def change(self, path: str, **fields: str) -> httpx.Response:
        """Send a form and return the page that it leads to, or what refused it."""
        answer = await self.send_form(path, **fields)
        return await self.get(answer.headers["location"]) if answer.is_redirect else answer


OpenSite = Callable[..., AbstractAsyncContextManager[Browser]]


@pytest.fixture
def passwords():
    """Passwords with a hasher that costs nothing."""
    return Passwords(PlainHasher())


@pytest.fixture
def desk(sqlite_database: Database) -> Desk:
    """What the pages are given; a test file replaces this fixture to add its part: `replace(desk, models=…)`."""
    return Desk(database=sqlite_database, csrf_secret="s" * 64, is_https=lambda: False)


@pytest.fixture
def open_site(desk: Desk, passwords: Passwords) -> OpenSite:
    """Give the site as anybody sees it, used with `async with`: a role or `None`, and parts of the desk by name."""

    @asynccontextmanager
    async def opened(
        role: Role | None = "admin", *, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **parts: object
    ) -> AsyncGenerator[Browser]:
        its_desk = replace(desk, **parts)  # pyright: ignore[reportArgumentType]  # names of fields
        sessions = SessionStore(its_desk.database, passwords=passwords, clock=clock)
        async with Browser(create_site(its_desk, sessions, clock=clock)) as browser:
            if role is not None:
                users = UserStore(its_desk.database, passwords=passwords, clock=clock)
                password, _role = await users.set_password(f"the-{role}", role=role, changed_by="test")
                entered = await sessions.log_in(f"the-{role}", password, address="127.0.0.1")
                assert entered is not None
                browser.cookies.set(COOKIE, entered[0], domain="127.0.0.1", path="/dashboard")
            yield browser

    return opened


@pytest.fixture
async def site(open_site: OpenSite) -> AsyncGenerator[Browser]:
    """An administrator's browser."""
    async with open_site("admin") as browser:
        yield browser


@pytest.fixture
async def viewer(open_site: OpenSite) -> AsyncGenerator[Browser]:
    """The browser of somebody who may look and change nothing."""
    async with open_site("viewer") as browser:
        yield browser


@pytest.fixture
async def stranger(open_site: OpenSite) -> AsyncGenerator[Browser]:
    """The browser of somebody who is not logged in."""
    async with open_site(None) as browser:
        yield browser


def a_decision(n: int, *, now: datetime) -> DecisionRecord:
    """Return the `n`-th decision before now: models, languages, intents and outcomes take turns; every fifth fails over."""
    zh, fails = n % 2 == 1, n % 5 == 4
    chosen, other = ("cheap", "good") if n % 3 else ("good", "cheap")
    failed = AttemptRecord(
        1, f"{chosen}/one", chosen, "openai", committed=False, failure_class="rate", error="429", status=429,
        duration_ms=20.0,
    )  # fmt: skip
    served = other if fails else chosen
    answered = AttemptRecord(
        2 if fails else 1, f"{served}/one", served, "openai", committed=True, status=200, ttft_ms=80.0 + n,
        duration_ms=400.0 + 10 * n, usage=Usage(100 + n, 40), cost=Cost(0.001 * (n + 1), "estimated"),
        finish_reason="stop",
    )  # fmt: skip
    return DecisionRecord(
        id=new_id(),
        ts=now - timedelta(minutes=7 * n),
        status="completed",
        endpoint="chat",
        stream=n % 4 == 0,
        decision=Decision(
            "auto",
            ("cheap", "good"),
            (0.75, 0.25),
            (chosen, other),
            ("weights",),
            "p1",
            explored=n % 7 == 0,
            seed=n,
            features={"language": "zh" if zh else "en", "domain": "code" if n % 3 else "math", "n_turns": 1},
        ),
        attempts=(failed, answered) if fails else (answered,),
        served_model=served,
        conversation_id=f"talk-{n // 2}",
        key_prefix="sk-thal-abcdef",
        intent=Intent(("code",) if n % 3 else ("math",), 0.9 - n / 100, "qwen3"),
        passages=(Citation("zh/快速开始.md", 3, 9),) if n % 2 else (),
        spans=(Span("admit", 0.0, 0.2), Span("choose", 0.2, 1.4), Span("relay", 1.6, 400.0)),
        preview=HOSTILE if n == 0 else "写一个排序函数" if zh else "Write a sorting function",
        request_body=b'{"messages": []}' if n == 0 else None,
        response_body=b"answer" if n == 0 else None,
    )


@pytest.fixture
async def filled(sqlite_database: Database) -> list[DecisionRecord]:
    """Thirty decisions of the last hours, newest first, written by the real ledger; every third was rated."""
    now = datetime.now(UTC)
    records = [a_decision(n, now=now) for n in range(30)]
    writer = GroupWriter(sqlite_database, group_commit_ms=1)
    ledger = SqlLedger(writer)
    writer.start()
    for n, record in enumerate(records):
        ledger.record(record)
        if n % 3 == 0:
            ledger.record_outcome(OutcomeRecord(record.id, "user", "rating", record.ts, score=1.0 if n % 2 else 0.25))
    await writer.flush(10)
    await writer.aclose()
    return records


@pytest.fixture
def statements(sqlite_database: Database) -> Iterator[list[str]]:
    """Every statement that the database is asked from now on, transactions' begins and ends aside."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            asked.append(statement)

    engine = sqlite_database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)
