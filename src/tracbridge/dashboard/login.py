"""Log in with an API key, and out."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from tracbridge.api.problem import ProblemError
from tracbridge.dashboard.rendering import rendered
from tracbridge.dashboard.sessions import (
    LIFE,
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
    token = secret()
    answer = HTMLResponse(rendered("login.html", {"after": after, "wrong": wrong, "token": token}))
    answer.status_code = status
    keep(answer, request, ASKED, token, seconds=3_600)
    return answer


def keep(answer: Response, request: Request, name: str, value: str, seconds: int) -> None:
    """A cookie that no script reads and no other site sends."""
    answer.set_cookie(
        cookie(request, name),
        value,
        max_age=seconds,
        path="/",
        secure=not plain(request),
        httponly=True,
        samesite="strict",
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
