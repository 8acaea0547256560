"""What is refused before anything else: hosts that are not ours, unclear framing, requests that came round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ClientFacingError
from config.settings import ServerSettings
from proxy.guard import MAX_HOPS, Guard, check_framing, check_host, check_loop, hops_of, via

LOOPBACK = ServerSettings()
OPEN = ServerSettings(host="0.0.0.0")  # what is checked is what such a server does
ME, OTHER = "0123456789abcdef", "fedcba9876543210"


def host_code(host, server=LOOPBACK, version="1.1"):
    """Return the error code that a Host header gets, `None` where it is let through."""
    headers = [(b"host", each.encode("latin-1")) for each in ([host] if isinstance(host, str) else host)]
    return code_of(check_host, headers, server, http_version=version)


def code_of(check, *args, **named):
    try:
        check(*args, **named)
    except ClientFacingError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "localhost.:8000",
        "127.0.0.1",
        "127.0.0.9:80",
        "[::1]:8000",
        "app.localhost",
        "host.docker.internal:8000",
        "host.containers.internal",
    ],
)
def test_a_server_on_loopback_answers_to_this_machine_s_names(host):
    """Whatever the port: it may be forwarded."""
    assert host_code(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "10.0.0.1",
        "169.254.169.254",
        "evillocalhost",
        "0.0.0.0",
        "[2001:db8::1]",
    ],
)
def test_a_page_whose_name_was_made_to_lead_here_is_refused(host):
    """DNS rebinding: the browser still names the page's own host."""
    assert "host_not_allowed" == host_code(host)
    assert host_code(host, OPEN) is None


@pytest.mark.parametrize(
    "host",
    [
        "a@b:c",
        "x/health?",
        "localhost/health?",
        "localhost#",
        "a b",
        "",
        ":80",
        "localhost:",
        "localhost:80:80",
        "localhost:123456",
        "localhost:8a",
        "[::1",
        "::1",
        "häst",
        "a,b",
        "user@localhost",
        "localhost\\evil",
        "%6c",
    ],
)
@pytest.mark.parametrize("server", [LOOPBACK, OPEN, ServerSettings(allowed_hosts=("*",))])
def test_a_host_that_is_none_is_refused_wherever_the_server_listens(host, server):
    """Frameworks build URLs from it, and some fail with a 500 or lose their way."""
    assert "invalid_host" == host_code(host, server)


def test_the_host_stands_there_once():
    """None or two are refused; HTTP/1.0 knew no Host."""
    assert "invalid_host" == host_code([])
    assert "invalid_host" == host_code(["localhost", "localhost"])
    assert host_code([], version="1.0") is None


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_any_host_gets_a_clear_answer(host):
    """Whatever stands there, it is let through or refused with a 4xx, never an accident."""
    assert host_code(host) in {None, "invalid_host", "host_not_allowed"}


@pytest.mark.parametrize(
    ("allowed", "host", "code"),
    [
        (("chat.example",), "chat.example:443", None),
        (("Chat.Example",), "chat.example", None),
        (("chat.example",), "evil.example", "host_not_allowed"),
        (("*.chat.example",), "a.chat.example", None),
        (("*.chat.example",), "chat.example", "host_not_allowed"),
        (("*.chat.example",), "evilchat.example", "host_not_allowed"),
        (("*",), "any.example", None),
        (("chat.example",), "127.0.0.1:8000", None),
    ],
)
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_names_can_be_allowed(allowed, host, code, address):
    """Exactly those and the machine's own, wherever the server listens."""
    assert code == host_code(host, ServerSettings(host=address, allowed_hosts=allowed))


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")],
        [(b"content-length", b"5"), (b"content-length", b"6")],
        [(b"content-length", b"5"), (b"content-length", b"5")],
        [(b"transfer-encoding", b"identity")],
        [(b"transfer-encoding", b"chunked, identity")],
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
    ],
)
def test_a_request_whose_end_two_readers_could_see_elsewhere_is_refused(headers):
    """Request smuggling lives on it."""
    assert "invalid_framing" == code_of(check_framing, headers)


@pytest.mark.parametrize(
    "headers", [[], [(b"content-length", b"5")], [(b"transfer-encoding", b"Chunked")], [(b"content-length", b"")]]
)
def test_a_request_with_one_clear_end_is_let_through(headers):
    """Whether the length is a number is looked at where the body is read."""
    assert code_of(check_framing, headers) is None


def test_a_request_that_this_process_sent_is_known():
    """Also behind other hops, and beside ones that are not of our kind."""
    sent = via(ME, None)
    round_trip = f"1.1 nginx, {via(OTHER, sent)}, 1.1 cdn"

    assert "loop_detected" == code_of(check_loop, [(b"via", sent.encode())], ME)
    assert "loop_detected" == code_of(check_loop, [(b"via", b"1.1 x"), (b"via", round_trip.encode())], ME)
    assert code_of(check_loop, [(b"via", sent.encode())], OTHER) is None
    assert code_of(check_loop, [], ME) is None


def test_a_request_that_passed_too_many_gateways_is_stopped():
    """Replicas behind one address do not know each other's names."""
    chain = None
    for n in range(MAX_HOPS):
        assert code_of(check_loop, [(b"via", (chain or "").encode())], ME) is None
        chain = via(f"{n:016x}", chain)

    assert "loop_detected" == code_of(check_loop, [(b"via", chain.encode())], ME)


def test_hops_of_others_are_not_passed_on():
    """A company's proxies are nobody's business at the upstream."""
    assert [f"1.1 thalamus-{ME}"] == hops_of(f"1.0 inner-proxy.corp, 1.1 thalamus-{ME}, 1.1 thalamus-\r\nevil: 1")
    assert f"1.1 thalamus-{OTHER}" == via(OTHER, "1.1 inner-proxy.corp (squid)")


async def test_a_web_socket_from_elsewhere_is_closed(tmp_path):
    """The checks are the same for every kind of connection."""
    sent = []

    async def send(message):
        sent.append(message)

    async def never(*_):
        raise AssertionError("it was let through")

    class _House:
        settings = type("Settings", (), {"server": LOOPBACK})
        instance_id = ME

    scope = {"type": "websocket", "headers": [(b"host", b"evil.example")], "http_version": "1.1"}
    await Guard(never, _House())(scope, never, send)

    assert [{"type": "websocket.close", "code": 1008, "reason": "host_not_allowed"}] == sent
