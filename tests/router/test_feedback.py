from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from config.database import open_database
from config.errors import InvalidRequestError, NotFoundError, UnavailableError
from config.ids import new_id
from config.key_identity import KeyIdentity
from config.types import DecisionRecord
from config.writer import GroupWriter
from router.feedback import MAX_COMMENT_CHARS, _opinions, submit_feedback
from router.ledger import SqlLedger
from router.tables import outcome

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
OWNER = KeyIdentity("1", "owner", "sk-thal-owner1", frozenset({"chat"}))
STRANGER = KeyIdentity("2", "stranger", "sk-thal-strang", frozenset({"chat"}))
ADMIN = KeyIdentity("3", "admin", "sk-thal-admin1", frozenset({"chat", "admin"}))


class Books:
    def __init__(self, database):
        self.database = database
        self.writer = GroupWriter(database, group_commit_ms=1)
        self.ledger = SqlLedger(self.writer)
        self.writer.start()

    def decide(self, **changes):
        options = {"key_prefix": OWNER.prefix, "conversation_id": "talk", "ts": NOW} | changes
        record = DecisionRecord(
            new_id(), status="completed", endpoint="/v1/chat/completions", stream=False, decision=None, **options
        )
        self.ledger.record(record)
        return record.id

    async def say(self, caller=OWNER, **fields):
        return await submit_feedback(
            fields, database=self.database, ledger=self.ledger, writer=self.writer, caller=caller, clock=lambda: NOW
        )

    async def outcomes(self):
        await self.writer.flush(5)
        async with self.database.reading() as connection:
            found = await connection.execute(select(outcome).order_by(*outcome.primary_key))
            return [(each.decision_id, each.source, each.kind, each.score, each.comment) for each in found]


@pytest.fixture
async def books(database):
    opened = Books(database)
    yield opened
    await opened.writer.aclose()


async def test_every_kind_of_opinion_is_kept(books):
    """A rating is kept as 0 to 1, thumbs as 0 or 1, words as they are."""
    made = books.decide()
    answer = await books.say(
        queryId=made, rating=4, thumbs="down", comments=" 太慢\x00 ", corrected_intent="code", corrected_model="gpt"
    )

    assert {
        "success": True,
        "decision_id": made,
        "recorded": ["rating", "thumbs", "comment", "corrected_intent", "corrected_model"],
    } == answer
    assert [
        (made, "user", "comment", None, "太慢"),
        (made, "user", "corrected_intent", None, "code"),
        (made, "user", "corrected_model", None, "gpt"),
        (made, "user", "rating", 0.75, None),
        (made, "user", "thumbs", 0.0, None),
    ] == await books.outcomes()


async def test_saying_it_again_replaces_it(books):
    """One opinion of each kind per decision, however often it is sent."""
    made = books.decide()
    await books.say(decision_id=made, rating=1)
    await books.say(decision_id=made, rating=1)

    assert [(made, "user", "rating", 0.0, None)] == await books.outcomes()


@pytest.mark.parametrize("fields", [{}, {"queryId": "last"}, {"decision_id": "last", "conversation_id": "talk"}])
async def test_the_last_answer_is_meant_where_no_id_is_given(books, fields):
    """A client that keeps no ids can still say what it thought; other keys' answers are never meant."""
    books.decide(key_prefix=STRANGER.prefix)
    made = books.decide()
    books.decide(key_prefix=STRANGER.prefix)
    answer = await books.say(rating=5, **fields)

    assert made == answer["decision_id"]


async def test_without_any_decision_there_is_no_last_one(books):
    """Nothing was answered, so nothing can be rated."""
    with pytest.raises(NotFoundError, match="no decision yet"):
        await books.say(rating=5)


async def test_an_admin_speaks_for_the_house_about_others_answers(books):
    """An admin's opinion stands beside the user's, and does not replace it."""
    made, own = books.decide(), books.decide(key_prefix=ADMIN.prefix)
    await books.say(decision_id=made, rating=1)
    await books.say(ADMIN, decision_id=made, rating=5)
    await books.say(ADMIN, decision_id=own, rating=5)

    assert [(made, "admin", 1.0), (made, "user", 0.0), (own, "user", 1.0)] == [
        (each[0], each[1], each[3]) for each in await books.outcomes()
    ]


async def test_a_stranger_learns_nothing_about_anothers_decision(books):
    """Not yours and not there look alike."""
    made = books.decide()
    with pytest.raises(NotFoundError) as foreign:
        await books.say(STRANGER, decision_id=made, rating=5)
    with pytest.raises(NotFoundError) as missing:
        await books.say(STRANGER, queryId="gone", rating=5)

    assert foreign.value.message.replace(made, "gone") == missing.value.message
    assert ("decision_id", "queryId") == (foreign.value.param, missing.value.param)
    assert [] == await books.outcomes()


async def test_where_no_key_is_needed_everybody_may_speak(books):
    """On a loopback without keys a decision belongs to whoever knows it."""
    made = books.decide(key_prefix=None)
    await books.say(None, thumbs=True)

    assert [(made, "user", "thumbs", 1.0, None)] == await books.outcomes()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "rating"),
        ({"comment": "  "}, "rating"),
        ({"rating": 0}, "rating"),
        ({"rating": 6}, "rating"),
        ({"rating": True}, "rating"),
        ({"rating": "5"}, "rating"),
        ({"rating": float("nan")}, "rating"),
        ({"thumbs": "sideways"}, "thumbs"),
        ({"thumbs": 1}, "thumbs"),
        ({"thumbs": ["up"]}, "thumbs"),
        ({"comment": 7}, "comment"),
        ({"comments": "x" * (MAX_COMMENT_CHARS + 1)}, "comments"),
        ({"corrected_intent": " "}, "corrected_intent"),
        ({"corrected_model": {"name": "gpt"}}, "corrected_model"),
        ({"rating": 5, "queryId": 12}, "queryId"),
        ({"rating": 5, "decision_id": ""}, "decision_id"),
        ({"rating": 5, "conversation_id": 3}, "conversation_id"),
    ],
)
async def test_what_is_wrong_is_said_by_its_field(sqlite_database, fields, param):
    """The error names the field as the client wrote it."""
    books = Books(sqlite_database)
    with pytest.raises(InvalidRequestError) as caught:
        await books.say(**fields)
    await books.writer.aclose()

    assert param == caught.value.param


@given(
    st.dictionaries(
        st.sampled_from(["rating", "thumbs", "comment", "comments", "corrected_intent", "corrected_model"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.integers())),
    )
)
def test_no_field_of_any_type_escapes_the_check(fields):
    """Either an opinion within its bounds comes out, or an error that blames the request."""
    found = {"refused": (0, None)}
    with suppress(InvalidRequestError):
        found = _opinions(fields)

    assert found
    assert all(score is None or 0 <= score <= 1 for score, _ in found.values())


async def test_feedback_waits_for_books_that_cannot_be_read(empty_database_url):
    """Without the decision at hand nothing is taken on trust."""
    database = open_database(empty_database_url)  # not upgraded: there is no table to read
    books = Books(database)
    with pytest.raises(UnavailableError):
        await books.say(rating=5)
    with pytest.raises(UnavailableError):
        await books.say(rating=5, decision_id="some")
    await books.writer.aclose()
    await database.aclose()
