"""Who looks at a page, and the page that he gets."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Path, Request
from fastapi.responses import HTMLResponse
from msgspec import Struct

from tracbridge.api.context import Caller, Role
from tracbridge.api.problem import ProblemError, missing
from tracbridge.bootstrap import Service
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.dashboard.board import Board
from tracbridge.dashboard.rendering import rendered
from tracbridge.dashboard.sessions import Session, Visitors, id_of

UNKNOWN = 401


class Visit(Struct, frozen=True):
    """One look at a page: whose, and what of it he may see."""

    caller: Caller
    session: Session
    board: Board
    hosted: Hosted
    path: str

    @property
    def acts(self) -> bool:
        """He may do something, not only look."""
        return self.caller.role.may(Role.OPERATOR)

    @property
    def administers(self) -> bool:
        """He may see who did what."""
        return self.caller.role.may(Role.ADMIN)

    def names(self) -> list[str]:
        """The connections that he sees."""
        return sorted(self.hosted.connections(self.caller.tenants))

    def page(self, template: str, **context: Any) -> HTMLResponse:
        """That template within the frame of all pages."""
        frame = {"visit": self, "section": "", **context}
        return HTMLResponse(rendered(template, frame))


class LoginNeededError(Exception):
    """Nobody has logged in here; afterwards he goes on to ``path``."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    @property
    def address(self) -> str:
        """The page to log in at."""
        after = "" if self.path == "/" else f"?next={quote(self.path, safe='/')}"
        return f"/login{after}"


async def visited(request: Request) -> Visit:
    """Raises `LoginNeededError` where no session lasts."""
    visitors: Visitors = request.app.state.visitors
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    session = visitors.sessions.find(id_of(request))
    if session is None:
        raise LoginNeededError(path)
    try:
        caller = await visitors.of(request, session)
    except ProblemError as error:
        if error.status == UNKNOWN:
            raise LoginNeededError(path) from None
        raise
    state = request.app.state
    return Visit(caller, session, state.board, state.hosted, path)


Visited = Annotated[Visit, Depends(visited)]


async def service_seen(visit: Visited, name: Annotated[str, Path(max_length=100)]) -> Service:
    """The connection of that name. Raises `ProblemError` 404, in the same words where it is
    somebody else's.
    """
    if name not in visit.hosted.connections(visit.caller.tenants):
        raise missing()
    service = await visit.hosted.service(name)
    if service is None:
        raise missing()
    return service


Seen = Annotated[Service, Depends(service_seen)]
