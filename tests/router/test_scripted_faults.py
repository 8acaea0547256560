"""Each fault of the scripted upstream does on the socket what its name says, heard by a bare client."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from router.providers.scripted import parse_script
from router.providers.scripted.script import FAULTS
from tests.upstreams import Heard, hear, raw_client, raw_request, replying, scripted_upstream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from router.providers.scripted import ScriptedUpstream

    Start = Callable[..., Awaitable[ScriptedUpstream]]

pytest_plugins = ("tests.upstream_fixtures",)

CHAT = "/v1/chat/completions"
DIALECT_PATHS = [CHAT, "/v1/messages", "/api/chat"]
TEXT = {"chunks": ["eins ", "zwei ", "drei"]}
MARK = {CHAT: b"data: [DONE]\n\n", "/v1/messages": b"event: message_stop\n", "/api/chat": b'"done":true'}


async def heard(path: str = CHAT, *, stream: bool = True, **reply: object) -> Heard:
    """Return what a bare client hears of one reply."""
    async with scripted_upstream(replying({**TEXT, **reply})) as upstream:
        patience_s = 0.4 if str(reply.get("fault")).startswith("hang") else 5.0
        return await hear(upstream.url, path, stream=stream, silence_s=patience_s)


@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_a_good_stream_ends_whole_with_its_mark(path: str) -> None:
    """Without a fault every dialect ends by its own mark and by the last HTTP chunk."""
    good = await heard(path)

    assert (200, "fin", True) == (good.status, good.end, good.whole)
    assert 1 == good.body.count(MARK[path])
    assert b"drei" in good.body


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", ["refuse", "reset"])
async def test_reset_without_a_byte(fault: str, *, stream: bool) -> None:
    """The connection is dropped by a TCP reset before any answer."""
    assert Heard(b"", "reset") == await heard(stream=stream, fault=fault)


async def test_refused_connections_while_the_door_is_closed_and_served_again_after() -> None:
    """`refuse_s` closes the port itself: connecting fails, until the door opens again at the same port."""
    async with scripted_upstream(replying({"fault": "refuse", "refuse_s": 0.05, "times": 1}, TEXT)) as upstream:
        first = await hear(upstream.url)
        with pytest.raises(ConnectionRefusedError):
            await hear(upstream.url)
        async with asyncio.timeout(5):
            while True:
                try:
                    again = await hear(upstream.url)
                    break
                except ConnectionRefusedError:
                    await asyncio.sleep(0)

    assert "reset" == first.end
    assert 200 == again.status


async def test_reset_after_content() -> None:
    """With `after_chunks` the reset comes in the middle of the stream."""
    broken = await heard(fault="reset", after_chunks=1)

    assert ("reset", False) == (broken.end, broken.whole)
    assert b"zwei" not in broken.data


@pytest.mark.parametrize("stream", [True, False])
async def test_hang_says_nothing_at_all(*, stream: bool) -> None:
    """Not even the headers come."""
    assert Heard(b"", "silence") == await heard(stream=stream, fault="hang")


@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_hang_mid_stream_stops_after_the_content_it_names(path: str) -> None:
    """The connection stays open, silent, after `after_chunks` pieces (1 unless said)."""
    silent = await heard(path, fault="hang_mid_stream", after_chunks=2)

    assert ("silence", False) == (silent.end, silent.whole)
    assert b"zwei" in silent.body
    assert b"drei" not in silent.body


@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_cut_before_content_leaves_only_the_opening(path: str) -> None:
    """Headers and opening events come, then an orderly close without the last HTTP chunk."""
    cut = await heard(path, fault="cut_before_content")

    assert (200, "fin", False) == (cut.status, cut.end, cut.whole)
    assert b"eins" not in cut.body


@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_cut_mid_stream_leaves_no_mark(path: str) -> None:
    """Some content comes, then the end of the connection; a fault beyond the content strikes after it."""
    cut = await heard(path, fault="cut_mid_stream")
    late = await heard(path, fault="cut_mid_stream", after_chunks=99)

    assert ("fin", False, False) == (cut.end, cut.whole, MARK[path] in cut.body)
    assert (True, False) == (b"eins" in cut.body, b"zwei" in cut.body)
    assert (True, False, False) == (b"drei" in late.body, late.whole, MARK[path] in late.body)


async def test_a_stream_framed_by_close_hides_a_cut() -> None:
    """Without chunked framing only the mark tells a cut from an end."""
    whole = await heard(framing="close")
    cut = await heard(framing="close", fault="cut_mid_stream")

    assert "transfer-encoding" not in whole.head
    assert (True, True) == (whole.body.endswith(MARK[CHAT]), cut.whole)
    assert MARK[CHAT] not in cut.body


@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_bad_json_is_a_whole_event_of_half_an_object(path: str) -> None:
    """The rest of the stream is good, so that only who looks sees it."""
    bad = await heard(path, fault="bad_json")
    broken = []
    for line in bad.body.splitlines():
        payload = line.removeprefix(b"data: ")
        if payload.startswith(b"{"):
            try:
                json.loads(payload)
            except ValueError:
                broken.append(line)

    assert 1 == len(broken)
    assert MARK[path] in bad.body


@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_malformed_sse_is_no_event_and_no_utf8(path: str) -> None:
    """Bytes that no parser may take for text come between good events."""
    bad = await heard(path, fault="malformed_sse", after_chunks=0)
    with pytest.raises(UnicodeDecodeError):
        bad.body.decode()

    assert b"eins" in bad.body.partition(b"\xff\xfe")[2]


@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_an_empty_stream_has_headers_and_no_event(path: str) -> None:
    """It ends in order, so silence reads as success; an empty 200 has no stream at all."""
    empty = await heard(path, fault="empty_stream")
    nothing = await heard(path, fault="empty_200")

    assert (200, b"", True, True) == (empty.status, empty.body, empty.whole, "chunked" in empty.head)
    assert (200, b"", True, True) == (nothing.status, nothing.body, nothing.whole, "content-length: 0" in nothing.head)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_huge_event_is_good_and_as_large_as_told(*, stream: bool) -> None:
    """One piece of `size_bytes` in the middle of an answer that is otherwise itself."""
    huge = await heard(stream=stream, fault="huge_event", size_bytes=300_000, after_chunks=1)

    assert 300_000 == huge.body.count(b"x") - huge.body.replace(b"x" * 300_000, b"").count(b"x")
    assert max(len(line) for line in huge.body.splitlines()) > 300_000
    assert huge.whole


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_an_endless_line_never_ends(path: str, *, stream: bool) -> None:
    """After `size_bytes` without a line break or an end of the object the connection closes."""
    endless = await heard(path, stream=stream, fault="endless_line", size_bytes=200_000)

    assert ("fin", False) == (endless.end, endless.whole)
    assert max(len(line) for line in endless.body.splitlines()) > 190_000
    assert not endless.body.endswith((b"\n", b"}"))


async def test_an_endless_line_stops_when_the_client_leaves() -> None:
    """The flood waits for the reader, and ends with it."""
    async with scripted_upstream(replying({"fault": "endless_line", "size_bytes": 1 << 30})) as upstream:
        async with raw_client(upstream.url) as (reader, writer):
            writer.write(raw_request(stream=True))
            await reader.readexactly(100_000)
        await upstream.requests[0].wait_ended()

    assert upstream.requests[0].disconnected_at is not None
    assert upstream.requests[0].n_bytes_sent < 1 << 28


@pytest.mark.parametrize(
    ("fault", "kind", "holds"),
    [
        ("json_instead_of_sse", "application/json", b'"error"'),
        ("html_instead_of_sse", "text/html", b"<html>"),
        ("completion_instead_of_sse", "application/json", b"eins zwei drei"),
    ],
)
async def test_another_body_than_a_stream(fault: str, kind: str, holds: bytes) -> None:
    """Status 200, and not what was asked for."""
    other = await heard(fault=fault)

    assert (200, True) == (other.status, other.whole)
    assert f"content-type: {kind}" in other.head
    assert holds in other.body


async def test_another_body_in_the_scripts_own_words() -> None:
    """`body` replaces what we would say."""
    page = await heard(fault="html_instead_of_sse", body="<p>busy")
    error = await heard(fault="error_event", body={"error": {"message": "mine"}})
    text = await heard(fault="json_instead_of_sse", body="not even json")

    assert b"<p>busy" == page.body
    assert b'data: {"error":{"message":"mine"}}\n\ndata: [DONE]\n\n' in error.body
    assert b"not even json" == text.body


@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_duplicate_done_and_late_bytes_come_after_the_end(path: str) -> None:
    """The mark comes twice; or content and garbage come behind it."""
    double = await heard(path, fault="duplicate_done")
    late = await heard(path, fault="late_bytes")

    assert 2 == double.body.count(MARK[path])
    assert b"late bytes" in late.body.partition(MARK[path])[2]
    assert b"eins" in late.body.partition(MARK[path])[2]


@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_an_error_event_ends_a_200_stream(path: str) -> None:
    """The dialect's in-band error, before content unless told otherwise, and nothing behind it."""
    early = await heard(path, fault="error_event")
    late = await heard(path, fault="error_event", after_chunks=2)

    assert (True, False) == (b'"error"' in early.body, b"eins" in early.body)
    assert (True, True, False) == (b'"error"' in late.body, b"zwei" in late.body, b"drei" in late.body)
    assert (200, True) == (late.status, late.whole)


