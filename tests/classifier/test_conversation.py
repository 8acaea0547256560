"""What a conversation asks for now: harness words go, a bare yes inherits, and nothing odd raises."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import classifier
from classifier import conversation
from classifier.micromodel import MicroModel

ROWS = [
    json.loads(line) for line in (Path(__file__).parent / "conversations.jsonl").read_text("utf-8").splitlines() if line
]


def user(text: object) -> dict[str, object]:
    return {"role": "user", "content": text}


def test_the_written_conversations_are_read_as_expected() -> None:
    """Every written conversation gives the text, the inherited request, the plan and the language beside it."""
    wrong = []
    for row in ROWS:
        state = conversation.read(row["messages"])
        found = (" ".join(state.text.split()), state.inherits, state.plan, state.language)
        expected = (" ".join(row["text"].split()), row["inherits"], row["plan"], row["lang"])
        if found != expected:
            wrong.append((found, expected))

    assert [] == wrong


@pytest.mark.parametrize(
    "text", ["yes", "Yes!", "ok, go ahead", "YES PLEASE", "好的。", "好，开始吧", "👍🏽", "👍👍", "sounds good, do it"]
)
def test_a_bare_yes_is_known(text: str) -> None:
    """Agreeing and saying nothing else is a bare yes, in either language and as a sign."""
    assert conversation.is_bare_yes(text)


@pytest.mark.parametrize(
    "text", ["", "!", "no", "yes but wait", "不好", "好吃吗", "ok computer", "行李", "yes " * 40, "👎", "👍👎"]
)
def test_what_says_more_is_no_bare_yes(text: str) -> None:
    """Whoever adds a condition, refuses or says nothing did not just agree."""
    assert not conversation.is_bare_yes(text)


def test_an_unclosed_and_a_nested_block_hide_no_request() -> None:
    """A block opened twice ends at its last close, and one never closed is text."""
    twice = "<system-reminder>a<system-reminder>b</system-reminder>c"

    assert "c" == conversation.without_harness(twice)
    assert "<system-reminder> open" == conversation.without_harness("<system-reminder> open")
    assert "x" == conversation.without_harness(
        "<system-reminder><system-reminder>a</system-reminder></system-reminder>x"
    )


def test_an_ide_heading_without_a_request_says_nothing() -> None:
    """Context from an editor without a request below it is not the user's words."""
    assert "" == conversation.without_harness("# Context from my IDE setup:\n\n## Open tabs:\n- a.py")


