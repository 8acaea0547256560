"""Serves the pages: an application of its own, so that nothing of it stands in the way of relayed requests.

One request: who is it, may they, read, render. A page's `.json` twin is the same data without the template.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

from litestar import Litestar, Request, Router, get, post
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import CacheControlHeader, State
from litestar.enums import MediaType
from litestar.response import Redirect, Response, Stream
from litestar.static_files import create_static_files_router  # pyright: ignore[reportUnknownVariableType]  # Litestar leaves hooks open
from litestar.template.base import csrf_token

from admin.failing import EXCEPTION_HANDLERS
from admin.i18n import language_of, load_texts
from admin.page import Done, Page, Refused, Visit
from admin.pages.all import ACTIONS, PAGES, STREAMS
from admin.render import STATIC, Renderer
from admin.safety import add_safe_headers, refuse_foreign_forms
from admin.session import COOKIE, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litestar.handlers import HTTPRouteHandler

    from admin.desk import Desk
    from admin.i18n import Texts
    from admin.page import Action, Language, User
    from admin.page import Stream as PageStream
    from admin.session import Sessions

HttpRequest = Request[None, None, State]

ROOT = "/dashboard"
CSRF_COOKIE = "thalamus_csrf"
LANGUAGE_COOKIE, THEME_COOKIE = "thalamus_language", "thalamus_theme"
THEMES = ("system", "light", "dark")
SESSION_S = 12 * 3600
YEAR_S = 365 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the handlers share."""

    desk: Desk
    sessions: Sessions
    renderer: Renderer
    texts: Mapping[Language, Texts]
    clock: Callable[[], datetime]


