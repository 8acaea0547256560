"""The scripted upstream as a server: connections, what it remembers, clients that leave, its start and end."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from config.errors import SettingsError
from router.providers.scripted import Reply, Script, ScriptedUpstream, serve_script
from tests.upstreams import hear, raw_client, raw_request, replying, scripted_upstream

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("tests.upstream_fixtures",)

CHAT = "/v1/chat/completions"


def ask(**body: object) -> dict[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}


async def test_requests_are_recorded_whole(upstream: ScriptedUpstream) -> None:
    """Method, path, query, headers, body and times are there to be looked at."""
    async with httpx.AsyncClient() as client:
        await client.post(f"{upstream.url}{CHAT}?beta=true", json=ask(), headers={"X-Api-Key": "k"})
    (request,) = upstream.requests

    assert (1, "POST", CHAT, "beta=true", 1) == (
        request.serial,
        request.method,
        request.path,
        request.query,
        request.reply,
    )
    assert ask() == request.json == json.loads(request.body)
    assert "k" == request.headers["x-api-key"]
    assert request.first_byte_at is not None
    assert request.ended_at is not None
    assert request.received_at <= request.first_byte_at <= request.ended_at
    assert request.completed
    assert request.n_bytes_sent > 100


async def test_one_connection_serves_many_requests(upstream: ScriptedUpstream) -> None:
    """Keep-alive after plain answers and after streams; pipelined requests are answered in order."""
    async with raw_client(upstream.url) as (reader, writer):
        one = raw_request(stream=True).replace(b"connection: close\r\n", b"")
        two = raw_request("/api/chat", stream=False).replace(b"connection: close\r\n", b"")
        writer.write(one + two)
        await reader.readuntil(b"0\r\n\r\n")
        await reader.readuntil(b'"done":true')
        writer.write(raw_request())
        rest = await reader.read()

    assert b"chat.completion" in rest
    assert [CHAT, "/api/chat", CHAT] == [request.path for request in upstream.requests]


async def test_a_chunked_body_after_100_continue(upstream: ScriptedUpstream) -> None:
    """A client that waits for leave gets it; chunks are joined."""
    body = json.dumps(ask()).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n"
    async with raw_client(upstream.url) as (reader, writer):
        writer.write(head.encode())
        leave = await reader.readuntil(b"\r\n\r\n")
        for part in (body[:10], body[10:], b""):
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
        answer = await reader.readuntil(b"\r\n\r\n")

    assert leave.startswith(b"HTTP/1.1 100")
    assert answer.startswith(b"HTTP/1.1 200")
    assert ask() == upstream.requests[0].json


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"not http\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", b"200")],
)
async def test_what_is_no_http_is_refused_and_upgrades_are_not_taken(
    upstream: ScriptedUpstream, sent: bytes, status: bytes
) -> None:
    """Bad syntax closes the connection; an offer to switch protocols is passed over."""
    async with raw_client(upstream.url) as (reader, writer):
        writer.write(sent)
        answer = await reader.readline()

    assert status == answer.split()[1]


@pytest.mark.parametrize("fault", ["hang", "hang_mid_stream"])
async def test_a_client_that_leaves_is_noticed_at_once(fault: str) -> None:
    """`disconnected_at` is what cancellation tests look at; it comes without our sending anything."""
    async with scripted_upstream(replying({"text": "a b c", "fault": fault})) as upstream:
        async with raw_client(upstream.url) as (reader, writer):
            writer.write(raw_request(stream=True))
            await upstream.wait_for_requests(1)
            if fault == "hang_mid_stream":
                await reader.readuntil(b'"a"')
        request = upstream.requests[0]
        await request.wait_ended(1.0)

    assert request.disconnected_at is not None
    assert not request.completed


async def test_a_slow_stream_ends_when_its_client_leaves() -> None:
    """Nothing more is sent to nobody."""
    async with scripted_upstream(replying({"text": "a b c", "delay_chunk_s": 60})) as upstream:
        async with raw_client(upstream.url) as (reader, writer):
            writer.write(raw_request(stream=True))
            await reader.readuntil(b'"a"')
        await upstream.requests[0].wait_ended()

    assert upstream.requests[0].disconnected_at is not None


async def test_stopping_drops_whoever_still_waits() -> None:
    """An upstream that stops keeps nobody; its own stop is not the client's leaving."""
    upstream = ScriptedUpstream(replying({"fault": "hang"}))
    await upstream.start()
    async with raw_client(upstream.url) as (reader, writer):
        writer.write(raw_request())
        await upstream.wait_for_requests(1)
        await upstream.stop()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)

    assert upstream.requests[0].disconnected_at is None
    with pytest.raises(ConnectionRefusedError):
        await hear(upstream.url)


async def test_a_closed_door_opens_at_the_same_port(upstream: ScriptedUpstream) -> None:
    """Outage and recovery of one address; opening an open door changes nothing."""
    url = upstream.url
    upstream.stop_listening()
    with pytest.raises(ConnectionRefusedError):
        await hear(url)
    await upstream.open_door()
    await upstream.open_door()

    assert url == upstream.url
    assert 200 == (await hear(url)).status


async def test_stopping_while_the_door_is_closed() -> None:
    """A pending opening dies with the upstream."""
    upstream = ScriptedUpstream(replying({"fault": "refuse", "refuse_s": 60}))
    await upstream.start()
    await hear(upstream.url)
    await upstream.stop()

    with pytest.raises(ConnectionRefusedError):
        await hear(upstream.url)