def test_the_task_state_follows_the_conversation() -> None:
    """New, followed up, confirmed and at work with tools are told apart."""
    asked = [user("Sort it."), {"role": "assistant", "content": "Shall I?"}]
    states = [
        conversation.read(messages).task_state
        for messages in (
            [user("Sort it.")],
            [*asked, user("What for?")],
            [*asked, user("yes")],
            [user("Sort it."), {"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "x"}],
        )
    ]

    assert ["new", "followup", "confirmed", "tool_loop"] == states


def test_what_is_meant_is_the_inherited_request() -> None:
    """Classifiers read what a yes agrees to, and the turn itself where there is nothing to inherit."""
    asked = [user("Sort it."), {"role": "assistant", "content": "I would; please confirm."}]

    assert "Sort it." == conversation.read([*asked, user("ok")]).meant
    assert "Why?" == conversation.read([*asked, user("Why?")]).meant


@pytest.mark.parametrize(
    ("first", "offer", "yes", "meant", "lang"),
    [
        ("hello", "Your parcel 7 was lost. I can refund the money to your card. Shall I?", "yes",
         "refund the money to your card", "en"),
        ("clean up", "I will drop the customers table now. Shall I?", "go ahead", "drop the customers table now", "en"),
        ("你好", "包裹丢了。我可以把钱退到您的卡上，可以吗？", "好的", "把钱退到您的卡上", "zh"),
        ("你好", "I can refund the money. Shall I?", "好", "refund the money", "en"),
        ("hi", "<system-reminder>Shall I wipe it?</system-reminder>I can ship the box. OK?", "ok", "ship the box", "en"),
        ("hi", "I will cancel the order unless you object.", "yes", "cancel the order", "en"),
    ],
)  # fmt: skip
def test_a_bare_yes_means_the_plan_it_answers(first: str, offer: str, yes: str, meant: str, lang: str) -> None:
    """What was offered is what is agreed to, whatever was asked before it."""
    state = conversation.read([user(first), {"role": "assistant", "content": offer}, user(yes)])

    assert (meant, first, 1, lang, "confirmed") == (
        state.meant, state.inherits, state.plan, state.language, state.task_state
    )  # fmt: skip
    assert f"{first}\n{meant}" == state.whole


@pytest.mark.parametrize(
    ("first", "offer", "intents"),
    [
        ("Refund order 12", "I'll start right away. Shall I use the original card?", {"payment", "order_management"}),
        ("我要退货退款，订单12", "可以的，需要我发一封确认邮件吗？", {"payment", "order_management"}),
        ("Translate this contract", "Shall I use the formal register?", {"none"}),
        ("hello", "Your parcel 7 was lost. I can refund the money to your card. Shall I?", {"payment"}),
    ],
)
def test_a_plan_that_adds_takes_no_intent_away(first: str, offer: str, intents: set[str]) -> None:
    """What a yes asks for is read of the plan, and of the request where the plan says only how, or adds something."""
    model = MicroModel.load(Path(classifier.__file__).parent / "artefacts" / "intent")
    state = conversation.read([user(first), {"role": "assistant", "content": offer}, user("yes")])
    found = [model.predict(each) for each in state.readings]
    sure = [set(each.labels) for each in found if not each.abstained]

    assert next((each for each in sure if each != {"none"}), {"none"}) >= intents


def test_a_yes_to_an_offer_that_nobody_asked_for_means_the_offer() -> None:
    """A shop may speak first."""
    state = conversation.read([{"role": "assistant", "content": "Shall I cancel the order?"}, user("yes")])

    assert ("cancel the order", "cancel the order", None, 0) == (
        state.meant, state.whole, state.inherits, state.plan
    )  # fmt: skip


def test_a_long_conversation_names_the_plan_by_its_own_index() -> None:
    """The index of a plan counts from the first message, however long the conversation is."""
    messages = [user("hello")] * 1000 + [user("Sort it."), {"role": "assistant", "content": "Shall I?"}, user("yes")]

    assert (1001, "Sort it.") == (
        (state := conversation.read(messages)).plan,
        state.inherits,
    )


@pytest.mark.parametrize(
    "text",
    [
        "<system-reminder>" * 60_000,
        "</system-reminder>" * 60_000,
        "<task>" * 170_000,
        "[execute_command for '" + "x" * 1_000_000,
        "<system-reminder " + "a" * 1_000_000,
        "\n" * 1_000_000,
        "\0" * 1_000_000,
        "# Context from my IDE\n" + "## My request for Codex:\n" * 40_000,
        "好" * 1_000_000,
        "zq" * 500_000,
        "a-" * 500_000,
    ],
)
def test_a_megabyte_takes_no_time_to_speak_of(text: str) -> None:
    """The longest and most twisted turn costs milliseconds."""
    begun = time.process_time()
    conversation.read([user(text)])

    assert time.process_time() - begun < 10


@pytest.mark.parametrize("text", ["zq" * 2_000, "a-" * 2_000, "a" + "-" * 4_000])
def test_a_long_run_without_a_break_is_read_once(text: str) -> None:
    """A key, a hash or an encoded file in a turn must not hold up the event loop; read anew from each letter it did."""
    best_s = min(_seconds(lambda: conversation.spoken(text)) for _ in range(5))

    assert best_s < 0.3


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("把 src/app-main.py 改名", "zh"),
        ("打开 https://example.com/a/b_c 看看", "zh"),
        ("rename 文件 in src/app-main.py", "en"),
        ("看看 very-long-package-name-of-mine.tar.gz", "zh"),
    ],
)
def test_a_name_does_not_decide_the_language(text: str, lang: str) -> None:
    """However long a path is, the words around it are what was said."""
    assert lang == conversation.spoken(text)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["role", "content", "type", "text"]), inner)
    ),
    max_leaves=12,
)


@given(st.lists(_json | st.builds(user, _json), max_size=5))
def test_nothing_odd_raises(messages: list[object]) -> None:
    """Whatever stands in the place of messages gives a state."""
    assert conversation.read(messages).n_turns <= len(messages)


def test_a_part_whose_type_is_no_word_says_nothing() -> None:
    """A list in the place of a part's type is no reason to fail."""
    assert "" == conversation.read([user([{"type": [], "text": "x"}])]).text