@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_no_finish_ends_in_order_without_a_reason(path: str) -> None:
    """All content, a good end of HTTP, and not a word why; `no_done` lacks the mark alone."""
    bare = await heard(path, fault="no_finish")
    unmarked = await heard(path, fault="no_done")
    short = await heard(path, fault="no_finish", after_chunks=1)

    assert (True, True) == (b"drei" in bare.body, bare.whole)
    assert (True, False, True) == (b"eins" in short.body, b"zwei" in short.body, short.whole)
    assert not any(word in bare.body for word in (b'"stop"', b"end_turn", b"[DONE]", b'"done":true'))
    assert any(word in unmarked.body for word in (b'"stop"', b"end_turn"))
    assert (path == "/api/chat") == (MARK[path] in unmarked.body)


async def test_drip_sends_single_bytes() -> None:
    """At the rate of the script; the default is slow enough to outlast any total deadline."""
    async with (
        scripted_upstream(replying({"text": "x", "drip_bytes_per_s": 20_000}, {})) as fast,
        scripted_upstream(replying({"text": "x", "fault": "drip"})) as slow,
    ):
        whole = await hear(fast.url, stream=False)
        async with raw_client(slow.url) as (reader, writer):
            writer.write(raw_request())
            head = await reader.readuntil(b"\r\n\r\n")
            sizes = [len(await reader.read(65_536)) for _ in range(3)]

    assert whole.whole
    assert head.startswith(b"HTTP/1.1 200")
    assert [1, 1, 1] == sizes


