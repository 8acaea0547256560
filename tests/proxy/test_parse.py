"""Client bodies: what is wrong is named by field, what is unknown is kept, what is ours is taken out."""

from __future__ import annotations

import gzip
import json
import timeit
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import InvalidRequestError, PayloadTooLargeError, UnsupportedMediaTypeError
from proxy.requests.content import decode_content
from proxy.requests.parse import Parsed, parse_chat, parse_embeddings, parse_route, parse_unified
from proxy.requests.validate import MAX_MESSAGES
from router.rules import Rule

PACKED = gzip.compress(b"{}", mtime=0)
"""Without its time: workers must name the tests alike."""

USER = [{"role": "user", "content": "hi"}]
GOOD: dict[str, Any] = {"model": "m", "messages": USER}


def chat(body: object, **headers: str) -> Parsed:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_chat(raw, headers=headers, max_depth=64)


def unified(body: dict[str, Any]) -> Parsed:
    return parse_unified(json.dumps(body).encode(), headers={}, max_depth=64)


def embeddings(body: dict[str, Any]) -> Parsed:
    return parse_embeddings(json.dumps(body).encode(), headers={}, max_depth=64)


def message(**fields: object) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "x", **fields}]}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "not valid JSON"),
        (b'{"a":1}x', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b'{"a":"\x00"}', "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":1e999}', "not valid JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested deeper"),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "nested deeper"),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes, says: str) -> None:
    """A 400 that says why, however hostile the bytes."""
    with pytest.raises(InvalidRequestError) as caught:
        chat(body)

    assert (400, "invalid_json") == (caught.value.status, caught.value.code)
    assert says in caught.value.message


def test_nesting_up_to_the_limit_is_read() -> None:
    """64 levels are 64 levels; many shallow objects are no depth."""
    deep = b'{"model":"m","messages":[{"role":"user","content":"x"}],"a":' + b"[" * 63 + b"]" * 63 + b"}"
    wide = GOOD | {"a": [{} for _ in range(200)]}

    assert "a" in chat(deep).request.body
    assert 200 == len(chat(wide).request.body["a"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": USER}, "model"),
        ({"model": None, "messages": USER}, "model"),
        ({"model": 3, "messages": USER}, "model"),
        ({"model": "  ", "messages": USER}, "model"),
        ({"model": "m\x00", "messages": USER}, "model"),
        ({"model": "m\n", "messages": USER}, "model"),
        ({"model": "m" * 257, "messages": USER}, "model"),
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": None}, "messages"),
        ({"model": "m", "messages": []}, "messages"),
        ({"model": "m", "messages": "hi"}, "messages"),
        ({"model": "m", "messages": [3]}, "messages[0]"),
        ({"model": "m", "messages": [{"content": "x"}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "boss", "content": "x"}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "b\x00ss", "content": "x"}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "user"}]}, "messages[0].content"),
        (message(content=3), "messages[0].content"),
        (message(content=[3]), "messages[0].content[0]"),
        (message(content=[{"text": "x"}]), "messages[0].content[0].type"),
        (message(content=[{"type": "text"}]), "messages[0].content[0].text"),
        (message(tool_calls={}), "messages[0].tool_calls"),
        (message(tool_calls=[3]), "messages[0].tool_calls[0]"),
        (message(tool_call_id=3), "messages[0].tool_call_id"),
        (GOOD | {"stream": "yes"}, "stream"),
        (GOOD | {"stream_options": []}, "stream_options"),
        (GOOD | {"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        (GOOD | {"temperature": "hot"}, "temperature"),
        (GOOD | {"temperature": True}, "temperature"),
        (GOOD | {"n": 0}, "n"),
        (GOOD | {"n": 1.5}, "n"),
        (GOOD | {"n": True}, "n"),
        (GOOD | {"n": 129}, "n"),
        (GOOD | {"max_tokens": -1}, "max_tokens"),
        (GOOD | {"max_completion_tokens": 0}, "max_completion_tokens"),
        (GOOD | {"tools": {}}, "tools"),
        (GOOD | {"tools": {"a": 1}}, "tools"),
        (GOOD | {"tools": [3]}, "tools[0]"),
        (GOOD | {"tool_choice": 3}, "tool_choice"),
        (GOOD | {"stop": 3}, "stop"),
        (GOOD | {"stop": [3]}, "stop[0]"),
        (GOOD | {"stop": ["x"] * 17}, "stop"),
        (GOOD | {"modalities": "text"}, "modalities"),
        (GOOD | {"metadata": []}, "metadata"),
        (GOOD | {"user": 3}, "user"),
        (GOOD | {"seed": "x"}, "seed"),
        (GOOD | {"top_logprobs": 21}, "top_logprobs"),
        (GOOD | {"routing_rules": [{"pattern": 1}]}, "routing_rules[0].pattern"),
        (GOOD | {"routing_rules": [{"pattern": "(", "kind": "regex", "model": "m"}]}, "routing_rules[0].pattern"),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], param: str) -> None:
    """`param` leads to it, as in OpenAI's own errors."""
    with pytest.raises(InvalidRequestError) as caught:
        chat(body)

    assert (400, param) == (caught.value.status, caught.value.param)


