"""The entrance: who gets in, how a session begins and ends, which forms are taken, and what every answer forbids."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from admin.desk.logs import LogState
from admin.safety import SAFE_HEADERS
from admin.session import COOKIE
from admin.session_store import SessionStore
from admin.site import create_site, safe_next
from admin.users import UserStore
from config.database import open_database

MINUTE = timedelta(minutes=1)


class Logs:
    """A process whose level can be set, or that breaks."""

    def __init__(self):
        self.now = LogState("INFO", "INFO", is_kept=True, n_lost=0, retention_days=30)
        self.breaks = False

    def state(self):
        if self.breaks:
            raise RuntimeError("the innermost secret")
        return self.now

    def set_level(self, level):
        self.now = replace(self.now, level=level)


@pytest.fixture
def logs():
    """Something that a form changes."""
    return Logs()


@pytest.fixture
def desk(desk, logs):
    """A desk with a log."""
    return replace(desk, logs=logs)


@pytest.fixture
async def password(sqlite_database, passwords):
    """The password of the administrator `admin`."""
    made, _role = await UserStore(sqlite_database, passwords=passwords).set_password("admin", changed_by="test")
    return made


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    return {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}


async def test_a_page_is_shown_to_who_is_logged_in(site, viewer):
    """Both roles see it, in both languages."""
    english = await site.get("/dashboard/overview")
    chinese = await viewer.get("/dashboard/overview", headers={"accept-language": "zh-CN,zh;q=0.9"})

    assert (200, 200) == (english.status_code, chinese.status_code)
    assert 'lang="en"' in english.text
    assert 'lang="zh' in chinese.text


async def test_a_stranger_is_led_to_the_login_and_back(stranger, password):
    """The address that was asked for is kept, with its query; programs are told in JSON."""
    page = await stranger.get("/dashboard/overview?days=7")
    twin = await stranger.get("/dashboard/overview.json")
    asked = await stranger.get(page.headers["location"])
    entered = await stranger.log_in("admin", password, next="/dashboard/overview?days=7")

    assert (303, "/dashboard/login?next=%2Fdashboard%2Foverview%3Fdays%3D7") == (
        page.status_code,
        page.headers["location"],
    )
    assert 'name="next" value="/dashboard/overview?days=7"' in asked.text
    assert (303, "/dashboard/overview?days=7") == (entered.status_code, entered.headers["location"])
    assert (401, "login.needed") == (twin.status_code, twin.json()["error"]["code"])


async def test_cookies_are_for_the_server_alone(stranger, password):
    """Neither script nor another site gets them, nor any path but ours."""
    shown = cookies_of(await stranger.get("/dashboard/login"))
    entered = cookies_of(await stranger.log_in("admin", password))
    session = entered[COOKIE].lower()

    assert {"httponly", "samesite=strict", "path=/dashboard"} <= set(shown["thalamus_csrf"].lower().split("; "))
    assert {"httponly", "samesite=lax", "path=/dashboard", "max-age=43200"} <= set(session.split("; "))
    assert "secure" not in session
    assert "max-age=0" in entered["thalamus_csrf"].lower()


@pytest.mark.parametrize(("is_https", "scheme"), [(True, "http"), (False, "https")])
async def test_over_tls_cookies_travel_over_tls_only(desk, passwords, password, is_https, scheme):
    """Whether the server itself speaks TLS, or a proxy that it trusts does."""
    its_desk = replace(desk, is_https=lambda: is_https)
    app = create_site(its_desk, SessionStore(its_desk.database, passwords=passwords))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"{scheme}://127.0.0.1") as browser:
        token = cookies_of(await browser.get("/dashboard/login"))["thalamus_csrf"].split("=", 1)[1].split(";")[0]
        browser.cookies.set("thalamus_csrf", token, domain="127.0.0.1", path="/dashboard")
        form = {"_csrf_token": token, "name": "admin", "password": password}
        entered = await browser.post("/dashboard/login", data=form)

    assert "secure" in cookies_of(entered)[COOKIE].lower().split("; ")


async def test_a_session_that_was_planted_is_worth_nothing(stranger, site, password):
    """Whoever was there before the password is not there after it: the login makes a name of its own."""
    planted = site.cookies[COOKIE]
    stranger.cookies.set(COOKIE, planted, domain="127.0.0.1", path="/dashboard")
    entered = cookies_of(await stranger.log_in("admin", password))[COOKIE]
    stranger.cookies.clear()
    stranger.cookies.set(COOKIE, planted, domain="127.0.0.1", path="/dashboard")
    after = await stranger.get("/dashboard/overview")

    assert planted not in entered
    assert 303 == after.status_code


async def test_a_session_ends_for_good_at_the_logout(site):
    """Its cookie opens nothing afterwards, also for who copied it."""
    cookie = site.cookies[COOKIE]
    left = await site.send_form("/dashboard/logout")
    site.cookies.set(COOKIE, cookie, domain="127.0.0.1", path="/dashboard")

    assert (303, "/dashboard/login") == (left.status_code, left.headers["location"])
    assert 303 == (await site.get("/dashboard/overview")).status_code


async def test_who_is_logged_in_is_not_asked_again(site):
    """The login page leads on."""
    shown = await site.get("/dashboard/login?next=/dashboard/logs")

    assert (303, "/dashboard/logs") == (shown.status_code, shown.headers["location"])


async def test_a_session_that_ends_in_mid_form_saves_nothing(open_site, logs):
    """The page says what happened and what to do; after the login the same form is taken."""
    now = [datetime.now(UTC)]
    async with open_site("admin", clock=lambda: now[0]) as site:
        token = await site.token()
        now[0] += timedelta(hours=12)
        refused = await site.post("/dashboard/logs/level", data={"_csrf_token": token, "level": "DEBUG"})
        page = await site.get("/dashboard/logs")

    assert (401, "INFO") == (refused.status_code, logs.now.level)
    assert "Your session ended while you were filling in the form" in refused.text
    assert page.headers["location"].startswith("/dashboard/login?next=")


async def test_a_refusal_leads_back_to_the_page_of_the_form(site):
    """Who is told to look at the new state, or to log in again, is one click from it."""
    token = await site.token()
    from_logs = {"referer": f"{site.base_url}/dashboard/logs?level=INFO"}
    refused = await site.post("/dashboard/logs/level", data={"_csrf_token": token, "level": "loud"}, headers=from_logs)

    assert 400 == refused.status_code
    assert (
        '<a class="button primary" href="/dashboard/logs?level=INFO">Back to the page you came from</a>' in refused.text
    )


@pytest.mark.parametrize(
    "referer",
    [
        None, "https://evil.example/dashboard/logs", "{base}/v1/models", "http://[", "{base}/dashboard/login?next=x",
        "{base}/dashboard/logs?level=loud", "javascript:alert(1)", "{base}/dashboard/\\evil.example",
    ],
)  # fmt: skip
async def test_a_refusal_leads_to_no_other_place(site, referer):
    """Neither elsewhere nor in a circle."""
    headers = {} if referer is None else {"referer": referer.format(base=site.base_url)}
    refused = await site.get("/dashboard/logs?level=loud", headers=headers)

    assert 400 == refused.status_code
    assert ['class="button primary" href="/dashboard"'] == re.findall(r'class="button[^>]*"', refused.text)


@pytest.mark.parametrize("token", [None, "", "made-up", "0" * 128])
@pytest.mark.parametrize(
    "path", ["/dashboard/logs/level", "/dashboard/logout", "/dashboard/preferences", "/dashboard/login"]
)
async def test_a_form_without_its_token_is_refused(site, logs, path, token):
    """Whatever it asks for, nothing happens, in words."""
    await site.get("/dashboard/overview")
    form = {"level": "DEBUG", "language": "zh", **({} if token is None else {"_csrf_token": token})}
    refused = await site.post(path, data=form)

    assert (403, "INFO") == (refused.status_code, logs.now.level)
    assert "This form is too old" in refused.text
    assert 200 == (await site.get("/dashboard/overview")).status_code


async def test_a_token_of_another_browser_is_refused(site, stranger, logs):
    """A token goes with the cookie that it was given with."""
    await site.token()
    refused = await site.post("/dashboard/logs/level", data={"_csrf_token": await stranger.token(), "level": "DEBUG"})

    assert (403, "INFO") == (refused.status_code, logs.now.level)


@pytest.mark.parametrize("origin", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    "path", ["/dashboard/logs/level", "/dashboard/logout", "/dashboard/preferences", "/dashboard/login"]
)
async def test_a_form_from_elsewhere_is_refused_with_a_token_too(site, logs, path, origin):
    """The second lock: the browser says that another site sent it."""
    form = {"_csrf_token": await site.token(), "level": "DEBUG", "language": "zh"}
    refused = await site.post(path, data=form, headers={"sec-fetch-site": origin})

    assert (403, "INFO") == (refused.status_code, logs.now.level)
    assert "came from another site" in refused.text
    assert 200 == (await site.get("/dashboard/overview")).status_code


async def test_a_wrong_password_says_so_and_stays(stranger, password):
    """Which of the two was wrong is not said; the address to go on to is kept."""
    wrong = await stranger.log_in("admin", "wrong", next="/dashboard/logs")
    unknown = await stranger.log_in("nobody", "wrong", next="/dashboard/logs")

    assert (401, 401) == (wrong.status_code, unknown.status_code)
    assert "The name or the password is wrong" in wrong.text
    assert 'value="/dashboard/logs"' in wrong.text
    assert COOKIE not in cookies_of(wrong)
    without_token = [re.sub(r'name="_csrf_token" value="[^"]+"', "", each.text) for each in (wrong, unknown)]
    assert without_token[0] == without_token[1]


async def test_too_many_wrong_passwords_say_how_long_to_wait(stranger, password):
    """The eleventh is refused, also where it is right; programs are told in a header."""
    for _ in range(10):
        await stranger.log_in("admin", "wrong")
    refused = await stranger.log_in("admin", password)
    seconds = int(refused.headers["retry-after"])

    assert 429 == refused.status_code
    assert 0 < seconds <= 300
    assert f"Try again in {seconds} seconds" in refused.text


async def test_a_password_never_reaches_a_log(desk, passwords, password, capsys, caplog, tmp_path):
    """Neither a right one nor a wrong one, nor where the database is away or the page breaks."""
    secret = "hunter2-hunter2-hunter2"  # a wrong one
    away = open_database(f"sqlite:///{tmp_path}/empty.sqlite")
    with (
        capture_logs() as events,
        caplog.at_level("INFO"),
    ):  # a driver tells its statements at DEBUG, which never passes our log
        for database in (desk.database, away):
            app = create_site(replace(desk, database=database), SessionStore(database, passwords=passwords))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as browser:
                await browser.get("/dashboard/login")
                token = browser.cookies["thalamus_csrf"]
                for each in (secret, password):
                    form = {"_csrf_token": token, "name": "admin", "password": each}
                    await browser.post("/dashboard/login", data=form)
                await browser.post("/dashboard/login", data={"name": "admin", "password": secret})
    await away.aclose()
    written = capsys.readouterr()

    assert {"dashboard_without_database", "dashboard_login_refused"} == {each["event"] for each in events}
    for text in (str(events), caplog.text, written.out, written.err):
        assert secret not in text
        assert password not in text


async def test_a_lost_database_is_said(desk, passwords, tmp_path):
    """The page and its twin say so and what still works; the login form is still there."""
    away = open_database(f"sqlite:///{tmp_path}/empty.sqlite")
    app = create_site(replace(desk, database=away), SessionStore(away, passwords=passwords))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", cookies={COOKIE: "any"}
    ) as browser:
        page, twin = await browser.get("/dashboard/overview"), await browser.get("/dashboard/overview.json")
        browser.cookies.clear()
        login = await browser.get("/dashboard/login")
    await away.aclose()

    assert (503, 503, 200) == (page.status_code, twin.status_code, login.status_code)
    assert "Requests are still served" in page.text
    assert "failing.database" == twin.json()["error"]["code"]


async def test_a_page_that_breaks_tells_nobody_why(site, logs):
    """The log has the reason, the browser has a sentence."""
    logs.breaks = True
    with capture_logs() as events:
        page, twin = await site.get("/dashboard/logs"), await site.get("/dashboard/logs.json")

    assert (500, 500) == (page.status_code, twin.status_code)
    assert "innermost secret" not in page.text + twin.text
    assert ["dashboard_failed"] * 2 == [each["event"] for each in events]


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/", "//evil.example/dashboard/", "/\\evil.example", "/dashboard\\@evil.example",
        "javascript:alert(1)", "/dashboardx", "/v1/models", "http:/dashboard/x", "", "/dashboard/\\evil.example",
        "\t//evil.example", "/%2fevil.example", "dashboard/overview", "//[", "http://[/dashboard/",
    ],
)  # fmt: skip
async def test_a_login_leads_nowhere_else(stranger, password, onward):
    """Whatever `next` says, who logged in stays here."""
    shown = await stranger.get("/dashboard/login", params={"next": onward})
    entered = await stranger.log_in("admin", password, next=onward)
    changed = await stranger.send_form("/dashboard/preferences", language="zh", next=onward)

    assert 'name="next" value="/dashboard/overview"' in shown.text
    assert ["/dashboard/overview"] * 2 == [entered.headers["location"], changed.headers["location"]]


@pytest.mark.parametrize("onward", ["/dashboard/overview?days=7", "/dashboard/decisions/x?a=//b", "/dashboard/a%20b"])
def test_addresses_of_ours_are_kept(onward):
    """With their query."""
    assert onward == safe_next(onward)


async def test_every_answer_forbids_the_browser_what_pages_do_not_need(site, stranger, logs):
    """Pages, twins, redirects, refusals, errors, files, and what never reached a handler."""
    await stranger.get("/dashboard/login")
    asked = [
        ("GET", "/dashboard"), ("GET", "/dashboard/overview"), ("GET", "/dashboard/overview.json"),
        ("GET", "/dashboard/nope"), ("GET", "/dashboard/nope.json"), ("GET", "/dashboard/static/site.css"),
        ("GET", "/dashboard/static/nope.css"), ("PUT", "/dashboard/overview"), ("POST", "/dashboard/logs/level"),
        ("GET", "/dashboard/logs?level=LOUD"), ("GET", "/dashboard/login"), ("GET", "/dashboard/static/../site.py"),
    ]  # fmt: skip
    answers = [await site.request(method, path) for method, path in asked]
    logs.breaks = True
    answers += [await site.get("/dashboard/logs"), await stranger.get("/dashboard/login")]

    assert {200, 303, 400, 403, 404, 500} <= {each.status_code for each in answers}
    for answer in answers:
        for name, value in SAFE_HEADERS.items():
            assert [value] == answer.headers.get_list(name), (str(answer.url), answer.status_code, name)
    policy = answers[0].headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


async def test_pages_are_kept_by_no_cache(site, stranger):
    """A shared cache must not give one person's page to another."""
    for answer in (
        await site.get("/dashboard/overview"),
        await site.get("/dashboard/overview.json"),
        await stranger.get("/dashboard/login"),
    ):
        assert "no-store" == answer.headers["cache-control"]


