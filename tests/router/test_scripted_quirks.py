"""Each quirk of the scripted upstream bends OpenAI's format in the one way its name says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.providers.scripted import Reply, parse_script
from router.providers.scripted.answer import read_request, resolve
from router.providers.scripted.dialect_openai import OpenAIRendering
from router.providers.scripted.quirks import with_think_tags
from router.providers.scripted.script import QUIRKS

CALLS = [{"name": "a", "arguments": {"city": "Zürich"}}, {"name": "b", "arguments": {"n": 12345}}]
TALK: dict[str, object] = {"text": "one two", "reasoning": "hm hm"}


def rendered(reply: dict[str, object], **body: object) -> tuple[bytes, Any]:
    """Return the stream's bytes and the plain answer of one reply, asked for usage."""
    (one,) = parse_script({"reply": [reply]}).replies
    options = {"stream_options": {"include_usage": True}}
    asked = read_request("/v1/chat/completions", {"model": "m", "stream": True, **options, **body})
    answer = with_think_tags(resolve(one, asked, serial=1, call=1, created=0))
    parts = OpenAIRendering().stream(answer)
    stream = parts.opening + b"".join(parts.content) + parts.closing + parts.done
    return stream, OpenAIRendering().plain(answer)


def chunks_of(quirk: str, reply: dict[str, object] | None = None, **body: object) -> list[Any]:
    """Return the decoded chunks of a stream with one quirk."""
    stream, _ = rendered({**(reply or TALK), "quirks": [quirk]}, **body)
    return [json.loads(line[6:]) for line in stream.splitlines() if line.startswith(b"data: {")]


def plain_of(quirk: str, reply: dict[str, object] | None = None) -> Any:
    return rendered({**(reply or TALK), "quirks": [quirk]})[1]


def deltas(chunks: list[Any]) -> list[Any]:
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"]]


def calls(chunks: list[Any]) -> list[Any]:
    return [call for delta in deltas(chunks) for call in delta.get("tool_calls", ())]


def finishes(chunks: list[Any]) -> list[Any]:
    return [choice.get("finish_reason") for chunk in chunks for choice in chunk["choices"]]


TOOLS: dict[str, object] = {"tool_calls": CALLS}


def test_arguments_as_objects_come_whole() -> None:
    """`args_object`: an object where a JSON string belongs, streamed and plain; broken JSON stays text."""
    broken: dict[str, object] = {"tool_calls": [{"name": "a", "arguments": "{"}]}

    assert [call["arguments"] for call in CALLS] == [
        call["function"]["arguments"] for call in calls(chunks_of("args_object", TOOLS))
    ]
    plain = plain_of("args_object", TOOLS)["choices"][0]["message"]["tool_calls"]
    assert [call["arguments"] for call in CALLS] == [call["function"]["arguments"] for call in plain]
    assert ["{"] == [call["function"]["arguments"] for call in calls(chunks_of("args_object", broken))]


def test_whole_calls_in_one_chunk() -> None:
    """`tool_call_whole`: id, name and all arguments together; text before them stays."""
    chunks = chunks_of("tool_call_whole", {"text": "hi", **TOOLS})

    assert ["hi"] == [delta["content"] for delta in deltas(chunks) if delta.get("content")]
    assert [call["arguments"] for call in CALLS] == [
        json.loads(call["function"]["arguments"]) for call in calls(chunks)
    ]


def test_tool_indices_missing_or_zero() -> None:
    """`tool_index_missing` and `tool_index_zero`: parallel calls cannot be told apart by index."""
    assert not any("index" in call for call in calls(chunks_of("tool_index_missing", TOOLS)))
    assert {0} == {call["index"] for call in calls(chunks_of("tool_index_zero", TOOLS))}
    assert "index" not in plain_of("tool_index_zero", TOOLS)["choices"][0]["message"]["tool_calls"][0]


def test_tool_ids_and_types_missing_or_repeated() -> None:
    """`tool_id_missing`, `tool_type_missing`, and `tool_id_every_chunk` with the call's own id."""
    repeated = calls(chunks_of("tool_id_every_chunk", TOOLS))

    assert not any("id" in call for call in calls(chunks_of("tool_id_missing", TOOLS)))
    assert not any("type" in call for call in calls(chunks_of("tool_type_missing", TOOLS)))
    assert {(0, "call_1x0x0"), (1, "call_1x0x1")} == {(call["index"], call["id"]) for call in repeated}
    assert "id" not in plain_of("tool_id_missing", TOOLS)["choices"][0]["message"]["tool_calls"][0]


def test_roles_missing_empty_or_everywhere() -> None:
    """`role_missing`, `role_empty` and `role_every_chunk`; `content_null_first` has no empty text in the first delta."""
    assert not any("role" in delta for delta in deltas(chunks_of("role_missing")))
    assert {""} == {delta["role"] for delta in deltas(chunks_of("role_empty"))}
    assert {"assistant"} == {delta["role"] for delta in deltas(chunks_of("role_every_chunk"))}
    assert deltas(chunks_of("content_null_first"))[0]["content"] is None
    assert "role" not in plain_of("role_missing")["choices"][0]["message"]
    assert "" == plain_of("role_empty")["choices"][0]["message"]["role"]


