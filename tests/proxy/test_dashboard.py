"""The dashboard in the whole gateway: who serves which path, what guards it, and what a restart keeps."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager

import httpx
import pytest

from admin.users import UserStore
from config.stored_secret import stored_secret
from proxy.dashboard import SECRET_MISSING, Dashboard
from proxy.desk.wiring import FORMS_FILE, form_secret
from router.providers.scripted import scripted_upstream
from tests.e2e.gateway import model, running_gateway, user

SAME = {"sec-fetch-site": "same-origin"}


def token_of(page: httpx.Response) -> str:
    found = re.search(r'name="_csrf_token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


@asynccontextmanager
async def logged_in(gateway):
    """A browser with a session."""
    made, _role = await UserStore(gateway.house.database).set_password("admin", changed_by="test")
    async with httpx.AsyncClient(base_url=gateway.url, headers=SAME) as browser:
        page = await browser.get("/dashboard/login")
        form = {"_csrf_token": token_of(page), "name": "admin", "password": made, "next": "/dashboard/overview"}
        answer = await browser.post("/dashboard/login", data=form)
        assert (303, "/dashboard/overview") == (answer.status_code, answer.headers["location"])
        yield browser


@pytest.fixture
async def gateway(tmp_path):
    """A gateway with one model."""
    async with scripted_upstream() as upstream, running_gateway(tmp_path, model("m", f"{upstream.url}/v1")) as running:
        yield running


async def test_somebody_logs_in_sees_a_page_and_leaves(gateway):
    """The whole way, with the real hash, through uvicorn."""
    async with logged_in(gateway) as browser:
        shown = await browser.get("/dashboard/overview")
        left = await browser.post("/dashboard/logout", data={"_csrf_token": token_of(shown)})
        after = await browser.get("/dashboard/overview")

    assert 200 == shown.status_code
    assert (303, "/dashboard/login") == (left.status_code, left.headers["location"])
    assert (303, "/dashboard/login?next=%2Fdashboard%2Foverview") == (after.status_code, after.headers["location"])


async def test_addresses_that_people_guess_lead_there(gateway):
    """`/admin` and `/dashboard`; what only begins alike is the gateway's 404."""
    found = {path: await gateway.http.get(path) for path in ("/admin", "/admin/", "/dashboard", "/dashboards", "/adm")}

    assert [303, 303, 303, 404, 404] == [each.status_code for each in found.values()]
    assert ["/dashboard", "/dashboard", "/dashboard/overview"] == [
        each.headers["location"] for each in list(found.values())[:3]
    ]
    assert "unknown_url" == found["/dashboards"].json()["error"]["code"]


async def test_api_needs_no_token_of_forms(gateway):
    """The check of forms never sees a relayed request, even one that looks like a form from elsewhere."""
    answer = await gateway.http.post(
        "/v1/chat/completions", json={"model": "m", "messages": user("hi")}, headers={"sec-fetch-site": "none"}
    )

    assert 200 == answer.status_code
    assert "set-cookie" not in answer.headers


async def test_foreign_hosts_see_no_page(gateway):
    """A name that was made to lead here gets no login page: the guard stands before the dashboard too."""
    refused = await gateway.http.get("/dashboard/login", headers={"host": "evil.example"})

    assert (421, "host_not_allowed") == (refused.status_code, refused.json()["error"]["code"])


async def test_a_form_larger_than_the_limit_is_refused(tmp_path):
    """`server.max_body_bytes` counts for forms too."""
    head = (
        "[server]\nport = 0\nmax_body_bytes = 2000\n[health]\nfind_ollama = false\n[routing]\nshipped_models = false\n"
    )
    async with running_gateway(tmp_path, head=head) as gateway, httpx.AsyncClient(base_url=gateway.url) as browser:
        token = token_of(await browser.get("/dashboard/login"))
        form = {"_csrf_token": token, "name": "admin", "password": "x" * 5000}
        refused = await browser.post("/dashboard/login", data=form)

    assert 413 == refused.status_code
    assert "default-src 'self'" in refused.headers["content-security-policy"]


async def test_switched_off_there_is_no_page(tmp_path):
    """`dashboard.enabled = false`: neither path nor port; a reload switches it on again."""
    off = "[dashboard]\nenabled = false\n"
    async with running_gateway(tmp_path, off) as gateway:
        answer = await gateway.http.get("/dashboard/login")
        url = gateway.house.dashboard_url
        file = tmp_path / "thalamus.toml"
        file.write_text(file.read_text().replace("enabled = false", "enabled = true"))
        await gateway.house.reload()
        after = await gateway.http.get("/dashboard/login")

    assert (404, "unknown_url", None) == (answer.status_code, answer.json()["error"]["code"], url)
    assert 200 == after.status_code


async def test_a_restart_keeps_sessions_and_forms(tmp_path):
    """A form that was open while the gateway restarted can be sent, by somebody who is still logged in."""
    async with running_gateway(tmp_path) as gateway, logged_in(gateway) as browser:
        form = {"_csrf_token": token_of(await browser.get("/dashboard/overview")), "language": "zh"}
        cookies = browser.cookies
    async with (
        running_gateway(tmp_path) as gateway,
        httpx.AsyncClient(base_url=gateway.url, headers=SAME, cookies=cookies) as again,
    ):
        shown = await again.get("/dashboard/overview")
        sent = await again.post("/dashboard/preferences", data=form)

    assert (200, 303) == (shown.status_code, sent.status_code)


async def test_visitors_that_come_at_once_build_one_site(gateway):
    """The first visits load the pages together, while requests are relayed."""
    found = await asyncio.gather(*(gateway.http.get("/dashboard/login") for _ in range(8)), gateway.chat())

    assert [200] * 9 == [each.status_code for each in found]


async def test_a_websocket_reaches_no_page(gateway):
    """Nothing here speaks WebSocket; it goes where all others go."""
    seen: list[str] = []

    async def relay(scope, _receive, _send):
        seen.append(scope["path"])

    await Dashboard(relay, gateway.house)({"type": "websocket", "path": "/dashboard"}, None, None)

    assert ["/dashboard"] == seen


async def test_a_secret_that_cannot_be_made_is_said(gateway):
    """The page says so in words, and the API serves on."""
    (gateway.house.settings.state_dir / FORMS_FILE).write_text("short")
    answer = await gateway.http.get("/dashboard/login")

    assert (503, SECRET_MISSING) == (answer.status_code, answer.text)
    assert 200 == (await gateway.chat()).status_code


def test_secret_of_forms_follows_a_pepper_that_replicas_share(tmp_path):
    """With a pepper from the environment all replicas take each other's forms; else a file keeps it, not the pepper's."""
    shared = {"THALAMUS_KEY_PEPPER": "p" * 40}
    one, two = form_secret(tmp_path / "a", shared), form_secret(tmp_path / "b", shared)
    own = form_secret(tmp_path / "a", {})

    assert one == two != own
    assert own == form_secret(tmp_path / "a", {})
    assert "p" * 16 not in one
    assert ["dashboard-secret"] == [each.name for each in (tmp_path / "a").iterdir()]
    assert own.encode() == stored_secret(tmp_path / "a" / FORMS_FILE, what="it", mend="mend it")
