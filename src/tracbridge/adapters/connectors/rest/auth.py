"""Who we are to the other side: credentials, and what becomes of them when they are refused.

A login that is refused is not tried again and again, for that locks accounts: once with the secret
read anew, and then after a pause that grows, by one call for all. Nothing here shows a secret.
"""

import asyncio
import hashlib
import math
import re
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote_plus, urlencode

from msgspec import Struct
from pydantic import SecretStr

from tracbridge.adapters.connectors.rest.addresses import origin_of
from tracbridge.adapters.connectors.rest.calls import Reply
from tracbridge.adapters.connectors.rest.exchange import Outgoing
from tracbridge.adapters.connectors.rest.settings import (
    Auth,
    BasicAuth,
    BearerAuth,
    FrappeAuth,
    HeaderAuth,
    MaxAuth,
    NoAuth,
    OAuth2,
    RestSettings,
)
from tracbridge.domain.errors import ConfigError, RetryableError, TracbridgeError
from tracbridge.resilience.breaker import Breaker, Force, State, Ticket
from tracbridge.resilience.paces import Paces

EARLY = 60.0
"""Seconds before its end that a token is fetched anew, at most a tenth of its life."""

LIFE = 300.0
"""Seconds that a token lives whose answer does not say."""

_KEY = secrets.token_bytes(32)
_PRINT = 2
"""Bytes kept of a refused login: enough to know it again, too few to find it by trying."""
_GIVEN = range(200, 300)
_REFUSED = frozenset({400, 401, 403, 404, 405})


class LoginRefusedError(ConfigError):
    """The other side does not take our credentials; the message says when they are tried again."""


class Credential(Struct, frozen=True):
    """A header that says who we are. ``mark``: which login it is made from."""

    name: str
    value: str
    mark: str

    def __repr__(self) -> str:
        return f"Credential({self.name})"


def _packed(user: str, password: str) -> str:
    return b64encode(f"{user}:{password}".encode()).decode("ascii")


def header_of(auth: Auth) -> tuple[str, str] | None:
    """The header of credentials that stand in the settings, None where there is none."""
    match auth:
        case BasicAuth():
            return "authorization", f"Basic {_packed(auth.user, auth.password.get_secret_value())}"
        case MaxAuth():
            return "maxauth", _packed(auth.user, auth.password.get_secret_value())
        case BearerAuth():
            return "authorization", f"Bearer {auth.token.get_secret_value()}"
        case FrappeAuth():
            return "authorization", f"token {auth.user}:{auth.password.get_secret_value()}"
        case HeaderAuth():
            return auth.header, auth.token.get_secret_value()
        case NoAuth() | OAuth2():
            return None


