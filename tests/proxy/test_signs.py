from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.types import AttemptRecord, Decision, DecisionRecord
from proxy.signs import LIFETIME_S, MAX_TALKS, Signs

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
_numbers = count()


@dataclass
class Spoken:
    """A finished request as the signs see it."""

    question: str = "How do I return a parcel?"
    answer: str = "Within 30 days."
    history: tuple[str, ...] = ()
    """Answers before."""
    conversation_id: str | None = "talk"
    dissatisfied: bool | None = None
    last_role: str = "user"
    options: dict[str, object] = field(default_factory=dict)

    @property
    def body(self):
        messages = [{"role": "user", "content": "first"}]
        for each in self.history:
            messages += [{"role": "assistant", "content": each}, {"role": "user", "content": "more"}]
        messages[-1] = {"role": self.last_role, "content": self.question}
        return {"messages": messages, **self.options}


def record(**changes):
    """A request that was answered in full."""
    attempt = {"committed": True, "finish_reason": "stop"} | changes.pop("attempt", {})
    options = {"status": "completed", "served_model": "m", "key_prefix": None} | changes
    return DecisionRecord(
        f"d{next(_numbers)}",
        NOW,
        endpoint="/v1/chat/completions",
        stream=True,
        decision=options.pop("decision", Decision("auto", ("m",), (1.0,), ("m",), (), "p")),
        attempts=(AttemptRecord(1, "m/x", "m", "x", **attempt),),
        **options,
    )


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def signs(clock):
    return Signs(clock)


def seen(signs, heard, **changes):
    """Return (decision, sign) of what a finished request says, and its own id."""
    made = record(**changes)
    return made.id, [(each.decision_id, each.source) for each in signs.of(made, heard, now=NOW)]


def test_an_answer_alone_says_nothing(signs):
    """Nobody has reacted yet."""
    assert [] == seen(signs, Spoken())[1]


@pytest.mark.parametrize(
    "again",
    [
        "How do I return a parcel?",
        "how do I return a PARCEL",
        "HOW DO I RETURN A PARCEL???",
    ],
)
def test_the_same_question_asked_again(signs, again):
    """Case, width and marks aside."""
    first, _ = seen(signs, Spoken())

    assert [(first, "asked_again")] == seen(signs, Spoken(again, history=("Within 30 days.",)))[1]


def test_a_chinese_question_asked_again(signs):
    """Compared by pairs of characters."""
    first, _ = seen(signs, Spoken("怎么退货?包裹已经签收了"))

    assert [(first, "asked_again")] == seen(signs, Spoken("怎么退货？包裹已经签收了。"))[1]


def test_another_question_is_going_on(signs):
    """The sign that balances the others: the talk went on, and nobody complained."""
    first, _ = seen(signs, Spoken())

    assert [(first, "went_on")] == seen(signs, Spoken("And who pays for it?"))[1]


def test_dissatisfaction_in_the_next_turn(signs):
    """As the sentiment model reads it; it is about the answer before."""
    first, _ = seen(signs, Spoken())

    assert [(first, "dissatisfied")] == seen(signs, Spoken("That is wrong!", dissatisfied=True))[1]


def test_without_a_conversation_id_the_history_must_hold_the_answer(signs):
    """Two clients that begin alike are not one conversation."""
    seen(signs, Spoken(conversation_id=None))
    stranger = Spoken("And who pays?", history=("Something else.",), conversation_id=None)
    assert [] == seen(signs, stranger)[1]
    first, _ = seen(signs, Spoken("first", conversation_id=None))
    follower = Spoken("And who pays?", history=("Within 30 days.  ",), conversation_id=None)

    assert [(first, "went_on")] == seen(signs, follower)[1]


def test_many_clients_that_ask_the_same_are_not_one_that_asks_again(signs):
    """A load test is no dissatisfaction: first turns without an id are different conversations."""
    for _ in range(3):
        assert [] == seen(signs, Spoken("hi", conversation_id=None))[1]


def test_a_whole_history_that_is_sent_again_is_asking_again(signs):
    """A client regenerates an answer: the same question after the same answer."""
    talk = Spoken("And who pays for the way?", history=("Within 30 days.",), conversation_id=None, answer="You.")
    first, _ = seen(signs, talk)

    assert [(first, "asked_again")] == seen(signs, talk)[1]


def test_a_tool_result_is_no_question(signs):
    """In a loop of tools the last user turn stays the same: that is not asking again."""
    seen(signs, Spoken())
    loop, found = seen(signs, Spoken(last_role="tool"))
    assert [] == found

    assert [(loop, "went_on")] == seen(signs, Spoken("And who pays?"))[1]


def test_a_turn_an_hour_later_says_nothing(signs, clock):
    """It is another visit."""
    seen(signs, Spoken())
    clock.seconds = LIFETIME_S + 1

    assert [] == seen(signs, Spoken())[1]


@pytest.mark.parametrize(
    ("changes", "sign"),
    [
        ({"status": "aborted_by_client"}, "abandoned"),
        ({"status": "failed_upstream"}, "failed"),
        ({"attempt": {"finish_reason": "length"}}, "truncated"),
    ],
)
def test_how_an_answer_ended(signs, changes, sign):
    """Left in mid-stream, broken off, cut off."""
    made, found = seen(signs, Spoken(), **changes)

    assert [(made, sign)] == found


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "aborted_by_client", "attempt": {"committed": False}, "served_model": None},
        {"status": "failed_upstream", "error_code": "shutting_down"},
        {"status": "failed_upstream", "attempt": {"committed": False}, "served_model": None},
        {"decision": None, "served_model": None},
    ],
)
def test_what_is_not_the_models_doing_is_no_sign(signs, changes):
    """Before the first word, while we shut down, or where nobody was chosen."""
    assert [] == seen(signs, Spoken(), **changes)[1]


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_a_length_that_the_client_wished_for_is_no_truncation(signs, limit):
    """It got what it asked for."""
    assert [] == seen(signs, Spoken(options={limit: 16}), attempt={"finish_reason": "length"})[1]


def test_callers_are_kept_apart(signs):
    """The same conversation id of two keys is two conversations."""
    seen(signs, Spoken(), key_prefix="sk-a")

    assert [] == seen(signs, Spoken(), key_prefix="sk-b")[1]


def test_memory_is_bounded(signs):
    """The conversation that was quiet longest is forgotten."""
    for number in range(MAX_TALKS + 1):
        list(signs.of(record(), Spoken("hi", conversation_id=f"talk{number}"), now=NOW))

    assert MAX_TALKS == len(signs)


def test_a_body_without_messages_says_nothing(signs):
    """Embeddings, or what a door did not understand."""

    class Empty(Spoken):
        @property
        def body(self):
            return {}

    assert [] == seen(signs, Empty())[1]


def test_an_answer_in_parts_is_known_again(signs):
    """Clients may send back content as a list of parts."""

    class Parts(Spoken):
        @property
        def body(self):
            told = [{"type": "text", "text": "Within "}, {"type": "text", "text": "30 days."}]
            return {
                "messages": [
                    {"role": "user", "content": "first"},
                    {"role": "assistant", "content": told},
                    {"role": "user", "content": self.question},
                ]
            }

    first, _ = seen(signs, Spoken("first", conversation_id=None))

    assert [(first, "went_on")] == seen(signs, Parts("And who pays?", conversation_id=None))[1]


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_can_be_compared(one, other):
    """Lone surrogates, marks alone, nothing at all."""
    signs = Signs(Clock())
    seen(signs, Spoken(one, one))
    found = seen(signs, Spoken(other, other))[1]

    assert found[0][1] in {"asked_again", "went_on"}