def create_site(
    desk: Desk, sessions: Sessions, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Litestar:
    """Return the dashboard as an ASGI application for the paths below `/dashboard`; it has no lifespan of its own."""
    texts = load_texts()
    site = Site(desk=desk, sessions=sessions, renderer=Renderer(texts), texts=texts, clock=clock)
    handlers: list[HTTPRouteHandler] = [home]
    for page in PAGES:
        handlers += [_page_handler(page), *_twin_handlers(page)]
    handlers += [_stream_handler(stream) for stream in STREAMS]
    handlers += [_action_handler(action) for action in ACTIONS]
    app = Litestar(
        route_handlers=[*handlers, *ENTRANCE, _static_files()],
        exception_handlers=EXCEPTION_HANDLERS,
        before_send=[add_safe_headers],
        csrf_config=CSRFConfig(
            secret=desk.csrf_secret,
            cookie_name=CSRF_COOKIE,
            cookie_path=ROOT,
            cookie_httponly=True,
            cookie_samesite="strict",
            cookie_secure=desk.is_https(),
        ),
        request_max_body_size=desk.max_body_bytes,
        openapi_config=None,
        logging_config=None,
    )
    app.state["site"] = site
    return app


def _static_files() -> Router:
    """Serve what pages load, to be kept for ever: its address changes with it."""
    kept = CacheControlHeader(max_age=YEAR_S, public=True, immutable=True)
    return create_static_files_router(f"{ROOT}/static", directories=[STATIC], cache_control=kept)


def site_of(request: HttpRequest) -> Site:
    """Return what the handlers share."""
    return cast("Site", request.app.state["site"])


async def session_of(request: HttpRequest) -> Session | None:
    """Return who this browser is."""
    return await site_of(request).sessions.find(request.cookies.get(COOKIE))


def visit_of(request: HttpRequest, user: User, site: Site) -> Visit:
    """Return the request as pages see it."""
    return Visit(
        desk=site.desk,
        user=user,
        language=texts_of(request, site).language,
        now=site.clock(),
        query={name: values[-1] for name, values in request.query_params.dict().items() if values},
        path={name: str(value) for name, value in request.path_params.items()},
    )


def texts_of(request: HttpRequest, site: Site) -> Texts:
    """Return the texts in the visitor's language."""
    return site.texts[language_of(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language"))]


def html(
    request: HttpRequest, template: str, context: Mapping[str, object], *, user: User | None, status: int = 200
) -> Response[Any]:
    """Return a rendered template; every one of them is given what `base.html` needs."""
    site = site_of(request)
    texts = texts_of(request, site)
    theme = request.cookies.get(THEME_COOKIE, THEMES[0])
    query = f"?{request.url.query}" if request.url.query else ""
    shell = {
        "t": texts,
        "language": texts.language,
        "theme": theme if theme in THEMES else THEMES[0],
        "user": user,
        "csrf_token": csrf_token({"request": request}),
        "here": request.url.path + query,
        "path": request.url.path,
        "pages": [page for page in PAGES if page.group and page.is_shown(site.desk) and _may(user, page)],
        "now": site.clock(),
    }
    rendered = site.renderer.render(template, {**shell, **context}, language=texts.language)
    return Response(rendered, media_type=MediaType.HTML, status_code=status, headers={"cache-control": "no-store"})


def _may(user: User | None, needs: Page | PageStream | Action) -> bool:
    return user is not None and (needs.role == "viewer" or user.role == "admin")


@get(ROOT)
async def home() -> Redirect:
    """Lead to the first page."""
    return Redirect(f"{ROOT}/overview", status_code=303)


def _page_handler(page: Page) -> HTTPRouteHandler:
    @get(ROOT + page.path, name=page.name)
    async def show(request: HttpRequest) -> Response[Any]:
        last = _last_parameter(page)
        if last and request.path_params[last].endswith(".json"):
            return await _twin(request, page, {last: request.path_params[last].removesuffix(".json")})
        session = await session_of(request)
        if session is None:
            return _to_login(request)
        site = site_of(request)
        _check(site, page, session)
        data = await page.read(visit_of(request, session.user, site))
        notice = await site.sessions.take_notice(session)
        return html(request, page.template, {"data": data, "page": page, "notice": notice}, user=session.user)

    return show


def _twin_handlers(page: Page) -> list[HTTPRouteHandler]:
    if _last_parameter(page):
        return []  # the page's own handler sees the ending, which is part of the parameter

    @get(f"{ROOT}{page.path}.json")
    async def tell(request: HttpRequest) -> Response[Any]:
        return await _twin(request, page, {})

    return [tell]


async def _twin(request: HttpRequest, page: Page, path: Mapping[str, str]) -> Response[Any]:
    site = site_of(request)
    session = await session_of(request)
    if session is None:
        raise Refused("login.needed", status=401)
    _check(site, page, session)
    visit = visit_of(request, session.user, site)
    data = await page.read(replace(visit, path={**visit.path, **path}))
    return Response(data, headers={"cache-control": "no-store"})


def _stream_handler(stream: PageStream) -> HTTPRouteHandler:
    @get(ROOT + stream.path)
    async def send(request: HttpRequest) -> Stream:
        session = await session_of(request)
        if session is None:
            raise Refused("login.needed", status=401)
        site = site_of(request)
        _check(site, stream, session)
        made = await stream.open(visit_of(request, session.user, site))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}  # nginx would hold events back
        if made.filename is not None:
            headers["content-disposition"] = f'attachment; filename="{made.filename}"'
        return Stream(made.chunks, media_type=made.media_type, headers=headers)

    return send


def _check(site: Site, page: Page | PageStream, session: Session) -> None:
    if not page.is_shown(site.desk):
        raise Refused("failing.no_such_page", status=404)
    if not _may(session.user, page):
        raise Refused("failing.admins_only", status=403)


def _last_parameter(page: Page) -> str | None:
    last = page.path.rpartition("/")[2]
    return last[1:].partition(":")[0] if last.startswith("{") else None


def _action_handler(action: Action) -> HTTPRouteHandler:
    @post(ROOT + action.path, status_code=303)
    async def do(request: HttpRequest) -> Redirect:
        refuse_foreign_forms(request.headers)
        session = await session_of(request)
        if session is None:
            raise Refused("login.ended_in_form", status=401)
        if not _may(session.user, action):
            raise Refused("failing.admins_only", status=403)
        site = site_of(request)
        done = await action.act(visit_of(request, session.user, site), await request.form())
        await leave_notice(site, session, done)
        return Redirect(ROOT + done.to, status_code=303)

    return do


async def leave_notice(site: Site, session: Session, done: Done) -> None:
    """Let the next page say what was done."""
    notice = {"key": done.message, "values": dict(done.values), "once": dict(done.once)}
    await site.sessions.leave_notice(session, notice)


def _to_login(request: HttpRequest) -> Redirect:
    query = f"?{request.url.query}" if request.url.query else ""
    return Redirect(f"{ROOT}/login?next={quote(request.url.path + query, safe='')}", status_code=303)


def safe_next(value: str | None) -> str:
    """Return a path below the dashboard to go on to; anything else leads to the first page."""
    try:
        parts = urlsplit(value or "")
    except ValueError:  # "//[" is no address at all
        return f"{ROOT}/overview"
    is_ours = (
        not parts.scheme and not parts.netloc and (value or "").startswith(f"{ROOT}/") and "\\" not in (value or "")
    )
    return value if value and is_ours else f"{ROOT}/overview"


@get(f"{ROOT}/login")
async def show_login(request: HttpRequest) -> Response[Any]:
    """Ask for name and password."""
    if await session_of(request) is not None:
        return Redirect(safe_next(request.query_params.get("next")), status_code=303)
    return html(request, "login.html", {"next": safe_next(request.query_params.get("next")), "error": None}, user=None)


@post(f"{ROOT}/login", status_code=200)
async def log_in(request: HttpRequest) -> Response[Any]:
    """Open a session under a new name, or say that name or password are wrong."""
    refuse_foreign_forms(request.headers)
    site, form = site_of(request), await request.form()
    name, password, onward = (str(form.get(each) or "") for each in ("name", "password", "next"))
    address = request.client.host if request.client else ""
    opened = await site.sessions.log_in(name, password, address=address)
    if opened is None:
        context = {"next": safe_next(onward), "error": "login.wrong"}
        return html(request, "login.html", context, user=None, status=401)
    before = await session_of(request)
    if before is not None:  # nobody goes on under a name for a session that was there before the password
        await site.sessions.log_out(before)
    answer = Redirect(safe_next(onward), status_code=303)
    is_secure = site.desk.is_https() or request.url.scheme == "https"
    answer.set_cookie(COOKIE, opened[0], path=ROOT, httponly=True, samesite="lax", secure=is_secure, max_age=SESSION_S)
    answer.delete_cookie(CSRF_COOKIE, path=ROOT)
    return answer


@post(f"{ROOT}/logout", status_code=303)
async def log_out(request: HttpRequest) -> Redirect:
    """End the session here and in the database."""
    refuse_foreign_forms(request.headers)
    session = await session_of(request)
    if session is not None:
        await site_of(request).sessions.log_out(session)
    answer = Redirect(f"{ROOT}/login", status_code=303)
    answer.delete_cookie(COOKIE, path=ROOT)
    answer.delete_cookie(CSRF_COOKIE, path=ROOT)
    return answer


@post(f"{ROOT}/preferences", status_code=303)
async def prefer(request: HttpRequest) -> Redirect:
    """Keep language and theme in cookies, so that the server renders them and nothing flashes."""
    refuse_foreign_forms(request.headers)
    form = await request.form()
    answer = Redirect(safe_next(str(form.get("next") or "")), status_code=303)
    for cookie, field, allowed in (
        (LANGUAGE_COOKIE, "language", tuple(site_of(request).texts)),
        (THEME_COOKIE, "theme", THEMES),
    ):
        if form.get(field) in allowed:
            answer.set_cookie(cookie, str(form[field]), path=ROOT, httponly=True, samesite="lax", max_age=YEAR_S)
    return answer


ENTRANCE = [show_login, log_in, log_out, prefer]