async def test_waiting_for_requests_that_do_not_come_times_out(upstream: ScriptedUpstream) -> None:
    """A test that waits in vain fails instead of hanging."""
    with pytest.raises(TimeoutError):
        await upstream.wait_for_requests(1, timeout_s=0.01)
    await hear(upstream.url)
    await upstream.wait_for_requests(1)
    with pytest.raises(TimeoutError):
        await upstream.wait_for_requests(3, timeout_s=0.01)


async def test_only_the_newest_requests_are_kept() -> None:
    """A benchmark does not fill the memory."""
    some, none = ScriptedUpstream(keep_requests=2), ScriptedUpstream(keep_requests=0)
    await some.start()
    await none.start()
    for _ in range(3):
        await hear(some.url)
        await hear(none.url)
    await some.stop()
    await none.stop()

    assert [2, 3] == [request.serial for request in some.requests]
    assert [] == none.requests


async def test_requests_can_be_looked_at_from_another_process(upstream: ScriptedUpstream) -> None:
    """Over HTTP, with keys masked; DELETE forgets them, and looking is not recorded."""
    async with httpx.AsyncClient(base_url=upstream.url) as client:
        await client.post(CHAT, json=ask(), headers={"authorization": "Bearer sk-secret-1234"})
        shown = (await client.get("/_scripted/requests")).json()["requests"]
        forgotten = (await client.delete("/_scripted/requests")).json()
        root = await client.get("/")
        head = await client.head("/")

    assert [CHAT] == [request["path"] for request in shown]
    assert "***1234" == shown[0]["headers"]["authorization"]
    assert ask() == shown[0]["json"]
    assert {"requests": []} == forgotten
    assert [] == upstream.requests
    assert (200, 200) == (root.status_code, head.status_code)


async def test_unknown_paths_answer_head_without_a_body(upstream: ScriptedUpstream) -> None:
    """A body after HEAD would be taken for the next answer."""
    async with httpx.AsyncClient(base_url=upstream.url) as client:
        answers = [(await client.head("/nope")).status_code, (await client.get("/v1/models")).status_code]

    assert [404, 200] == answers


async def test_hundreds_of_streams_at_once() -> None:
    """It may stand behind a benchmark."""
    async with scripted_upstream(replying({"text": "word " * 20, "delay_chunk_s": 0.001})) as upstream:
        answers = await asyncio.gather(*(hear(upstream.url, stream=True, silence_s=20) for _ in range(300)))

    assert {(200, "fin", True)} == {(each.status, each.end, each.whole) for each in answers}
    assert 300 == len(upstream.requests)


async def test_ipv6_urls_have_brackets() -> None:
    """So that clients can use the URL as it is."""
    upstream = ScriptedUpstream()
    await upstream.start("::1")
    answer = await hear(upstream.url)
    await upstream.stop()

    assert upstream.url.startswith("http://[::1]:")
    assert 200 == answer.status


async def test_serve_script_runs_a_file_until_cancelled(tmp_path: Path) -> None:
    """`on_ready` gets the URL; cancelling closes the port; without a file it echoes."""
    file = tmp_path / "script.toml"
    file.write_text('[[reply]]\ntext = "from a file"\n', encoding="utf-8")

    async def answer(path: Path | None) -> tuple[str, str]:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve_script(path, host="127.0.0.1", port=0, on_ready=ready.set_result))
        url = await ready
        body: Any = json.loads((await hear(url)).body)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return url, body["choices"][0]["message"]["content"]

    url, text = await answer(file)

    assert "from a file" == text
    assert "hi" == (await answer(None))[1]
    with pytest.raises(ConnectionRefusedError):
        await hear(url)


async def test_serve_script_refuses_a_wrong_script(tmp_path: Path) -> None:
    """Before it listens."""
    with pytest.raises(SettingsError):
        await serve_script(tmp_path / "none.toml", host="127.0.0.1", port=0)
    async with asyncio.timeout(5):
        task = asyncio.create_task(serve_script(None))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_client_that_does_not_read_holds_the_answer_back() -> None:
    """What is sent waits for the reader instead of filling the memory, and then arrives whole."""
    async with (
        scripted_upstream(replying({"fault": "huge_event", "size_bytes": 1 << 24})) as upstream,
        raw_client(upstream.url) as (reader, writer),
    ):
        writer.write(raw_request(stream=True))
        await reader.readuntil(b'"delta"')
        waiting = upstream.requests[0].ended_at is None
        rest = await reader.read()

    assert waiting
    assert rest.endswith(b"0\r\n\r\n")
    assert upstream.requests[0].completed


async def test_another_script_holds_for_the_requests_to_come(upstream: ScriptedUpstream) -> None:
    """Its counters begin anew, and the address stays."""
    url = upstream.url
    said: list[str] = []
    for text in ("first", "second"):
        upstream.follow(Script((Reply(text=text, times=1), Reply(text="later"))))
        async with httpx.AsyncClient(base_url=url) as http:
            body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
            answers = [(await http.post("/v1/chat/completions", json=body)).json() for _ in range(2)]
        said += [each["choices"][0]["message"]["content"] for each in answers]

    assert ["first", "later", "second", "later"] == said
