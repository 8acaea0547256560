"""The feedback page: opinions with intervals, comments as text, and the queue of what nobody judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.errors import InvalidRequestError, NotFoundError
from config.types import OutcomeRecord
from config.writer import GroupWriter
from router.ledger import SqlLedger
from tests.admin.conftest import HOSTILE


class Decisions:
    """Takes opinions."""

    def __init__(self):
        self.said = []

    def intents(self):
        return ("code", "math")

    async def say(self, decision_id, opinion, *, actor):
        if opinion.get("thumbs") == "sideways":
            raise InvalidRequestError("'thumbs' must be 'up' or 'down'.", param="thumbs")
        if decision_id.endswith("0000"):
            raise NotFoundError("no such decision", param="decision_id")
        self.said.append((decision_id, opinion, actor))


@pytest.fixture
def decisions():
    """A desk's decisions."""
    return Decisions()


@pytest.fixture
def desk(desk, decisions):
    """A desk that takes opinions."""
    return replace(desk, decisions=decisions)


async def test_opinions_are_counted_by_intent_and_model(site, filled):
    """Ten of thirty were rated; every row has its n and, from two on, its interval."""
    twin = (await site.get("/dashboard/feedback.json")).json()

    assert 10 == sum(each["n"] for each in twin["opinions"])
    assert all((each["low"] is None) == (each["n"] == 1) for each in twin["opinions"])


async def test_queue_holds_only_what_nobody_judged(site, filled):
    """Rated decisions are not in it, and the least sure comes first."""
    twin = (await site.get("/dashboard/feedback.json")).json()
    rated = {record.id for n, record in enumerate(filled) if n % 3 == 0}
    sure = [each["confidence"] for each in twin["queue"]]

    assert not rated & {each["id"] for each in twin["queue"]}
    assert sorted(sure) == sure


async def test_opinion_is_taken_and_the_queue_goes_on(site, filled, decisions):
    """A thumb and a corrected intent reach the same door as everywhere, and lead back to the queue."""
    found = filled[1].id
    up = await site.send_form(f"/dashboard/feedback/{found}/say", thumbs="up")
    await site.send_form(f"/dashboard/feedback/{found}/say", corrected_intent="math")

    assert "/dashboard/feedback#queue" == up.headers["location"]
    by = "dashboard:the-admin"
    assert [(found, {"thumbs": "up"}, by), (found, {"corrected_intent": "math"}, by)] == decisions.said


@pytest.mark.parametrize("fields", [{}, {"thumbs": "sideways"}, {"thumbs": " "}])
async def test_senseless_opinion_is_refused(site, filled, decisions, fields):
    """Nothing is taken of it."""
    page = await site.send_form(f"/dashboard/feedback/{filled[1].id}/say", **fields)

    assert (400, []) == (page.status_code, decisions.said)


async def test_comments_are_text(site, filled, sqlite_database):
    """What somebody wrote cannot be markup."""
    writer = GroupWriter(sqlite_database, group_commit_ms=1)
    writer.start()
    SqlLedger(writer).record_outcome(OutcomeRecord(filled[2].id, "user", "comment", filled[2].ts, comment=HOSTILE))
    await writer.flush(10)
    await writer.aclose()
    page = await site.get("/dashboard/feedback", headers={"accept-language": "zh"})

    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "用户的留言" in page.text


async def test_nothing_yet_says_what_to_do(site):
    """An empty page gives the command that fills it."""
    assert "v1/feedback" in (await site.get("/dashboard/feedback")).text