def _opened(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def mark_of(host: str, settings: RestSettings, key: bytes = _KEY, size: int = 16) -> str:
    """A login with all its secrets, as a text that says nothing about them outside this process."""
    auth = settings.auth
    parts = [host, *(_opened(getattr(auth, name)) for name in type(auth).model_fields)]
    parts += [f"{name}={value}" for name, value in sorted(settings.plain_headers.items())]
    return hashlib.blake2b("\0".join(parts).encode(), key=key, digest_size=size).hexdigest()


def target_of(settings: RestSettings) -> str:
    """Whom the other side counts calls for: the host, and who we are there."""
    host = origin_of(settings.url).authority
    match settings.auth:
        case BasicAuth(user=user) | FrappeAuth(user=user) | MaxAuth(user=user):
            return f"{host} {user}"
        case OAuth2(client_id=client):
            return f"{host} {client}"
        case _:
            return f"{host} {mark_of(host, settings)}"


class RejectedError(Exception):
    """The credentials were refused just now, and that is on record."""


class _Token(Struct, frozen=True):
    value: str
    until: float

    def __repr__(self) -> str:
        return "_Token"


Extra = Callable[[Outgoing], Awaitable[Reply]]


class Login:
    """The credentials of one connection. ``fresh``: the settings as they are now."""

    def __init__(
        self,
        settings: RestSettings,
        paces: Paces,
        extra: Extra,
        fresh: Callable[[], RestSettings] | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings, self._paces, self._extra = settings, paces, extra
        self._fresh, self._changed = fresh, changed
        self._host = origin_of(settings.url).authority
        self._mark = mark_of(self._host, settings)
        self._token: _Token | None = None
        self._proven = False
        self._first, self._fetching = asyncio.Lock(), asyncio.Lock()

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of every request."""
        return self._settings.plain_headers

    @asynccontextmanager
    async def proving(self) -> AsyncIterator[None]:
        """Calls are made inside: one at a time, until a login was taken, then as many as may.

        Raises `LoginRefusedError` while a refused login rests.
        """
        if not self._proven:
            async with self._first:
                if not self._proven:
                    breaker, ticket = self._entered()
                    try:
                        yield
                    finally:
                        breaker.give_back(ticket)
                    return
        yield

    async def credential(self) -> Credential | None:
        """What to send along. Raises `RejectedError` where it buys no token."""
        auth, mark = self._settings.auth, self._mark
        if isinstance(auth, OAuth2):
            return Credential("authorization", f"Bearer {await self._live(auth)}", mark)
        header = header_of(auth)
        return Credential(*header, mark) if header else None

    def accepted(self, used: Credential | None) -> None:
        """It was taken."""
        if self._proven or (used and used.mark != self._mark):
            return
        self._proven = True
        self._paces.login(self._mark).succeeded(self._paces.now())

    def rejected(self, used: Credential, *, again: bool) -> None:
        """It was not taken. A token may have ended early, a secret may be another one by now, and
        a proxy may have hiccups where the login was taken before: but not ``again`` in one call.
        """
        if isinstance(self._settings.auth, OAuth2):
            if not again:
                if self._token and used.value == f"Bearer {self._token.value}":
                    self._token = None
                return
        elif self._proven and not again and used.mark == self._mark:
            self._proven = False
            self._reread()
            return
        self._fail(used.mark)

    def alive(self, mark: str) -> None:
        """Raises `RejectedError` where another call has heard that this login is refused."""
        if self._paces.login(mark).state(self._paces.now()) is State.OPEN:
            raise RejectedError

    def refused(self) -> LoginRefusedError:
        """What a call is told whose login does not count, or rests."""
        seconds = self._paces.login(self._mark).wait(self._paces.now())
        kind = self._settings.auth.kind
        return LoginRefusedError(
            f"{self._host} refuses the credentials under auth ({kind}). They are tried again in "
            f"{seconds:.0f} s, and others at once; check the secret that auth names."
        )

    def describe(self) -> dict[str, Any]:
        """What to keep of a login that was refused, {} of one that was not."""
        breaker, now = self._paces.login(self._mark), self._paces.now()
        if breaker.state(now) is State.CLOSED:
            return {}
        salt = secrets.token_bytes(16)
        known = mark_of(self._host, self._settings, salt, _PRINT)
        return {"salt": salt.hex(), "print": known, "breaker": breaker.describe(now)}

    def restore(self, kept: Mapping[str, Any], elapsed: float) -> None:
        """Let it rest on, where it is the login that was refused ``elapsed`` seconds ago."""
        breaker, now = self._paces.login(self._mark), self._paces.now()
        if not kept or breaker.state(now) is not State.CLOSED:
            return
        salt = bytes.fromhex(kept["salt"])
        if mark_of(self._host, self._settings, salt, _PRINT) == kept["print"]:
            breaker.restore(kept["breaker"], now, elapsed)

    def forgive(self) -> None:
        """Try it at once, as an operator says."""
        self._paces.login(self._mark).set(Force.AUTOMATIC)

    def _entered(self) -> tuple[Breaker, Ticket]:
        if self._paces.login(self._mark).wait(self._paces.now()):
            self._reread()
        breaker = self._paces.login(self._mark)
        ticket = breaker.enter(self._paces.now())
        if ticket is None:
            raise self.refused()
        return breaker, ticket

    def _reread(self) -> None:
        """The secrets, where they are others by now."""
        try:
            settings = self._fresh() if self._fresh else self._settings
        except TracbridgeError:
            return  # a file that is just being written
        mark = mark_of(self._host, settings)
        if mark != self._mark and settings.url == self._settings.url:
            self._settings, self._mark, self._token = settings, mark, None
            self._changed()

    def _fail(self, mark: str) -> None:
        if mark == self._mark:
            self._proven = False
        self._paces.login(mark).failed(self._paces.now(), self._paces.chance())

    async def _live(self, auth: OAuth2) -> str:
        """A token that lives, fetched by one caller for all."""
        async with self._fetching:
            if self._token is None or self._paces.now() >= self._token.until:
                self.alive(self._mark)
                self._token = await self._fetched(auth)
            return self._token.value

    async def _fetched(self, auth: OAuth2) -> _Token:
        request = token_request(auth)
        reply = await self._extra(request)
        if reply.status in _REFUSED:
            self._fail(self._mark)
            raise RejectedError
        if reply.status not in _GIVEN:
            raise RetryableError(f"{request.origin} gave no token: status {reply.status}.")
        answer = reply.json
        value = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
            raise RetryableError(f"{request.origin} gave no token: its answer has none.")
        return _Token(value, self._paces.now() + _life(answer.get("expires_in")))


def _life(told: object) -> float:
    """Seconds for which a token is used."""
    try:
        seconds = float(told)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        seconds = LIFE
    if not 0 < seconds < math.inf:
        seconds = LIFE
    return seconds - min(EARLY, seconds / 10)


def token_request(auth: OAuth2) -> Outgoing:
    """The request for a token, by client credentials."""
    user, secret = auth.client_id, auth.client_secret.get_secret_value()
    form = {"grant_type": "client_credentials", **({"scope": auth.scope} if auth.scope else {})}
    headers = {
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "content-type": "application/x-www-form-urlencoded",
    }
    if auth.client_auth == "basic":
        headers["authorization"] = f"Basic {_packed(quote_plus(user), quote_plus(secret))}"
    else:
        form |= {"client_id": user, "client_secret": secret}
    origin = origin_of(auth.token_url)
    what = f"POST {origin.path or '/'}"
    return Outgoing(origin, "POST", auth.token_url, what, headers, urlencode(form).encode())
