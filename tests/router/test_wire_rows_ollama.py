"""Known translation bugs of the field, one test a row, for Ollama as the source."""

from __future__ import annotations

import asyncio
import json

import pytest

from config.errors import UpstreamError
from router.events import Finish, TextDelta, ToolCallArguments, ToolCallStart
from router.providers.base import ChatRequest, Target, Wire
from router.providers.ollama import OllamaProvider
from router.reasoning_store import ReasoningStore

TARGET = Target("main", "ollama", "http://local.test:11434", "qwen3")


class Response:
    """One answer from memory, giving way to other tasks between its pieces."""

    status = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed

    def __init__(self, pieces):
        self.pieces = pieces

    async def chunks(self):
        for piece in self.pieces:
            await asyncio.sleep(0)
            yield piece

    async def read(self, _limit):
        return b"".join(self.pieces)

    def close(self):
        return


class Memory:
    """A transport that gives one prepared response."""

    def __init__(self, *pieces):
        self.response = Response(pieces)

    async def send(self, _request):
        return self.response

    async def aclose(self):
        return


def chat(request_id="d1"):
    return ChatRequest({"model": "auto", "messages": [{"role": "user", "content": "hi"}]}, stream=True, id=request_id)


def line(message=None, **fields):
    told = {"model": "qwen3", "created_at": "2026-01-01T00:00:00Z", "done": False, **fields}
    if message is not None:
        told["message"] = {"role": "assistant", "content": "", **message}
    return json.dumps(told).encode() + b"\n"


def called(*calls):
    return line({"tool_calls": [{"function": {"name": name, "arguments": arguments}} for name, arguments in calls]})


DONE = line({}, done=True, done_reason="stop", prompt_eval_count=7, eval_count=3)


async def events(*pieces, request=None):
    its = OllamaProvider(clock=lambda: 1.0)
    prepared = its.prepare(request or chat(), TARGET)
    return [event async for frame in its.stream(prepared, Wire(Memory(*pieces), 1.0, 1.0)) for event in frame.events]


def of(kind, found):
    return [event for event in found if isinstance(event, kind)]


async def test_row_04_row_05_calls_in_one_line_and_in_many_count_up():
    """Ollama numbers nothing; calls are counted over the whole answer."""
    found = await events(called(("a", {}), ("b", {})), called(("c", {})), DONE)

    assert [(0, "a"), (1, "b"), (2, "c")] == [(event.index, event.name) for event in of(ToolCallStart, found)]
    assert [0, 1, 2] == [event.index for event in of(ToolCallArguments, found)]


async def test_row_06_calls_finish_as_calls_though_the_last_line_says_stop():
    """Calls come before the line that is done, whose reason is `stop`."""
    found = await events(called(("a", {})), DONE)

    assert [Finish("tool_calls", native="stop")] == of(Finish, found)


async def test_row_07_finish_comes_once_and_last():
    """A line after the end says nothing."""
    found = await events(line({"content": "x"}), DONE, DONE)

    assert isinstance(found[-1], Finish)
    assert 1 == len(of(Finish, found))


async def test_row_08_calls_of_a_whole_answer_are_calls():
    """A plain answer with calls finishes as calls."""
    its = OllamaProvider()
    body = line({"tool_calls": [{"function": {"name": "a", "arguments": {}}}]}, done=True, done_reason="stop")

    answer = await its.complete(its.prepare(chat(), TARGET), Wire(Memory(body), 1.0, 1.0))

    assert "tool_calls" == of(Finish, answer.events)[0].reason
    assert ["a"] == [event.name for event in of(ToolCallStart, answer.events)]


async def test_row_09_calls_in_the_last_line_are_kept():
    """A call in the very line that is done is not dropped."""
    last = line({"tool_calls": [{"function": {"name": "a", "arguments": {"x": 1}}}]}, done=True, done_reason="stop")

    found = await events(last)

    assert [ToolCallArguments(0, '{"x":1}')] == of(ToolCallArguments, found)
    assert "tool_calls" == of(Finish, found)[0].reason


async def test_row_13_no_empty_text_before_calls():
    """The empty content beside calls says nothing."""
    found = await events(called(("a", {})), DONE)

    assert [] == of(TextDelta, found)