def test_an_empty_conversation_says_so_in_openais_words() -> None:
    """Clients match on them."""
    with pytest.raises(InvalidRequestError) as caught:
        chat(GOOD | {"messages": []})

    assert "[] is too short - 'messages'" == caught.value.message


def test_unknown_fields_and_nulls_survive() -> None:
    """The body is kept whole."""
    body = GOOD | {"future": {"x": [1, 2.5, None]}, "stop": None, "top_p": None, "temperature": 1}

    assert body == chat(body).request.body


def test_silent_turns_are_no_fault() -> None:
    """Calls stand beside the content, and a tool may return nothing."""
    messages = [
        {"role": "user", "content": "ab"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": None},
        {"role": "user", "content": ["plain", {"type": "text", "text": "parts"}]},
    ]

    assert messages == chat(GOOD | {"messages": messages}).request.body["messages"]


def test_what_decides_the_way_is_never_the_clients_to_say() -> None:
    """Rules are taken out, addresses and keys dropped with a warning."""
    rules = [{"pattern": "code|代码", "model": "claude"}]
    parsed = chat(GOOD | {"routing_rules": rules, "api_key": "sk-x", "base_url": "http://evil.invalid"})

    assert GOOD == parsed.request.body
    assert (Rule("code|代码", "claude"),) == parsed.routing_rules
    assert ("api_key dropped", "base_url dropped") == tuple(each.partition(":")[0] for each in parsed.warnings)
    assert "sk-x" not in str(parsed.warnings)


def test_stream_and_usage_wishes_are_read() -> None:
    """Only `true` means yes."""
    asked = chat(GOOD | {"stream": True, "stream_options": {"include_usage": True}}).request
    silent = chat(GOOD | {"stream": None}).request

    assert (True, True, False, False) == (asked.stream, asked.include_usage, silent.stream, silent.include_usage)


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (USER, "hi"),
        ([*USER, {"role": "assistant", "content": "yes"}], "hi"),
        ([{"role": "user", "content": ["a", {"type": "text", "text": "b"}, {"type": "image_url"}]}], "a\nb"),
        ([{"role": "system", "content": "x"}], ""),
        ([{"role": "user", "content": "早"}, {"role": "tool", "tool_call_id": "c", "content": "t"}], "早"),
    ],
)
def test_the_question_is_the_last_user_turn(messages: list[dict[str, Any]], text: str) -> None:
    """Texts of its parts, joined by lines."""
    assert text == chat(GOOD | {"messages": messages}).last_user_text


