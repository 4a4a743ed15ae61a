"""Who has logged in with a browser: sessions in the memory of this process, and what a request has
to show before one of them counts.

A session is no right of its own. It stands for the API key or token that began it, and each
request asks for that one anew: a revoked key ends the session. Where the identity provider has let
somebody in, it stands for what that said, for a short time.
"""

import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import Request
from msgspec import Struct
from starlette.requests import HTTPConnection

from tracbridge.api.context import Access, Caller
from tracbridge.api.limits import Limiter, too_many
from tracbridge.api.problem import ProblemError

if TYPE_CHECKING:
    from tracbridge.dashboard.redirect import Redirect

LIFE = timedelta(hours=12)
"""How long a session lasts, whatever is done in it."""

SHORT = timedelta(hours=1)
"""How long one lasts that an identity provider vouched for: nobody tells us when it no longer does.
"""

MOST = 10_000
"""Sessions at one time; the oldest one makes room."""

HEADER = "x-csrf-token"
"""The header that repeats the session's token in each request that changes something."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Session(Struct, frozen=True):
    """One log-in. ``credential``: what it stands for, "" where it stands for what the identity
    provider said: ``caller``; ``token``: shown by each form of it.
    """

    credential: str
    token: str
    until: datetime
    caller: Caller | None = None


class Sessions:
    """By the hash of their ids, so that what a memory dump shows opens nothing by its id."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._open: dict[bytes, Session] = {}

    def begin(self, credential: str) -> tuple[str, Session]:
        """A new session and its id, which only the browser keeps."""
        return self._put(Session(credential, secret(), self._now() + LIFE))

    def begin_for(self, caller: Caller) -> tuple[str, Session]:
        """The same for one whom the identity provider has let in."""
        return self._put(Session("", secret(), self._now() + SHORT, caller))

    def _put(self, session: Session) -> tuple[str, Session]:
        now = self._now()
        self._open = {id_: one for id_, one in self._open.items() if one.until > now}
        while len(self._open) >= MOST:
            del self._open[next(iter(self._open))]
        id_ = secret()
        self._open[_hashed(id_)] = session
        return id_, session

    def find(self, id_: str) -> Session | None:
        """The session of that id, where it still lasts."""
        session = self._open.get(_hashed(id_))
        return session if session and session.until > self._now() else None

    def end(self, id_: str) -> None:
        """It is over. Repeatable."""
        self._open.pop(_hashed(id_), None)


def secret() -> str:
    """256 bits that nobody guesses."""
    return secrets.token_urlsafe(32)


def _hashed(id_: str) -> bytes:
    return sha256(id_.encode("utf-8", "replace")).digest()


# -- cookies ---------------------------------------------------------------------------------


def plain(request: HTTPConnection) -> bool:
    """Plain HTTP to this very machine, where a browser may refuse a cookie marked Secure."""
    return request.url.scheme in {"http", "ws"} and request.url.hostname in LOOPBACK


def cookie(request: HTTPConnection, name: str = "session") -> str:
    """The name of a cookie here; ``__Host-`` binds it to HTTPS and to this host alone."""
    return name if plain(request) else f"__Host-{name}"


def id_of(request: HTTPConnection) -> str:
    """The id of the session that the browser shows, "" where it shows none."""
    return request.cookies.get(cookie(request), "")


# -- forgery ---------------------------------------------------------------------------------


def refuse_foreign(request: HTTPConnection) -> None:
    """Only our own pages may ask. Raises `ProblemError` 403 where another site's page did."""
    origin, host = request.headers.get("origin", ""), request.headers.get("host", "")
    if not host or urlsplit(origin).netloc.lower() != host.lower():
        raise ProblemError(
            403, "Not from here", "Only pages of this dashboard may do this: open it and try again."
        )


def refuse_forged(request: HTTPConnection, expected: str, shown: str) -> None:
    """As `refuse_foreign`, and the token of the form or header has to be that of the session."""
    refuse_foreign(request)
    if not expected or not hmac.compare_digest(expected.encode(), shown.encode()):
        raise ProblemError(
            403, "Not from here", "The form's token is missing or old: reload the page, try again."
        )


# -- the API with a session ------------------------------------------------------------------


def bearing(request: Request, credential: str) -> Request:
    """The same request as one that shows this credential itself."""
    others = [(n, v) for n, v in request.scope["headers"] if n.lower() != b"authorization"]
    shown = (b"authorization", f"Bearer {credential}".encode("latin-1", "replace"))
    return Request({**request.scope, "headers": [*others, shown]}, request.receive)


class Visitors:
    """Access by what a request shows itself, else by its session. ``redirect``: how people log in
    at an identity provider, None where they do not. ``each``: requests of one session's caller;
    ``begun``: log-ins there that one address begins.
    """

    def __init__(
        self,
        keys: Access,
        sessions: Sessions,
        redirect: "Redirect | None" = None,
        each: Limiter | None = None,
        begun: Limiter | None = None,
    ) -> None:
        self.keys, self.sessions, self.redirect = keys, sessions, redirect
        self._each, self.begun = each or Limiter(100.0, 500), begun or Limiter(2.0, 60)

    async def caller(self, request: Request) -> Caller:
        """Raises `ProblemError`: 401 where it is nobody, 403 where it may be forged."""
        session = self.sessions.find(id_of(request))
        if "authorization" in request.headers or session is None:
            return await self.keys.caller(request)
        if request.scope["type"] == "websocket":
            refuse_foreign(request)
        elif request.method not in SAFE:
            refuse_forged(request, session.token, request.headers.get(HEADER, ""))
        return await self.of(request, session)

    async def of(self, request: Request, session: Session) -> Caller:
        """Whose session it is, now; one whose credential counts no more is over."""
        if session.caller is not None:
            if wait := self._each.take(session.caller.name):
                raise too_many(wait, "This session has asked too often")
            return session.caller
        try:
            return await self.keys.caller(bearing(request, session.credential))
        except ProblemError as error:
            if error.status == 401:  # noqa: PLR2004 (the status itself)
                self.sessions.end(id_of(request))
            raise
