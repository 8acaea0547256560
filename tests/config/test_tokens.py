from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.tokens import (
    TOKENS_BEFORE_ANSWER,
    TOKENS_PER_IMAGE,
    TOKENS_PER_MESSAGE,
    TOKENS_PER_OTHER_PART,
    TOKENS_PER_SMALL_IMAGE,
    estimate_messages,
    estimate_tokens,
)

COUNTED = [
    # Texts and how many tokens o200k_base makes of them, counted with tiktoken.
    ("The quick brown fox jumps over the lazy dog.", 10),
    ("Please summarise the attached contract and list every deadline that it names, with the page it stands on.", 21),
    ("请把下面这份合同总结一下，并列出其中提到的所有截止日期以及它们所在的页码。", 26),
    ("今天 deploy 失败了，traceback 里说 connection refused，怎么办？", 16),
    ("def add(a: int, b: int) -> int:\n    return a + b\n", 19),
    ('{"name": "Ada", "age": 36, "tags": ["a", "b"]}', 22),
]


@pytest.mark.parametrize(("text", "counted"), COUNTED)
def test_estimate_is_near_what_a_tokenizer_counts(text, counted):
    """English, Chinese, a mix of both, code and JSON are each within a fifth of the real count."""
    assert counted == pytest.approx(estimate_tokens(text), rel=0.2)


def test_nothing_has_no_tokens_and_anything_has_one():
    """An empty answer is not billed, and no other text is free."""
    assert 0 == estimate_tokens("")
    assert 1 == estimate_tokens(" ")
    assert 1 == estimate_tokens("a")


def test_data_without_spaces_is_not_taken_for_one_word():
    """A long run of letters costs more than a word."""
    assert estimate_tokens("Q2FuYXJ5" * 500) >= 500


def test_half_a_surrogate_pair_does_not_break_the_count():
    """Text that cannot be encoded is counted all the same."""
    assert estimate_tokens("\ud83d abc") >= 1


@given(st.text(max_size=300), st.text(max_size=300))
def test_longer_texts_never_have_fewer_tokens(first, second):
    """Appending to a text does not shrink its count."""
    assert estimate_tokens(first) <= estimate_tokens(first + second) + 1


def test_messages_cost_more_than_their_texts():
    """The format adds a few tokens for each message, and for the beginning of the answer."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "你好"}]
    texts = estimate_tokens("Be brief.") + estimate_tokens("你好")

    assert texts + 2 * TOKENS_PER_MESSAGE + TOKENS_BEFORE_ANSWER == estimate_messages(messages)
    assert TOKENS_BEFORE_ANSWER == estimate_messages([])


def test_pictures_count_by_their_detail_and_never_by_their_bytes():
    """A picture of a megabyte as base64 is not a million tokens."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    small = {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}}
    flat = {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "low"}
    sound = {"type": "input_audio", "input_audio": {"data": "A" * 100_000}}
    bare = estimate_messages([{"role": "user", "content": []}])

    counted = [
        estimate_messages([{"role": "user", "content": [part]}]) - bare for part in (picture, small, flat, sound)
    ]

    assert [TOKENS_PER_IMAGE, TOKENS_PER_SMALL_IMAGE, TOKENS_PER_SMALL_IMAGE, TOKENS_PER_OTHER_PART] == counted


def test_text_parts_count_like_plain_text():
    """The shape of the content does not change its price."""
    plain = [{"role": "user", "content": "Tell me a story about a fox."}]
    parts = [{"role": "user", "content": [{"type": "text", "text": "Tell me a story about a fox."}]}]

    assert estimate_messages(plain) == estimate_messages(parts)


def test_tool_calls_and_schemas_are_counted():
    """Tools are read by the model, so they are input."""
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "上海"}'}}
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "strict": True}}}
    plain = estimate_messages([{"role": "assistant", "content": None}])

    assert plain + 8 < estimate_messages([{"role": "assistant", "content": None, "tool_calls": [call]}])
    assert plain + 3 < estimate_messages([{"role": "assistant", "content": None}], tools=[tool])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)))  # fmt: skip
def test_any_json_can_be_counted(content):
    """A request that the upstream would refuse is counted without an error."""
    decoded = json.loads(json.dumps(content))

    assert estimate_messages([{"role": "user", "content": decoded}]) >= TOKENS_PER_MESSAGE