@pytest.mark.parametrize("path", DIALECT_PATHS)
@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [
        ("context_overflow", 400, b"maximum context length"),
        ("prompt_filtered", 400, b"content management policy"),
        ("rate_limited", 429, b"Rate limit"),
        ("quota", 429, b"quota"),
        ("bad_key", 401, b"Incorrect API key"),
        ("forbidden", 403, b"may not use"),
        ("model_gone", 404, b"does not exist"),
        ("server_error", 500, b"error"),
        ("overloaded", 529, b"Overloaded"),
        ("bad_gateway_html", 502, b"<html>"),
    ],
)
async def test_refusals_have_the_dialects_status_and_body(path: str, fault: str, status: int, word: bytes) -> None:
    """Each dialect says it its own way, streamed or not."""
    refused = await heard(path, fault=fault)
    plain = await heard(path, fault=fault, stream=False)

    assert (status, True) == (refused.status, refused.whole)
    assert word in refused.body
    assert refused.body == plain.body


@pytest.mark.parametrize(
    ("reply", "status", "holds"),
    [
        ({"status": 429, "headers": {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}}, 429, "Oct 2026"),
        ({"status": 418}, 418, "failed with status 418"),
        ({"status": 529}, 529, "529 Overloaded"),
        ({"status": 599}, 599, "599 Scripted"),
        ({"status": 500, "body": "<h1>oops"}, 500, "text/html"),
        ({"status": 503, "body": {"error": {"retryDelay": "7s"}}}, 503, '"retryDelay":"7s"'),
        ({"status": 503, "fault": "bad_gateway_html"}, 503, "Bad Gateway"),
        ({"status": 503, "fault": "overloaded"}, 503, "Overloaded"),
        ({"body": {"any": "answer"}, "headers": {"Content-Type": "x/y"}}, 200, "Content-Type: x/y"),
    ],
)
async def test_status_headers_and_body_are_the_scripts(reply: dict[str, Any], status: int, holds: str) -> None:
    """Any status, any header (in place of ours), any body."""
    async with scripted_upstream(replying(reply)) as upstream:
        answer = await hear(upstream.url)

    assert status == answer.status
    assert holds in answer.data.decode()
    assert answer.head.lower().count("content-type") == 1


