"""Attacks by the bytes of a request: framing, hosts, heads without end, loops, forged addresses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest
import uvicorn

from proxy.protocol import MAX_HEAD_BYTES, MAX_HEADERS, BoundedHttpProtocol
from proxy.server import uvicorn_config
from router.providers.scripted import scripted_upstream
from tests.e2e.gateway import asked, model, running_gateway, user
from tests.upstreams import hear_after, replying

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

BODY = msgspec.json.encode({"model": "m", "messages": user("hi")})
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        b"content-length: 5\r\ncontent-length: 6\r\n",
        b"transfer-encoding: xchunked\r\n",
        b"transfer-encoding: chunked, identity\r\n",
        b"transfer-encoding : chunked\r\n",
        b"content-length: +5\r\n",
        b" content-length: 5\r\n",
    ],
)
async def test_a_smuggled_request_is_refused_and_the_connection_closed(tmp_path: Path, framing: bytes) -> None:
    """Whoever reads the end of the request differently must not find a second one behind it."""
    smuggled = b"0\r\n\r\nGET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n"
    async with running_gateway(tmp_path) as gateway:
        answer = await hear_after(gateway.url, HEAD + framing + b"\r\n" + smuggled)

    assert (400, "fin") == (answer.status, answer.end)
    assert 1 == answer.data.count(b"HTTP/1.1 ")
    assert msgspec.json.decode(answer.body)["error"]["code"] in {"invalid_framing", "invalid_http"}


FOREIGN_HOSTS = {
    "a@b:c": (400, "invalid_host"),
    "x/health?": (400, "invalid_host"),
    "localhost/health?": (400, "invalid_host"),
    "": (400, "invalid_host"),
    "evil.example": (421, "host_not_allowed"),
    "127.0.0.1.nip.io": (421, "host_not_allowed"),
}


async def test_a_foreign_or_malformed_host_gets_nowhere(tmp_path: Path) -> None:
    """CVE-2026-48710 and DNS rebinding: no route, public ones included, is reached."""
    async with running_gateway(tmp_path) as gateway:
        for path in ("/v1/chat/completions", "/v1/models", "/health", "/metrics", "/nothing"):
            for host, expected in FOREIGN_HOSTS.items():
                answer = await gateway.http.get(path, headers={"host": host})

                assert expected == (answer.status_code, answer.json()["error"]["code"])
                assert answer.headers["x-request-id"]


TARGETS = {
    b"http://evil.example/health/ready": (421, "host_not_allowed"),
    b"HTTPS://evil.example:443/health/ready": (421, "host_not_allowed"),
    b"http://evil.example": (421, "host_not_allowed"),
    b"http://evil.example?/health/ready": (421, "host_not_allowed"),
    b"http://localhost@evil.example/health/ready": (400, "invalid_host"),
    b"http://evil.example@localhost/health/ready": (400, "invalid_host"),
    b"http:///health/ready": (400, "invalid_host"),
    b"http://localhost/health/ready": (200, None),
    b"http://LOCALHOST:8000/health/ready?a=http://evil.example/": (200, None),
    b"http://localhost/nothing": (404, "unknown_url"),
    b"http://localhost": (404, "unknown_url"),
    b"/health/ready": (200, None),
}


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_the_host_of_an_absolute_target_wins_over_host(tmp_path: Path, version: bytes) -> None:
    """RFC 9112, 3.2.2: a proxy on the way goes by the target, so a Host that is ours must not open the door."""
    answers: dict[bytes, tuple[int, str | None]] = {}
    async with running_gateway(tmp_path) as gateway:
        for target in TARGETS:
            rest = b" HTTP/" + version + b"\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            answer = await hear_after(gateway.url, b"GET " + target + rest)
            code = msgspec.json.decode(answer.body)["error"]["code"] if answer.status >= 400 else None
            answers[target] = (answer.status, code)

    assert TARGETS == answers


HEADS = {
    b"GET http://localhost/health/ready HTTP/1.1\r\nhost: evil.example\r\n": 200,
    b"GET http://localhost/health/ready HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n": 400,
    b"GET http://localhost/health/ready HTTP/1.1\r\n": 400,
    b"GET http://evil.example/health/ready HTTP/1.0\r\n": 421,
    b"GET http://localhost/health/ready HTTP/1.0\r\n": 200,
}


async def test_beside_an_absolute_target_host_is_still_counted(tmp_path: Path) -> None:
    """What it says is ignored; that it stands there once, where HTTP/1.1 asks for it, is not."""
    async with running_gateway(tmp_path) as gateway:
        answers = {head: (await hear_after(gateway.url, head + b"connection: close\r\n\r\n")).status for head in HEADS}

    assert HEADS == answers


@pytest.mark.parametrize(
    "flood",
    [
        b"x-flood: " + b"a" * (2 * MAX_HEAD_BYTES),
        b"".join(b"x-%d: a\r\n" % n for n in range(MAX_HEADERS + 1)),
        b"x-flood: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n",
    ],
    ids=["a line without an end", "too many", "too long"],
)
async def test_a_head_without_bound_is_cut_off(tmp_path: Path, flood: bytes) -> None:
    """Memory is not filled by somebody who has not even said who he is."""
    pieces = [flood[n : n + 8_000] for n in range(0, len(flood), 8_000)]
    async with running_gateway(tmp_path) as gateway:
        answer = await hear_after(gateway.url, HEAD, *pieces)
        after = await gateway.http.get("/health")

    assert answer.end in {"fin", "reset"}
    assert answer.status in {431, 0}  # a reset may overtake the answer, since we stopped reading
    assert 200 == after.status_code


async def test_a_target_without_bound_is_cut_off(tmp_path: Path) -> None:
    """The first line belongs to the head."""
    async with running_gateway(tmp_path) as gateway:
        answer = await hear_after(
            gateway.url, b"GET /" + b"a" * (2 * MAX_HEAD_BYTES) + b" HTTP/1.1\r\nhost: localhost\r\n\r\n"
        )

    assert (431, "headers_too_large") == (answer.status, msgspec.json.decode(answer.body)["error"]["code"])


async def test_a_head_of_ordinary_size_passes_in_pieces(tmp_path: Path) -> None:
    """Also one that comes byte by byte, and a large body is no head."""
    body = msgspec.json.encode({"model": "m", "messages": user("long " * 60_000)})
    whole = HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with (
        scripted_upstream(replying({"text": "ok"})) as upstream,
        running_gateway(tmp_path, model("m", f"{upstream.url}/v1")) as gateway,
    ):
        answer = await hear_after(gateway.url, *(whole[n : n + 1] for n in range(len(whole))), body)

    assert 200 == answer.status


@pytest.mark.parametrize("pieces", [(), (b"GET / HTTP/1.1\r\nhost: loc",), (b"GET / HTTP/1.1\r\n\r\n", b"GET /")])
async def test_a_head_that_never_ends_is_not_waited_for(pieces: tuple[bytes, ...]) -> None:
    """Nor a connection that says nothing at all; a request that was answered before changes nothing."""

    class Impatient(BoundedHttpProtocol):
        head_timeout_s = 0.1

    async def app(scope: dict[str, object], receive: object, send: Callable[[object], Awaitable[None]]) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Impatient, lifespan="off", log_config=None))  # type: ignore[arg-type]
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), "the server ended before it began"
        await asyncio.sleep(0.01)
    address = server.servers[0].sockets[0].getsockname()
    answer = await hear_after(f"http://127.0.0.1:{address[1]}", *pieces, silence_s=2)
    server.should_exit = True
    await task

    assert "fin" == answer.end


async def test_a_head_just_below_the_bound_passes_in_pieces(tmp_path: Path) -> None:
    """What is bounded is the head itself, however it is cut."""
    head = HEAD + b"x-long: " + b"a" * (MAX_HEAD_BYTES - 2_000) + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    async with running_gateway(tmp_path) as gateway:
        answer = await hear_after(gateway.url, *(head[n : n + 500] for n in range(0, len(head), 500)))

    assert 400 == answer.status
    assert b"JSON" in answer.body


async def test_a_trailer_is_not_taken_for_a_header(tmp_path: Path) -> None:
    """What comes behind a chunked body says nothing about who asks."""
    chunked = b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
    async with running_gateway(tmp_path, env={"THALAMUS_API_KEY": "sk-this"}) as gateway:
        answer = await hear_after(gateway.url, HEAD, chunked, b"authorization: Bearer sk-this\r\n\r\n")

    assert 401 == answer.status


@pytest.mark.parametrize("stream", [False, True])
async def test_a_deployment_that_leads_back_here_is_found_at_once(tmp_path: Path, stream: bool) -> None:
    """The request comes round one time, gets a 508, and the client an error instead of a storm."""
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    itself = f"http://127.0.0.1:{port}/v1"
    head = f"\n[server]\nport = {port}\n[routing]\nshipped_models = false\n[health]\nfind_ollama = false\n"
    async with running_gateway(tmp_path, model("m", itself, upstream_model="m"), head=head) as gateway:
        answer = await gateway.chat(stream=stream)
        decision = await gateway.decision(answer)
        counted = (await gateway.http.get("/metrics")).text

    assert 502 == answer.status_code
    assert {508} == {each["status"] for each in decision["attempts"]}  # type: ignore[index,union-attr]
    assert counted


async def test_a_request_with_our_own_mark_is_refused_with_508(tmp_path: Path) -> None:
    """And the upstream sees the mark of this process, and of gateways of its kind before it, but of nobody else."""
    before = "1.1 thalamus-0123456789abcdef"
    async with (
        scripted_upstream(replying({"text": "ok"})) as upstream,
        running_gateway(tmp_path, model("m", f"{upstream.url}/v1")) as gateway,
    ):
        body = {"model": "m", "messages": user("hi")}
        own = f"1.1 thalamus-{gateway.house.instance_id}"
        passed = await gateway.http.post("/v1/chat/completions", json=body, headers={"via": f"1.1 corp, {before}"})
        looped = await gateway.http.post("/v1/chat/completions", json=body, headers={"via": f"1.1 cdn, {own}"})

    assert [f"{before}, {own}"] == [each.headers["via"] for each in asked(upstream)]
    assert (200, 508) == (passed.status_code, looped.status_code)
    assert "loop_detected" == looped.json()["error"]["code"]


@pytest.mark.parametrize(("trusted", "seen"), [((), {"127.0.0.1"}), (("127.0.0.1",), {"10.0.0.9"})])
async def test_a_forwarded_address_is_believed_from_trusted_proxies_only(
    tmp_path: Path, trusted: tuple[str, ...], seen: set[str]
) -> None:
    """A hundred forged ones are one caller, unless a proxy that the settings name vouches for them."""
    listed = ", ".join(f'"{each}"' for each in trusted)
    head = f"\n[server]\nport = 0\ntrusted_proxies = [{listed}]\n"
    async with running_gateway(tmp_path, head=head) as gateway:
        config = uvicorn_config(gateway.house.settings, _Recorder())
        config.load()
        forged = [b"10.0.0.9"] if trusted else [b"10.0.0.%d" % n for n in range(100)]
        for value in forged:
            scope = {
                "type": "http",
                "client": ("127.0.0.1", 5),
                "scheme": "http",
                "headers": [(b"x-forwarded-for", value)],
            }
            await config.loaded_app(scope, None, None)

    assert seen == {host for host, _ in _Recorder.clients}
    _Recorder.clients.clear()


class _Recorder:
    """An application that notes who asks."""

    clients: list[tuple[str, int]] = []  # noqa: RUF012

    async def __call__(self, scope: dict[str, object], _receive: object, _send: object) -> None:
        """Note."""
        self.clients.append(scope["client"])  # type: ignore[arg-type]
