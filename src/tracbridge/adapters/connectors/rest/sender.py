"""Sends calls: at the pace of the connection, with its credentials, within its time and size."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from tracbridge.adapters.connectors.rest.addresses import origin_of
from tracbridge.adapters.connectors.rest.auth import Credential, Login, RejectedError, target_of
from tracbridge.adapters.connectors.rest.calls import Call, Reply
from tracbridge.adapters.connectors.rest.exchange import Outgoing, Wire, outgoing
from tracbridge.adapters.connectors.rest.network import Resolve, resolve
from tracbridge.adapters.connectors.rest.settings import RestSettings
from tracbridge.adapters.connectors.rest.spec import Csrf
from tracbridge.adapters.pacing import PACES
from tracbridge.domain.errors import RetryableError
from tracbridge.resilience.breaker import Force
from tracbridge.resilience.bucket import Lane
from tracbridge.resilience.paces import Paces

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_UNAUTHORISED, _FORBIDDEN = 401, 403
_REQUIRED = "required"
_TOO_MANY, _AWAY = 429, 503


class _Trial(Struct):
    """A call on its way. ``last``: its own request, as it went out last; ``again``: with another
    login than at first.
    """

    call: Call
    last: Outgoing | None = None
    again: bool = False


class Sender:
    """The HTTP side of one connection.

    ``name``: the connection's. ``csrf``: how writes get their token. ``fresh``: the settings as
    they are now, asked for where a login is refused. ``pace``: takes what the caller makes of each
    answer: `Pace.succeeded`, `Pace.failed` or `Pace.throttled`, with the call's ``operation``.
    """

    def __init__(
        self,
        settings: RestSettings,
        *,
        name: str = "",
        csrf: Csrf | None = None,
        fresh: Callable[[], RestSettings] | None = None,
        paces: Paces = PACES,
        resolver: Resolve = resolve,
    ) -> None:
        self.origin = origin_of(settings.url)
        self.pace = paces.of(name or str(self.origin), target_of(settings), settings.pace)
        self._seconds = settings.timeout
        self._wire = Wire(settings.allowed_networks, settings.ca, settings.max_bytes, resolver)
        self._login = Login(settings, paces, self._extra, fresh, self._forget)
        self._csrf, self._csrf_token = csrf, ""
        self._fetching = asyncio.Lock()

    async def send(self, call: Call) -> Reply:
        """One call and its whole answer, whatever its status; the caller says what it means.

        Raises `RetryableError` where nothing was sent (no connection, a pause, a breaker), and for
        a read that was not answered whole; `UnknownOutcomeError` for such a write; `ConfigError`
        for addresses that are not allowed, redirects, untrusted certificates and refused logins.
        """
        lane = Lane.BACKFILL if call.backfill else Lane.LIVE
        trial = _Trial(call)
        async with self.pace.turn(call.operation, lane, later=True):
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._answered(trial)
            except TimeoutError:
                why = f"nothing whole came within {self._seconds:g} s"
                request = trial.last or outgoing(self.origin, call, {})
                raise request.broken(why) from None

    def describe(self) -> dict[str, Any]:
        """Pace and refused login, to show and to keep: plain values, no secret."""
        login = self._login.describe()
        return {**self.pace.describe(), **({"login": login} if login else {})}

    def restore(self, kept: Mapping[str, Any], elapsed: float) -> None:
        """Go on as described ``elapsed`` seconds ago."""
        self.pace.restore(kept, elapsed)
        self._login.restore(kept.get("login", {}), elapsed)

    def force(self, operations: Iterable[str], word: Force) -> None:
        """Do as an operator says of these calls. Said again it changes nothing: only another word
        forgets what was counted, and has a refused login tried at once.
        """
        for name in operations:
            if self.pace.breaker(name).force is not word:
                self.pace.set(name, word)
                if word is Force.CLOSED:
                    self._login.forgive()

    async def aclose(self) -> None:
        """Close all connections; called once or more."""
        await self._wire.aclose()

    def __repr__(self) -> str:
        return f"Sender({self.origin})"

    async def _answered(self, trial: _Trial) -> Reply:
        """The answer to a call whose login is taken; a refused one is tried once more, if there is
        a newer one.
        """
        for trial.again in (False, True):
            async with self._login.proving():
                try:
                    used = await self._login.credential()
                    if trial.last:
                        await self.pace.extra()
                    reply = await self._protected(trial, used)
                except RejectedError:
                    continue
                if used is None or reply.status != _UNAUTHORISED:
                    self._login.accepted(used)
                    return reply
                self._login.rejected(used, again=trial.again)
        raise self._login.refused()

    async def _protected(self, trial: _Trial, used: Credential | None) -> Reply:
        """The answer to a call, with a CSRF token where it needs one; a stale one is renewed."""
        rule = self._csrf
        if rule is None or trial.call.method in _SAFE:
            return await self._once(trial, used, {})
        token = await self._csrf_for(rule, trial, used)
        reply = await self._once(trial, used, {rule.header: token})
        needed = reply.headers.get(rule.header.lower(), "").lower() == _REQUIRED
        if reply.status != _FORBIDDEN or not needed:
            return reply
        if self._csrf_token == token:
            self._csrf_token = ""
        token = await self._csrf_for(rule, trial, used)
        await self.pace.extra()
        return await self._once(trial, used, {rule.header: token})

    async def _csrf_for(self, rule: Csrf, trial: _Trial, used: Credential | None) -> str:
        """The token for writes, fetched by one caller for all. Raises `RejectedError`."""
        async with self._fetching:
            if self._csrf_token:
                return self._csrf_token
            if used:
                self._login.alive(used.mark)
            call = Call(rule.method, rule.path, headers={rule.header: rule.fetch})
            reply = await self._extra(outgoing(self.origin, call, self._headers(used, {})))
            if used and reply.status == _UNAUTHORISED:
                self._login.rejected(used, again=trial.again)
                raise RejectedError
            token = reply.headers.get(rule.header.lower(), "")
            if not token or token.lower() == _REQUIRED:
                raise RetryableError(
                    f"{self.origin} gave no token for writes at {rule.path}: status {reply.status}."
                )
            self._csrf_token = token
            return token

    async def _once(self, trial: _Trial, used: Credential | None, more: Mapping[str, str]) -> Reply:
        trial.last = outgoing(self.origin, trial.call, self._headers(used, more))
        return await self._wire.exchange(trial.last)

    async def _extra(self, request: Outgoing) -> Reply:
        """A request beside the call itself, for a token; one that is put off is an error."""
        await self.pace.extra()
        reply = await self._wire.exchange(request)
        if reply.status in (_TOO_MANY, _AWAY):
            told = reply.headers.get("retry-after", "")
            seconds = float(told) if told.isascii() and told.isdigit() else None
            if seconds is not None or reply.status == _TOO_MANY:
                self.pace.throttled(seconds)
            raise RetryableError(f"{request.origin} put off {request.what}: {reply.status}.")
        return reply

    def _headers(self, used: Credential | None, more: Mapping[str, str]) -> Mapping[str, str]:
        own = {used.name: used.value} if used else {}
        return {**self._login.headers, **more, **own}

    def _forget(self) -> None:
        """What belongs to the login so far."""
        self._csrf_token = ""
        self._wire.forget_session()
