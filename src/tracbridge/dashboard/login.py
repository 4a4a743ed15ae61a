"""Log in with an API key or at an identity provider, and out."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from tracbridge.api.limits import address, refused, too_many
from tracbridge.api.problem import ProblemError, missing
from tracbridge.dashboard.redirect import WITHIN, NotLetInError
from tracbridge.dashboard.rendering import rendered
from tracbridge.dashboard.sessions import (
    LIFE,
    SHORT,
    Visitors,
    bearing,
    cookie,
    id_of,
    plain,
    refuse_forged,
    secret,
)

router = APIRouter()

ASKED = "login"
"""The cookie that a form to log in goes with: nobody is logged in yet, so no session vouches."""

REFUSED = "No such key, or it counts no more."

NO_COOKIE = (
    "Your browser did not send our cookie back. Over plain http it does so only on this very "
    "machine (http://127.0.0.1); from elsewhere, open the dashboard by its https address."
)

Next = Annotated[str, Query(alias="next", max_length=2_000)]


def within(path: str) -> str:
    """A page of ours to go on to; the first one where the path leads elsewhere."""
    parts = urlsplit(path)
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if good and not parts.scheme and not parts.netloc and "\\" not in path else "/"


def asking(request: Request, after: str, wrong: str = "", status: int = 200) -> HTMLResponse:
    """The form."""
    token, redirect = secret(), request.app.state.visitors.redirect
    context = {"after": after, "wrong": wrong, "token": token}
    context["provider"] = redirect.host if redirect else ""
    answer = HTMLResponse(rendered("login.html", context))
    answer.status_code = status
    keep(answer, request, ASKED, token, seconds=3_600)
    return answer


def keep(
    answer: Response,
    request: Request,
    name: str,
    value: str,
    seconds: int,
    site: Literal["strict", "lax"] = "strict",
) -> None:
    """A cookie that no script reads and no other site sends. ``lax``: also with one who is sent
    back to us.
    """
    answer.set_cookie(
        cookie(request, name),
        value,
        max_age=seconds,
        path="/",
        secure=not plain(request),
        httponly=True,
        samesite=site,
    )


@router.get("/login")
async def form(request: Request, after: Next = "/") -> Response:
    """The page to log in at; who is logged in goes on."""
    visitors: Visitors = request.app.state.visitors
    if visitors.sessions.find(id_of(request)):
        return RedirectResponse(within(after), 303)
    return asking(request, within(after))


@router.post("/login")
async def login(
    request: Request,
    key: Annotated[str, Form(max_length=8_000)],
    token: Annotated[str, Form(max_length=100)] = "",
    after: Annotated[str, Form(max_length=2_000)] = "/",
) -> Response:
    """Begins a session for a key that counts."""
    visitors: Visitors = request.app.state.visitors
    shown = request.cookies.get(cookie(request, ASKED), "")
    if not shown:
        return asking(request, within(after), NO_COOKIE, 400)
    refuse_forged(request, shown, token)
    try:
        await visitors.keys.caller(bearing(request, key.strip()))
    except ProblemError as error:
        if error.status >= 500:  # noqa: PLR2004 (the fault is ours)
            raise
        wrong = REFUSED if error.status == 401 else error.detail  # noqa: PLR2004
        return asking(request, within(after), wrong, error.status)
    visitors.sessions.end(id_of(request))
    id_, _ = visitors.sessions.begin(key.strip())
    answer = RedirectResponse(within(after), 303)
    keep(answer, request, "session", id_, int(LIFE.total_seconds()))
    answer.delete_cookie(cookie(request, ASKED), path="/", secure=not plain(request))
    return answer


# -- at an identity provider -----------------------------------------------------------------

STATE = "oidc"
"""The cookie that keeps the state of a log-in until the browser comes back."""

BACK = "/login/back"
"""Where it comes back to; the provider has to know this address."""


@router.get("/login/oidc")
async def leave(request: Request, after: Next = "/") -> Response:
    """Sends the browser to the identity provider."""
    visitors: Visitors = request.app.state.visitors
    if visitors.redirect is None:
        raise missing()
    if wait := visitors.begun.take(address(request)):
        raise too_many(wait, "Too many log-ins were begun from your address")
    # Plain HTTP is for this very machine; whatever stands before us elsewhere speaks TLS.
    scheme, host = "http" if plain(request) else "https", request.headers.get("host", "")
    try:
        url, state = await visitors.redirect.begin(f"{scheme}://{host}{BACK}", within(after))
    except NotLetInError as error:
        refused(request, error.why)
        return asking(request, within(after), error.shown, error.status)
    answer = RedirectResponse(url, 303)
    keep(answer, request, STATE, state, int(WITHIN), site="lax")
    return answer


@router.get(BACK)
async def back(request: Request) -> Response:
    """Begins a session for whom the identity provider has let in."""
    visitors: Visitors = request.app.state.visitors
    if visitors.redirect is None:
        raise missing()
    told, kept = dict(request.query_params), request.cookies.get(cookie(request, STATE), "")
    try:
        hosted = request.app.state.hosted
        caller, after = await visitors.redirect.finish(told, kept, hosted)
    except NotLetInError as error:
        refused(request, error.why)
        answer: Response = asking(request, "/", error.shown, error.status)
    else:
        visitors.sessions.end(id_of(request))
        id_, _ = visitors.sessions.begin_for(caller)
        # A page, not a redirect: who comes from another site brings no strict cookie, not even to
        # where a redirect leads him; what our own page leads to he does.
        answer = HTMLResponse(rendered("onwards.html", {"after": within(after)}))
        keep(answer, request, "session", id_, int(SHORT.total_seconds()))
    answer.delete_cookie(cookie(request, STATE), path="/", secure=not plain(request))
    return answer


@router.post("/logout")
async def logout(request: Request, token: Annotated[str, Form(max_length=100)] = "") -> Response:
    """Ends the session."""
    visitors: Visitors = request.app.state.visitors
    session = visitors.sessions.find(id_of(request))
    if session is not None:
        refuse_forged(request, session.token, token)
        visitors.sessions.end(id_of(request))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(cookie(request), path="/", secure=not plain(request))
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer
