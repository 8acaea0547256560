"""After a short demo every page of the dashboard has something to show, in its HTML and in its `.json` twin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from admin.pages.all import PAGES
from tests.demo.browser import Browser, logged_in, run_the_house
from tests.demo.day import ERRORS, GONE, Phase
from tests.demo.town import standing

SEED = 3
N_WELL, N_IN_TROUBLE, OF_EACH = 90, 30, 30
Data = Mapping[str, Any]
SHOWN: Mapping[str, Callable[[Data], tuple[object, ...]]] = {
    "overview": lambda data: (data["total"]["n_requests"], data["by_model"], data["deployments"]),
    "traffic": lambda data: (data["decisions"], data["figures"]["n"], data["models"]),
    "decisions": lambda data: (data["decisions"], data["intents"], data["next"]),
    "decision": lambda data: (
        *(data[name] for name in ("stages", "candidates", "attempts", "said")),
        data["bodies"]["request"],
        data["bodies"]["answer"],
        data["flips"]["state"] == "shown",
    ),
    "models": lambda data: (data["entries"], data["n_requests"], data["profile"]),
    "savings": lambda data: (data["total"]["saved_tokens"], data["by_model"], data["comparison"]["experiment"]),
    "rules": lambda data: (data["rules"], data["models"]),
    "judge": lambda data: (data["templates"], data["in_charge"]),
    "documents": lambda data: (data["n_documents"], data["sources"]),
    "playground": lambda data: (data["models"],),
    "feedback": lambda data: (data["opinions"], data["comments"], data["queue"]),
    "learning": lambda data: (
        *(data[name] for name in ("curve", "recent", "versions")),
        data["evaluation"]["report"],
        data["state"]["n_lessons"],
    ),
    "foundry": lambda data: (data["artefacts"],),
    "intents": lambda data: (
        *(data[name] for name in ("intents", "tiers", "n_labelled", "confusion", "reliability", "curve")),
    ),
    "logs": lambda data: (data["events"],),
    "system": lambda data: (data["uptime_ms"], data["process"], data["books"], data["parts"]),
    "keys": lambda data: (data["keys"],),
    "settings": lambda data: (data["areas"], data["n_changed"]),
    "audit": lambda data: (data["changes"],),
}
"""By page: what must be there."""


@asynccontextmanager
async def short_demo() -> AsyncGenerator[tuple[Browser, str], None]:
    """Yield the dashboard after a minute made short, and the id of a decision that was rated."""
    rated: list[str] = []
    async with standing(instant=True) as town:
        clients = town.clients(lambda _seen: None, seed=SEED, share=1.0)
        for first in range(0, N_WELL, OF_EACH):
            numbers = range(first, first + OF_EACH)
            for each in await asyncio.gather(*(clients.ask(n, stream=n % 2 == 0) for n in numbers)):
                assert ("answered", True) == (each.how, each.decision_id is not None), each.error
                rated.append(str(each.decision_id))
        await town.street.enter(Phase(0, "two are in trouble", {"gpt": ERRORS, "local": GONE}))
        for n in range(N_WELL, N_WELL + N_IN_TROUBLE):
            await clients.ask(n, model="gpt")
        async with logged_in(town.served) as browser:
            await run_the_house(browser)
            yield browser, rated[0]


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_every_page_has_something_to_show_after_a_short_demo() -> None:
    """Each answers 200, and what it is there for is in its data."""
    empty: dict[str, list[int]] = {}
    async with short_demo() as (browser, decision_id):
        for page in PAGES:
            path = page.path.replace("{id:str}", decision_id)
            assert page.name in SHOWN, f"say what {page.name} must show after the demo"
            data, html = await browser.data(path), await browser.page(path)
            missing = [n for n, part in enumerate(SHOWN[page.name](data)) if not part]
            if missing:
                empty[page.name] = missing
            assert "</html>" in html

    assert {} == empty
