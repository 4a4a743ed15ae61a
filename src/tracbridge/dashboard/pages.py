"""All pages as an application of their own beside the API: frame, files, errors, headers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from tracbridge.api.oidc import provider_of
from tracbridge.api.problem import ProblemError, missing
from tracbridge.bootstrap.hosting import Hosted, said
from tracbridge.dashboard import (
    attention,
    audit,
    conflicts,
    connection,
    login,
    mappings,
    order,
    overview,
)
from tracbridge.dashboard.board import Board
from tracbridge.dashboard.headers import Guarded
from tracbridge.dashboard.redirect import Redirect
from tracbridge.dashboard.rendering import FILES, STATIC, rendered
from tracbridge.dashboard.sessions import Sessions, Visitors
from tracbridge.dashboard.visit import LoginNeededError
from tracbridge.domain.errors import TracbridgeError

ROUTERS: tuple[APIRouter, ...] = (
    login.router,
    overview.router,
    connection.router,
    order.router,
    attention.router,
    conflicts.router,
    mappings.router,
    audit.router,
)

AWAY = 503
NOT_FOUND = 404
WRONG = 422


class Dashboard:
    """The pages over one API. `watching` has to run while they are shown."""

    def __init__(self, hosted: Hosted, visitors: Visitors) -> None:
        self.board = Board(hosted)
        self.app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        state = self.app.state
        state.hosted, state.visitors, state.board = hosted, visitors, self.board
        for router in ROUTERS:
            self.app.include_router(router)
        self.app.mount(STATIC, StaticFiles(directory=FILES))
        self.app.add_middleware(Guarded, static=STATIC)
        explain(self.app)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Live pages are told what happens while the block runs, and end with it."""
        async with self.board.watching():
            yield


def mount(app: FastAPI, environ: Mapping[str, str] | None = None) -> Dashboard:
    """The dashboard at ``/``, behind all routes that ``app`` has by now; its sessions count for the
    API too.

    ``environ``: where the identity provider is named; else the environment and ``.env``. Raises
    `SettingError` where that is not whole.
    """
    provider = provider_of(said() if environ is None else environ)
    redirect = Redirect(provider) if provider and provider.client_id else None
    visitors = Visitors(app.state.access, Sessions(app.state.hosted.now), redirect)
    app.state.access = visitors
    dashboard = Dashboard(app.state.hosted, visitors)
    app.mount("/", dashboard.app)
    return dashboard


def explain(app: FastAPI) -> None:
    """Everything that goes wrong is a page that says so; of the API's paths it is a problem."""

    @app.exception_handler(LoginNeededError)
    async def _(request: Request, error: LoginNeededError) -> Response:
        if request.headers.get("hx-request"):
            return Response(status_code=401, headers={"HX-Redirect": error.address})
        return RedirectResponse(error.address, 303)

    @app.exception_handler(ProblemError)
    async def _(request: Request, error: ProblemError) -> Response:
        return told(request, error)

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        lost = error.status_code == NOT_FOUND
        return told(request, missing() if lost else ProblemError(error.status_code, error.detail))

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        del error
        return told(request, ProblemError(WRONG, "Not understood", "The address is not complete."))

    @app.exception_handler(TracbridgeError)
    async def _(request: Request, error: TracbridgeError) -> Response:
        return told(request, ProblemError(AWAY, "Not just now", str(error)))


def told(request: Request, error: ProblemError) -> Response:
    """What went wrong."""
    if request.url.path.startswith("/api/"):
        return error.response()
    text = rendered("problem.html", {"title": error.title, "detail": error.detail})
    return HTMLResponse(text, error.status, error.headers)