@pytest.mark.parametrize(
    ("fields", "headers", "found"),
    [
        ({}, {}, None),
        ({"metadata": {"cursorConversationId": "c-1"}}, {}, "c-1"),
        ({"metadata": {"conversation_id": "c-2", "cursorConversationId": "c-1"}}, {}, "c-2"),
        ({"metadata": {"conversation_id": "c-2"}}, {"x-thalamus-conversation-id": "h"}, "h"),
        ({"prompt_cache_key": "key"}, {}, None),
        ({"prompt_cache_key": "key"}, {"x-claude-code-session-id": "s"}, "s"),
        ({}, {"x-claude-code-session-id": "s"}, "s"),
        ({"metadata": {"conversation_id": 3}}, {}, None),
        ({"metadata": {"conversation_id": "a\x07b"}}, {}, None),
        ({"user": "u"}, {}, None),
    ],
)
def test_the_conversation_is_found(fields: dict[str, Any], headers: dict[str, str], found: str | None) -> None:
    """Our header wins; neither a user nor a cache that an application shares is a conversation; ids can be stored."""
    assert found == chat(GOOD | fields, **headers).conversation_id


def test_a_long_conversation_id_is_hashed() -> None:
    """The same id stays the same, and bounded."""
    first, second = (chat(GOOD | {"metadata": {"conversation_id": "k" * 5000}}).conversation_id for _ in range(2))

    assert first == second
    assert 64 == len(first or "")


def test_only_named_headers_may_be_forwarded() -> None:
    """Never the client's own key."""
    headers = {"authorization": "Bearer x", "anthropic-beta": "b", "cookie": "c"}

    assert {"anthropic-beta": "b"} == dict(chat(GOOD, **headers).request.headers)


@pytest.mark.parametrize(
    "kind", ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_form_is_refused(kind: str) -> None:
    """A foreign web page can send these to a gateway on loopback without asking."""
    with pytest.raises(UnsupportedMediaTypeError):
        chat(GOOD, **{"content-type": kind})


def test_other_or_missing_media_types_are_taken_for_json() -> None:
    """As OpenAI does."""
    assert "m" == chat(GOOD).model == chat(GOOD, **{"content-type": "application/vnd.x+json"}).model


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({"message": "hi"}, [("user", "hi")]),
        ({"prompt": "hi"}, [("user", "hi")]),
        ({"messages": USER}, [("user", "hi")]),
        ({"messages": USER, "message": "more", "system": "be brief"}, [("system", "be brief"), ("user", "hi"), ("user", "more")]),
        ({"message": [{"type": "text", "text": "hi"}]}, [("user", [{"type": "text", "text": "hi"}])]),
    ],
)  # fmt: skip
def test_unified_chat_takes_a_message_or_messages(body: dict[str, Any], texts: list[tuple[str, object]]) -> None:
    """`model` is `auto` unless it is named; the other fields go on."""
    parsed = unified(body | {"temperature": 0.5, "conversation_id": "c"})

    assert texts == [(each["role"], each["content"]) for each in parsed.request.body["messages"]]  # type: ignore[attr-defined]
    assert ("auto", "c") == (parsed.model, parsed.conversation_id)
    assert {"model", "messages", "temperature"} == parsed.request.body.keys()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "message"),
        ({"message": ""}, "message"),
        ({"prompt": []}, "prompt"),
        ({"message": 3}, "message"),
        ({"message": "x", "system": 3}, "system"),
        ({"messages": "x"}, "messages"),
        ({"messages": []}, "messages"),
        ({"message": "x", "model": 3}, "model"),
        ({"message": "x", "routing_rules": {}}, "routing_rules"),
    ],
)
def test_a_wrong_unified_field_is_named(body: dict[str, Any], param: str) -> None:
    """By its own name."""
    with pytest.raises(InvalidRequestError) as caught:
        unified(body)

    assert param == caught.value.param