@pytest.mark.parametrize("path", DIALECT_PATHS)
async def test_faults_of_a_plain_answer(path: str) -> None:
    """The same names on a whole answer: cut, hung, reset, broken, empty, or followed by garbage."""
    good = await heard(path, stream=False)
    cut = await heard(path, stream=False, fault="cut_mid_stream")
    head = await heard(path, stream=False, fault="cut_before_content")
    hung = await heard(path, stream=False, fault="hang_mid_stream")
    reset = await heard(path, stream=False, fault="reset", after_chunks=1)
    bad = await heard(path, stream=False, fault="bad_json")
    malformed = await heard(path, stream=False, fault="malformed_sse")
    late = await heard(path, stream=False, fault="late_bytes")
    empty = await heard(path, stream=False, fault="empty_stream")
    error = await heard(path, stream=False, fault="error_event")
    page = await heard(path, stream=False, fault="html_instead_of_sse")

    assert isinstance(json.loads(good.body), dict)
    assert [("fin", False), ("fin", False), ("silence", False), ("reset", False)] == [
        (each.end, each.whole) for each in (cut, head, hung, reset)
    ]
    assert len(good.body) // 2 == len(cut.body) == len(bad.body)
    assert b"" == head.body
    assert bad.whole
    assert malformed.body.startswith(b"\xff\xfe")
    assert late.body.endswith(b"late bytes")
    assert (b"", True) == (empty.body, empty.whole)
    assert b'"error"' in error.body
    assert b"<html>" in page.body


@pytest.mark.parametrize(
    ("path", "keys"),
    [(CHAT, ("choices", 0, "finish_reason")), ("/v1/messages", ("stop_reason",)), ("/api/chat", ("done_reason",))],
)
async def test_a_plain_answer_without_a_finish(path: str, keys: tuple[Any, ...]) -> None:
    """Its reason is empty, and nothing else is missing."""
    value: Any = json.loads((await heard(path, stream=False, fault="no_finish")).body)
    for key in keys:
        value = value[key]

    assert not value


async def test_content_filter_is_an_ending_not_an_error() -> None:
    """The answer ends early by policy, in each dialect's word."""
    chat = json.loads((await heard(stream=False, fault="content_filter")).body)
    message = json.loads((await heard("/v1/messages", stream=False, fault="content_filter")).body)

    assert "content_filter" == chat["choices"][0]["finish_reason"]
    assert "refusal" == message["stop_reason"]


async def test_a_byte_script_is_sent_as_it_is(tmp_path: Any) -> None:
    """Bytes, pauses, and every way to end; nothing of ours is added."""
    (tmp_path / "wire.bin").write_bytes(b"HTTP/1.1 200 OK\r\n\r\n\x00\xff")
    raw = [{"send": "HTTP/1.1 200 OK\r\n\r\né"}, {"sleep_s": 0.001}, {"send_base64": "AP8="}]

    async def sent(reply: dict[str, Any]) -> Heard:
        async with scripted_upstream(parse_script({"reply": [reply]}, folder=tmp_path)) as upstream:
            return await hear(upstream.url, stream=True, silence_s=0.4 if "hang" in str(reply) else 5.0)

    start = b"HTTP/1.1 200 OK\r\n\r\n"
    assert Heard(start + "é".encode() + b"\x00\xff", "fin") == await sent({"raw": [*raw, {"close": True}]})
    assert Heard(start + "é".encode() + b"\x00\xff", "reset") == await sent({"raw": [*raw, {"rst": True}]})
    assert Heard(start + "é".encode() + b"\x00\xff", "silence") == await sent({"raw": [*raw, {"hang": True}]})
    assert Heard(start + b"\x00\xff", "fin") == await sent({"raw_file": "wire.bin"})
    assert Heard(b"garbage", "fin") == await sent({"raw": "garbage"})


async def test_delays_come_where_the_script_puts_them() -> None:
    """Before the headers, before the first content, and between pieces; measured as lower bounds."""
    async with scripted_upstream(
        replying({**TEXT, "delay_headers_s": 0.03, "delay_first_s": 0.05, "delay_chunk_s": 0.02})
    ) as upstream:
        clock = asyncio.get_running_loop().time
        async with raw_client(upstream.url) as (reader, writer):
            began = clock()
            writer.write(raw_request(stream=True))
            await reader.readuntil(b"\r\n\r\n")
            headers = clock() - began
            await reader.readuntil(b"eins")
            first = clock() - began
            await reader.readuntil(b"drei")
            last = clock() - began
        plain_began = clock()
        await hear(upstream.url)
        plain = clock() - plain_began

    assert headers >= 0.03
    assert first >= 0.08
    assert last >= 0.12
    assert plain >= 0.08


def test_every_fault_is_proven_here() -> None:
    """A fault without a test in this file fails."""
    tests = Path(__file__).read_text(encoding="utf-8")

    assert set() == {fault for fault in FAULTS if f'"{fault}"' not in tests}
