"""Where HTTP ends for pages: from a request to a `Visit`, from a `Page` to a response."""

import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote, unquote

import structlog
from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from assay.access.sessions import Session, check_csrf, create_session, end_session, find_session
from assay.api.limits import retry_after_s
from assay.dashboard.downloads import download_response
from assay.dashboard.forms import Form, read_form
from assay.dashboard.frame import frame_of
from assay.dashboard.lately import NotYet
from assay.dashboard.pages.table import VIEWS
from assay.dashboard.rendering import Frame, render
from assay.dashboard.security import HEADERS, SESSION_COOKIE, Attempts, from_our_pages, set_session
from assay.dashboard.signing_in import actor_of_form, safe_target, sign_in_page
from assay.dashboard.static_files import serve_static
from assay.dashboard.visit import Download, Page, SeeOther, Shown, Unchanged, View, Visit, Workplace
from assay.errors import AssayError, Forbidden, NotFound, TooLarge, TooManyRequests

NOTICE_COOKIE = "assay-notice"
PLACE_COOKIE = "assay-place"
THEME_COOKIE = "assay-theme"
THEMES = ("auto", "light", "dark")
A_YEAR_S = 31_536_000
LARGEST_FORM_BYTES = 2_000_000
NOTHING = Form()

# So long a page waits for what was never computed before; then it says that it is being computed.
PATIENCE_S = 0.7

_log = structlog.get_logger("dashboard")


def dashboard_routes(workplace: Workplace, folder: str) -> list[BaseRoute]:
    """`folder`: the data folder's name, for the page that says where the first token is."""
    entrance = Entrance(workplace, folder)
    paths: dict[str, dict[str, View]] = {}
    for view in VIEWS:
        paths.setdefault(view.path, {})[view.method] = view
    return [
        Route("/static/{digest}/{name}", serve_static),
        Route("/sign-in", entrance.show, methods=["GET"]),
        Route("/sign-in", entrance.sign_in, methods=["POST"]),
        Route("/sign-out", entrance.sign_out, methods=["POST"]),
        Route("/theme", choose_theme, methods=["POST"]),
        *(Route(path, _endpoint(workplace, views), methods=["GET", "POST"]) for path, views in paths.items()),
        Route("/p/{rest:path}", _endpoint(workplace, {"GET": View("GET", "", _nowhere)})),
        Route("/settings/{rest:path}", _endpoint(workplace, {"GET": View("GET", "", _nowhere)})),
    ]


class Entrance:
    """Signing in and out."""

    def __init__(self, workplace: Workplace, folder: str) -> None:
        self._workplace = workplace
        self._folder = folder
        self._attempts = Attempts()

    async def show(self, request: Request) -> Response:
        if _signed_in(self._workplace, request) is not None:
            return _see_other(safe_target(request.query_params.get("after", "/")))
        return self._page(request, request.query_params.get("after", "/"))

    async def sign_in(self, request: Request) -> Response:
        address = request.client.host if request.client else ""
        form, after = Form(), "/"
        try:
            form = read_form(await _body(request))
            after = safe_target(form.text("after", "/"))
            if not from_our_pages(request):
                raise Forbidden("Sign in on this server's own page")
            self._attempts.check(address)
            actor = await to_thread.run_sync(actor_of_form, self._workplace.rooms.store, form)
        except AssayError as error:
            if not isinstance(error, TooManyRequests):
                self._attempts.failed(address)
            return self._page(request, after, form, error)
        response = _see_other(after)
        set_session(response, request, create_session(self._workplace.rooms.store, actor))
        return response

    async def sign_out(self, request: Request) -> Response:
        session_id = request.cookies.get(SESSION_COOKIE, "")
        form = read_form(await _body(request))
        if from_our_pages(request) and check_csrf(self._workplace.secret, session_id, form.text("csrf")):
            end_session(self._workplace.rooms.store, session_id)
        response = _see_other("/sign-in")
        response.delete_cookie(SESSION_COOKIE)
        return response

    def _page(
        self, request: Request, after: str, form: Form = NOTHING, error: AssayError | None = None
    ) -> Response:
        frame = Frame("Sign in", _theme(request))
        page = sign_in_page(self._workplace.rooms.store.state, form, safe_target(after), self._folder)
        body = render("sign_in.html", frame, page, _explained(error) if error else "")
        return _html(body, error.status if error else 200)


async def choose_theme(request: Request) -> Response:
    """For browsers without JavaScript; changes nothing but a cookie's colour."""
    form = read_form(await _body(request))
    response = _see_other(safe_target(form.text("after", "/")))
    theme = form.text("theme")
    if theme in THEMES and from_our_pages(request):
        response.set_cookie(THEME_COOKIE, theme, max_age=A_YEAR_S, samesite="lax")
    return response