def test_reasoning_in_other_places() -> None:
    """`reasoning_field` renames it; `think_tags` puts it into the text."""
    renamed = deltas(chunks_of("reasoning_field"))
    tagged = deltas(chunks_of("think_tags"))

    assert "hm hm" == "".join(delta.get("reasoning", "") for delta in renamed)
    assert not any("reasoning_content" in delta for delta in renamed + tagged)
    assert "<think>hm hm</think>one two" == "".join(delta.get("content", "") for delta in tagged)
    assert "hm hm" == plain_of("reasoning_field")["choices"][0]["message"]["reasoning"]
    assert ["one", " two"] == [d["content"] for d in deltas(chunks_of("think_tags", {"text": "one two"}))[1:-1]]


def test_finishes_early_late_twice_or_wrong() -> None:
    """The finish reason is on the last content, empty before the end, repeated, or `stop` after tool calls."""
    with_content = chunks_of("finish_with_content")

    assert ("stop", " two") == (finishes(with_content)[-1], deltas(with_content)[-1]["content"])
    assert 1 == finishes(with_content).count("stop")
    assert {"", "stop"} == set(finishes(chunks_of("finish_empty_string")))
    assert 2 == finishes(chunks_of("finish_repeated")).count("stop")
    assert "stop" == finishes(chunks_of("finish_stop_with_tools", TOOLS))[-1]
    assert "stop" == plain_of("finish_stop_with_tools", TOOLS)["choices"][0]["finish_reason"]
    assert ["stop", "stop"] == finishes(chunks_of("finish_with_content", n=2))[-2:]
    assert ["stop"] == [finish for finish in finishes(chunks_of("finish_with_content", {})) if finish]


def test_usage_in_other_places() -> None:
    """On the finish chunk, on every chunk, beside a choice, without being asked for, or never."""
    on_finish = chunks_of("usage_on_finish")
    every = chunks_of("usage_every_chunk")
    beside = chunks_of("usage_with_choice")
    unasked = chunks_of("usage_unasked", None, stream_options={})

    assert ("stop", 4) == (finishes(on_finish)[-1], on_finish[-1]["usage"]["completion_tokens"])
    assert [0, 1, 2, 3, 4, 4, 4] == [chunk["usage"]["completion_tokens"] for chunk in every]
    assert [{"index": 0, "delta": {}}] == beside[-1]["choices"]
    assert ([], 4) == (unasked[-1]["choices"], unasked[-1]["usage"]["completion_tokens"])
    assert not any(chunk.get("usage") for chunk in chunks_of("usage_never"))
    assert "usage" not in plain_of("usage_never")
    assert [] == chunks_of("usage_unasked")[-1]["choices"]


def test_frames_bent() -> None:
    """Ids change, the first chunk has no choices, and events are framed in rarer but legal ways."""
    ids = [chunk["id"] for chunk in chunks_of("id_per_chunk")]
    first = chunks_of("empty_choices_first")[0]
    crlf, _ = rendered({**TALK, "quirks": ["crlf"]})
    tight, _ = rendered({**TALK, "quirks": ["data_no_space"]})
    commented, _ = rendered({**TALK, "quirks": ["comments"]})

    assert len(ids) == len(set(ids))
    assert ([], "") == (first["choices"], first["id"])
    assert crlf.endswith(b"data: [DONE]\r\n\r\n")
    assert b"\n" not in crlf.replace(b"\r\n", b"")
    assert (True, False) == (tight.endswith(b"data:[DONE]\n\n"), b"data: " in tight)
    assert commented.startswith(b": processing\n\ndata: ")


@given(
    quirks=st.lists(st.sampled_from(sorted(QUIRKS)), unique=True, max_size=6),
    text=st.text(max_size=10),
    tools=st.booleans(),
    n=st.integers(1, 3),
)
def test_quirks_combine_and_every_event_stays_json(quirks: list[str], text: str, *, tools: bool, n: int) -> None:
    """Any set of quirks on any answer gives events that are JSON objects, and the mark at the end."""
    reply: dict[str, object] = {"text": text, "quirks": quirks, **(TOOLS if tools else {})}
    stream, plain = rendered(reply, n=n)
    lines = [line.strip() for line in stream.split(b"\n")]
    payloads = [line[5:].strip() for line in lines if line.startswith(b"data:")]

    assert b"[DONE]" == payloads[-1]
    assert all(isinstance(json.loads(payload), dict) for payload in payloads[:-1])
    assert n == len(plain["choices"])


def test_every_quirk_is_proven_here() -> None:
    """A quirk without a test in this file fails."""
    tests = Path(__file__).read_text(encoding="utf-8")

    assert set() == {quirk for quirk in QUIRKS if f'"{quirk}"' not in tests}


def test_a_reply_without_quirks_is_left_alone() -> None:
    """Bending is opt-in."""
    assert frozenset() == frozenset(Reply().quirks)


@pytest.mark.parametrize("stream", [True, False])
def test_think_tags_need_reasoning(*, stream: bool) -> None:
    """Without reasoning there is nothing to tag."""
    data, plain = rendered({"text": "x", "quirks": ["think_tags"]})

    assert "<think>" not in (data.decode() if stream else json.dumps(plain))