@pytest.mark.parametrize("path", ["/dashboard/overview", "/dashboard/logs", "/dashboard/audit", "/dashboard/nope"])
async def test_pages_hold_no_script_of_their_own(site, path):
    """What the policy forbids is not there: no inline script, no style attribute, no event handler, no foreign address."""
    text = (await site.get(path)).text

    assert [] == re.findall(r"<script(?![^>]*\bsrc=)", text)
    assert [] == re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert [] == re.findall(r"(?:src|href)=\"(?:https?:)?//", text)


async def test_preferences_are_kept_without_a_login(stranger):
    """Language and theme stand in cookies that last; what is none of the offered is not kept."""
    chosen = await stranger.send_form("/dashboard/preferences", language="zh", theme="dark", next="/dashboard/login")
    page = await stranger.get("/dashboard/login")
    odd = await stranger.send_form("/dashboard/preferences", language="xx", theme="<b>")

    assert 303 == chosen.status_code
    assert 'data-theme="dark"' in page.text
    assert 'lang="zh' in page.text
    assert {} == {name: line for name, line in cookies_of(odd).items() if name != "thalamus_csrf"}


async def test_odd_cookies_break_nothing(stranger):
    """A theme, a language or a session that nobody chose counts as none."""
    odd = {"thalamus_theme": "<script>", "thalamus_language": "xx", COOKIE: "x" * 5000, "thalamus_csrf": "x"}
    for name, value in odd.items():
        stranger.cookies.set(name, value, domain="127.0.0.1", path="/dashboard")
    page = await stranger.get("/dashboard/login")

    assert 200 == page.status_code
    assert 'data-theme="system"' in page.text
    assert "<script>" not in page.text


async def test_a_new_password_ends_who_is_in(desk, passwords, password):
    """Within seconds, without a restart: the browser of the old one is led to the login."""
    seconds = [0.0]
    sessions = SessionStore(desk.database, passwords=passwords, monotonic=lambda: seconds[0])
    opened = await sessions.log_in("admin", password, address="::1")
    assert opened is not None
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_site(desk, sessions)),
        base_url="http://127.0.0.1",
        cookies={COOKIE: opened[0]},
    ) as browser:
        before = await browser.get("/dashboard/overview")
        await UserStore(desk.database, passwords=passwords).set_password("admin", changed_by="cli")
        seconds[0] = 5.0
        after = await browser.get("/dashboard/overview")

    assert (200, 303) == (before.status_code, after.status_code)