@pytest.mark.parametrize("value", ["支付", ["a", "b"], [1, 0, 2], [[1, 2], [3]]])
def test_embeddings_take_texts_and_tokens(value: object) -> None:
    """Every form that SDKs send."""
    body = {"model": "e", "input": value, "encoding_format": "base64", "dimensions": 8}

    assert body == embeddings(body).request.body


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": 3}, "input"),
        ({"input": [""]}, "input[0]"),
        ({"input": [[]]}, "input[0]"),
        ({"input": [None]}, "input[0]"),
        ({"input": "x", "dimensions": 0}, "dimensions"),
        ({"input": "x", "encoding_format": 3}, "encoding_format"),
        ({"input": "x", "model": None}, "model"),
    ],
)
def test_a_wrong_embeddings_field_is_named(fields: dict[str, Any], param: str) -> None:
    """The same rules as for chat."""
    with pytest.raises(InvalidRequestError) as caught:
        embeddings({"model": "e"} | fields)

    assert param == caught.value.param


def raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (b"{}", None),
        (b"{}", "identity"),
        (PACKED, "gzip"),
        (gzip.compress(b"{", mtime=0) + gzip.compress(b"}", mtime=0), "X-GZip"),
        (zlib.compress(b"{}"), "deflate"),
        (raw_deflate(b"{}"), "deflate"),
        (gzip.compress(zlib.compress(b"{}"), mtime=0), "deflate, gzip"),
    ],
)
def test_encodings_are_undone(packed: bytes, encoding: str | None) -> None:
    """In the reverse of their order."""
    assert b"{}" == decode_content(packed, encoding, 10_000)


def test_a_bomb_stops_at_the_limit() -> None:
    """One byte more than allowed is not inflated; exactly as many are."""
    packed = gzip.compress(b" " * 1000)

    assert 1000 == len(decode_content(packed, "gzip", 1000))
    with pytest.raises(PayloadTooLargeError):
        decode_content(packed, "gzip", 999)
    with pytest.raises(PayloadTooLargeError):
        decode_content(packed * 2, "gzip", 1999)


@pytest.mark.parametrize(
    ("packed", "encoding", "status"),
    [
        (b"x", "snappy", 415),
        (b"x", "gzip, gzip, gzip", 415),
        (b"nonsense", "gzip", 400),
        (PACKED[:-4], "gzip", 400),
        (PACKED + b"tail", "gzip", 400),
        (b"x", "deflate", 400),
    ],
)
def test_what_is_not_in_its_encoding_is_refused(packed: bytes, encoding: str, status: int) -> None:
    """Named, and never a crash."""
    with pytest.raises(InvalidRequestError) as caught:
        decode_content(packed, encoding, 1000)

    assert status == caught.value.status


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate"]))
def test_random_bytes_never_crash_the_decoding(data: bytes, encoding: str) -> None:
    """They are data of the encoding or a 4xx."""
    try:
        size = len(decode_content(data, encoding, 1000))
    except InvalidRequestError as error:
        size = error.status

    assert size <= 1000


@given(st.binary(max_size=60))
def test_random_bytes_never_crash_the_parsing(data: bytes) -> None:
    """They are a request or an error of the caller's."""
    for parse in (parse_chat, parse_unified, parse_embeddings):
        with pytest.raises(InvalidRequestError):
            parse(data, headers={}, max_depth=8)