async def test_row_14_concurrent_streams_share_no_state():
    """One provider object serves many answers at once; each keeps its own count."""
    its = OllamaProvider(clock=lambda: 1.0)

    async def run(n):
        memory = Memory(line({"content": f"say {n}"}), called(("a", {"n": n})), DONE)
        stream = its.stream(its.prepare(chat(str(n)), TARGET), Wire(memory, 1.0, 1.0))
        return [event async for frame in stream for event in frame.events]

    answers = await asyncio.gather(*(run(n) for n in range(8)))

    for n, found in enumerate(answers):
        assert [TextDelta(f"say {n}")] == of(TextDelta, found)
        assert [ToolCallArguments(0, f'{{"n":{n}}}')] == of(ToolCallArguments, found)
    assert 8 == len({of(ToolCallStart, found)[0].id for found in answers})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({"city": "巴黎"}, '{"city":"巴黎"}'), ({}, "{}"), (None, "{}"), ("", "{}"), ('{"a":1}', '{"a":1}')],
)
async def test_row_15_arguments_are_json_strings(arguments, expected):
    """Ollama's argument objects become JSON text."""
    found = await events(called(("a", arguments)), DONE)

    assert [ToolCallArguments(0, expected)] == of(ToolCallArguments, found)


async def test_row_16_call_ids_are_made_stable_and_unique():
    """Ids start with `call_`, differ between calls, and are the same when the same answer is read again."""
    first = [event.id for event in of(ToolCallStart, await events(called(("a", {}), ("a", {})), DONE))]
    second = [event.id for event in of(ToolCallStart, await events(called(("a", {}), ("a", {})), DONE))]
    other = [event.id for event in of(ToolCallStart, await events(called(("a", {})), DONE, request=chat("d2")))]

    assert first == second
    assert 3 == len({*first, *other})
    assert all(call_id.startswith("call_") for call_id in first)


def test_row_17_each_result_names_its_tool():
    """Ollama tells parallel results apart by their tool's name."""
    calls = [{"id": f"c{n}", "type": "function", "function": {"name": f"t{n}", "arguments": "{}"}} for n in range(2)]
    results = [{"role": "tool", "tool_call_id": f"c{n}", "content": str(n)} for n in range(2)]
    request = ChatRequest(
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": calls}, *results]}
    )

    sent = json.loads(OllamaProvider().prepare(request, TARGET).body)["messages"]

    assert [("t0", "0"), ("t1", "1")] == [(message["tool_name"], message["content"]) for message in sent[2:]]


async def test_row_28_error_inside_a_200_stream_is_an_error():
    """An error line before the first token is the failure, not an empty answer."""
    with pytest.raises(UpstreamError, match="out of memory"):
        await events(b'{"error":"out of memory"}\n')


async def test_row_29_cut_stream_is_an_error_not_a_stop():
    """No line that is done, no finish."""
    with pytest.raises(UpstreamError):
        await events(line({"content": "x"}))


@pytest.mark.parametrize("own", [None, "mine"])
async def test_row_26_thinking_returns_with_its_call(own):
    """A client that drops reasoning still gets it back to the model; what it kept itself wins."""
    store = ReasoningStore()
    its = OllamaProvider(store, clock=lambda: 1.0)
    memory = Memory(line({"thinking": "h"}), line({"thinking": "m"}), called(("a", {}), ("b", {})), DONE)
    stream = its.stream(its.prepare(chat(), TARGET), Wire(memory, 1.0, 1.0))
    ids = [event.id async for frame in stream for event in frame.events if isinstance(event, ToolCallStart)]
    calls = [{"id": call_id, "type": "function", "function": {"name": "a", "arguments": "{}"}} for call_id in ids]
    turn = {"role": "assistant", "tool_calls": calls, "reasoning_content": own}

    sent = json.loads(its.prepare(ChatRequest({"messages": [turn]}), TARGET).body)["messages"]

    assert (own or "hm") == sent[0]["thinking"]


async def test_row_26_thinking_beyond_the_bound_is_not_kept():
    """One answer cannot fill the memory."""
    store = ReasoningStore()
    its = OllamaProvider(store, clock=lambda: 1.0)
    memory = Memory(line({"thinking": "x" * (1024 * 1024 + 1)}), called(("a", {})), DONE)

    async for _ in its.stream(its.prepare(chat(), TARGET), Wire(memory, 1.0, 1.0)):
        pass

    assert 0 == store.n_entries