def _nowhere(visit: Visit) -> Shown:
    raise NotFound(f"There is no page at {visit.target.partition('?')[0]}")


def _endpoint(workplace: Workplace, views: dict[str, View]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        session = _signed_in(workplace, request)
        if session is None:
            after = _target(request) if request.method in ("GET", "HEAD") else "/"
            return _see_other("/sign-in" if after == "/" else f"/sign-in?after={quote(after, safe='')}")
        visit = _visit(workplace, request, session, Form())
        view = views.get("GET" if request.method == "HEAD" else request.method)
        section = view.section if view else ""
        try:
            if view is None:
                raise NotFound("There is nothing to send to this page")
            if request.method == "POST":
                visit = _visit(workplace, request, session, read_form(await _body(request)))
                if not (
                    from_our_pages(request)
                    and check_csrf(workplace.secret, visit.session_id, visit.form.text("csrf"))
                ):
                    raise Forbidden("This form was too old, or didn't come from this page. Try again.")
            _check_place(visit)
            shown = await to_thread.run_sync(view.handler, visit)
            return await to_thread.run_sync(_response, visit, request, shown, section)
        except ClientDisconnect:
            return Response(status_code=400)
        except NotYet:
            page = Page("not_yet.html", "Being computed", None, reload_s=1)
            return await to_thread.run_sync(_response, visit, request, page, section)
        except AssayError as error:
            if error.status >= 500:
                _log.error("page_failed", path=request.url.path, code=error.code, reason=str(error))
            page = Page("problem.html", "Not possible", error.code, error.status, _explained(error))
            return await to_thread.run_sync(_response, visit, request, page, section)

    return endpoint


def _check_place(visit: Visit) -> None:
    """Raises `NotFound` where the page's environment is gone: its forms must not do half of their work."""
    if "environment" in visit.path:
        visit.state.environment(visit.path["project"], visit.path["environment"])


def _signed_in(workplace: Workplace, request: Request) -> Session | None:
    session_id = request.cookies.get(SESSION_COOKIE)
    return find_session(workplace.rooms.store, session_id) if session_id else None


def _visit(workplace: Workplace, request: Request, session: Session, form: Form) -> Visit:
    return Visit(
        workplace=workplace,
        session_id=request.cookies.get(SESSION_COOKIE, ""),
        session=session,
        path={name: unquote(value) for name, value in request.path_params.items()},
        query=read_form(request.url.query.encode()),
        form=form,
        origin=f"{request.url.scheme}://{request.headers.get('host', '')}",
        target=_target(request),
        known_tag=request.headers.get("if-none-match", "").strip('"') if "x-live" in request.headers else "",
        due_s=None if request.method == "POST" else time.monotonic() + PATIENCE_S,
    )


def _response(visit: Visit, request: Request, shown: Shown, section: str) -> Response:
    if isinstance(shown, SeeOther):
        return _go_on(shown)
    if isinstance(shown, Download):
        return download_response(shown)
    if isinstance(shown, Unchanged):
        return Response(None, 304, HEADERS)
    notice = unquote(request.cookies.get(NOTICE_COOKIE, ""))
    frame = frame_of(
        visit,
        shown.title,
        section,
        theme=_theme(request),
        last_place=unquote(request.cookies.get(PLACE_COOKIE, "")),
        notice=notice,
    )
    response = _html(render(shown.template, frame, shown.context, shown.error), shown.status)
    if shown.reload_s:
        response.headers["Refresh"] = str(shown.reload_s)
    if shown.tag:
        response.headers["ETag"] = f'"{shown.tag}"'
    if notice:
        response.delete_cookie(NOTICE_COOKIE)
    if "environment" in visit.path:
        place = quote(f"{frame.project}/{frame.environment}")
        response.set_cookie(PLACE_COOKIE, place, max_age=A_YEAR_S, httponly=True, samesite="lax")
    return response


def _go_on(shown: SeeOther) -> Response:
    response = _see_other(shown.location)
    if shown.notice:
        response.set_cookie(
            NOTICE_COOKIE, quote(shown.notice[:500]), max_age=60, httponly=True, samesite="lax"
        )
    return response


def _see_other(location: str) -> Response:
    return RedirectResponse(location, 303, HEADERS)


def _html(body: bytes, status: int) -> Response:
    return Response(body, status, HEADERS, "text/html; charset=utf-8")


def _theme(request: Request) -> str:
    theme = request.cookies.get(THEME_COOKIE, "auto")
    return theme if theme in THEMES else "auto"


def _target(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _explained(error: AssayError) -> str:
    if isinstance(error, TooManyRequests):
        return f"Too many attempts. Try again in {retry_after_s(error.reset_ms)} seconds."
    text = str(error)
    return text[:1].upper() + text[1:]


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_FORM_BYTES:
            raise TooLarge(f"a form holds at most {LARGEST_FORM_BYTES} bytes")
    return bytes(body)
