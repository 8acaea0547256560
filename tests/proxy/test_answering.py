"""How answers end when they do not end well: shutdown, deadlines, slow readers, errors after keepalives."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import HEAD, Gateway, model, running_gateway, user

HANGS = Script((Reply(text="one two three", fault="hang_mid_stream", after_chunks=2),))
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def data_of(text: str) -> list[str]:
    """Return the events of a stream."""
    return [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]


async def raw_ask(gateway: Gateway, body: dict[str, object]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request over a socket of our own, so that nothing reads the answer for us."""
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    sent = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(sent)}"
    writer.write(head.encode() + b"\r\n\r\n" + sent)
    await writer.drain()
    return reader, writer


async def booked(gateway: Gateway) -> list[tuple[str, str | None]]:
    """Return status and error code of every decision, waiting for the first."""
    async with asyncio.timeout(10):
        while True:
            await gateway.house.writer.flush(5)
            async with gateway.house.database.reading() as connection:
                rows = (await connection.exec_driver_sql("select status, error_code from decision")).all()
            if rows:
                return [(row[0], row[1]) for row in rows]
            await asyncio.sleep(0.02)


def rows_after_the_end(folder: Path) -> list[tuple[str, str | None]]:
    """Return status and error code of every decision that a gateway of the past left in its file."""
    (file,) = folder.rglob("*.sqlite")
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("select status, error_code from decision").fetchall()


async def test_shutdown_in_mid_stream_is_said_and_booked(tmp_path: Path) -> None:
    """After the drain the client gets an error and the end, and the books say that it was the server's doing."""
    head = HEAD.replace("port = 0", "port = 0\ndrain_s = 1")
    ask = {"model": "m", "messages": user("hi"), "stream": True}
    async with httpx.AsyncClient(timeout=20) as client, scripted_upstream(HANGS) as upstream:
        async with running_gateway(tmp_path, model("m", upstream.url + "/v1"), head=head) as gateway:
            request = client.build_request("POST", f"{gateway.v1}/chat/completions", json=ask)
            response = await client.send(request, stream=True)
            lines = response.aiter_lines()
            async for line in lines:
                if "two" in line:
                    break
        rest = [line async for line in lines]
        await response.aclose()

    events = data_of("\n".join(rest))
    assert "[DONE]" == events[-1]
    assert "shutting_down" == json.loads(events[-2])["error"]["code"]
    assert [("failed_upstream", "shutting_down")] == rows_after_the_end(tmp_path)


async def test_the_total_deadline_ends_a_stream_with_an_error(tmp_path: Path) -> None:
    """An answer that takes longer than the whole request may ends in-band, and is booked as a timeout."""
    script = Script((Reply(text="word " * 200, delay_chunk_s=0.05),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, "[timeouts]\ntotal_s = 1.0\n", model("m", upstream.url + "/v1")) as gateway,
    ):
        response = await gateway.chat(stream=True)
        decision = await gateway.decision(response)

    events = data_of(response.text)
    assert "[DONE]" == events[-1]
    assert "timeout" in json.loads(events[-2])["error"]["code"]
    assert "word" in response.text
    assert "failed_upstream" == decision["status"]


async def test_a_client_that_reads_nothing_is_given_up(tmp_path: Path) -> None:
    """A reader that takes nothing within the write deadline counts as gone, and the upstream is closed."""
    script = Script((Reply(chunks=("x" * 60_000,) * 400),))
    streaming = "[streaming]\nwrite_timeout_s = 0.3\n"
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, streaming, model("m", upstream.url + "/v1")) as gateway,
    ):
        _, writer = await raw_ask(gateway, {"model": "m", "messages": user("hi"), "stream": True})
        rows = await booked(gateway)
        writer.close()

    assert [("aborted_by_client", "client_left")] == rows


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/claude", "/api/chat"])
async def test_an_error_after_a_keepalive_goes_in_band(tmp_path: Path, path: str) -> None:
    """Once the 200 is out, a failure of every upstream is an event in the door's own shape."""
    script = Script((Reply(delay_headers_s=0.4, fault="server_error"),))
    streaming = "[streaming]\nkeepalive_s = 0.1\n"
    ask = {"model": "m", "max_tokens": 9, "messages": user("hi"), "stream": True}
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, streaming, model("m", upstream.url + "/v1")) as gateway,
    ):
        response = await gateway.http.post(path, json=ask)
        decision = await gateway.decision(response)

    assert 200 == response.status_code
    errors = [json.loads(event) for event in data_of(response.text) if '"error"' in event]
    assert 1 == len(errors)
    assert errors[0]["error"]["message"]
    assert ("failed_upstream", "upstream_failed") == (decision["status"], decision["error_code"])


@pytest.mark.parametrize("stream", [False, True])
async def test_bodies_are_kept_where_the_operator_wants_them(tmp_path: Path, stream: bool) -> None:
    """With `store_bodies` the request and the text of the answer stand in the books."""
    async with (
        scripted_upstream(Script((Reply(text="the answer"),))) as upstream,
        running_gateway(tmp_path, "[storage]\nstore_bodies = true\n", model("m", upstream.url + "/v1")) as gateway,
    ):
        await gateway.chat(messages=user("the question"), stream=stream)
        await gateway.house.writer.flush(5)
        async with gateway.house.database.reading() as connection:
            rows = (await connection.exec_driver_sql("select * from body")).mappings().all()

    assert [b"the answer"] == [row["response"] for row in rows]
    assert user("the question") == json.loads(rows[0]["request"])["messages"]


async def test_a_large_prompt_is_counted_beside_the_loop(tmp_path: Path) -> None:
    """A long prompt would hold up the loop; the figure is an estimate and says so."""
    script = Script((Reply(text="ok", quirks=("usage_never",)),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        response = await gateway.chat(messages=user("word " * 20_000), tools=[TOOL])
        decision = await gateway.decision(response)

    (attempt,) = decision["attempts"]  # type: ignore[misc]
    assert "estimated" == attempt["usage_source"]
    assert 15_000 < attempt["input_tokens"] < 40_000