def test_a_small_body_is_read_in_microseconds() -> None:
    """Reading is no cost of a request: the bound is loose for slow machines."""
    body = json.dumps(GOOD | {"stream": True, "temperature": 0.2, "max_tokens": 100}).encode()
    seconds = min(timeit.repeat(lambda: parse_chat(body, headers={}, max_depth=64), number=200, repeat=5)) / 200

    assert seconds < 0.0003


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user", "content": []}, "messages[1].content"),
        ({"role": "system", "content": []}, "messages[1].content"),
        ({"role": "assistant", "content": []}, "messages[1].content"),
        ({"role": "assistant", "tool_calls": [{}]}, "messages[1].tool_calls[0].function.name"),
        (
            {"role": "assistant", "tool_calls": [{"type": "custom", "custom": {"name": ""}}]},
            "messages[1].tool_calls[0].custom.name",
        ),
        (
            {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": 3}}]},
            "messages[1].tool_calls[0].function.name",
        ),
    ],
)
def test_a_message_that_says_nothing_is_refused_by_name(message: dict[str, Any], param: str) -> None:
    """As OpenAI refuses it: an upstream of another dialect would be sent something else in its place."""
    with pytest.raises(InvalidRequestError) as caught:
        chat(GOOD | {"messages": [{"role": "user", "content": "hi"}, message]})

    assert (400, param) == (caught.value.status, caught.value.param)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": [], "tool_calls": [{"id": "c", "type": "new"}]},
        {"role": "assistant", "content": [], "refusal": "no"},
        {"role": "tool", "tool_call_id": "c", "content": []},
    ],
)
def test_a_message_that_speaks_otherwise_is_no_fault(message: dict[str, Any]) -> None:
    """Calls and refusals stand beside the content, a tool may return nothing, and a call's new type is OpenAI's."""
    messages = [{"role": "user", "content": "hi"}, message]

    assert messages == chat(GOOD | {"messages": messages}).request.body["messages"]


def test_a_question_beside_another_is_named() -> None:
    """`message` is read where `prompt` stands beside it."""
    assert ("prompt dropped: message stands beside it",) == unified({"message": "a", "prompt": "b"}).warnings
    assert () == unified({"message": "a", "prompt": "a"}).warnings


@pytest.mark.parametrize(
    "fields",
    [{"stop": "END"}, {"stream_options": {}}, {"tool_choice": "auto"}, {"modalities": ["text"]}, {"a": "\\u0000"}],
    ids=["stop", "stream_options", "tool_choice", "modalities", "written NUL"],
)
def test_plain_forms_of_optional_fields_are_no_fault(fields: dict[str, object]) -> None:
    """Each reaches the upstream as it came; a NUL that is only written out is a text."""
    body = chat(GOOD | fields).request.body

    assert fields == {name: body[name] for name in fields}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (GOOD | {"stop": {}}, "stop"),
        (GOOD | {"messages": USER * (MAX_MESSAGES + 1)}, "messages"),
        (GOOD | {"metadata": {"a": ["x", "\0"]}}, "metadata.a[1]"),
        (GOOD | {"metadata": {"a\0": "x"}}, "metadata.?"),
    ],
    ids=["stop", "messages", "NUL in a list", "NUL in a key"],
)
def test_what_no_upstream_could_take_is_named(body: dict[str, object], param: str) -> None:
    """By its field, and a NUL by where it stands."""
    with pytest.raises(InvalidRequestError) as caught:
        chat(body)

    assert (400, param) == (caught.value.status, caught.value.param)


def route(**fields: object) -> Parsed:
    return parse_route(json.dumps(fields).encode(), headers={}, max_depth=64)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": " "}, "prompt"),
        ({"prompt": "x", "stream": True}, "stream"),
    ],
)
def test_a_question_of_route_that_is_none_is_named(fields: dict[str, object], param: str) -> None:
    """A choice is about a text, and is told at once."""
    with pytest.raises(InvalidRequestError) as caught:
        route(**fields)

    assert (400, param) == (caught.value.status, caught.value.param)


def test_a_question_of_route_becomes_one_turn() -> None:
    """Its model is `auto` unless it names one; messages beside it are not read."""
    asked = route(prompt="hi", stream=False, messages=[3], temperature=0.5)

    assert ("auto", "m") == (asked.model, route(prompt="hi", model="m").model)
    assert USER == asked.request.body["messages"]
    assert 0.5 == asked.request.body["temperature"]
