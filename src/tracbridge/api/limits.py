"""What a request may be: its size, its form, its time, and how many of them there may be."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.params import Form
from loguru import logger
from msgspec import Struct
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tracbridge.api.problem import ProblemError, unexpected, where
from tracbridge.resilience.bucket import Bucket, Lane

ONCE = (b"authorization", b"content-length", b"content-type", b"host", b"idempotency-key")
"""Headers that count, and of which two would be two meanings."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

DEPTH = 64
"""Levels of a JSON body."""

MANY = 10_000
"""Callers or addresses that are remembered at once; the one that was quiet longest is forgotten."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On each answer that does not say otherwise itself."""


class Limits(Struct, frozen=True):
    """``body``: bytes. ``seconds``: for a request until its answer begins; of one that changes
    something only until it has come, since what has begun is never broken off.
    """

    body: int = 1_000_000
    seconds: float = 30.0


# -- how many ----------------------------------------------------------------------------------


class Limiter:
    """``rate`` a second for each of many, and up to ``burst`` at once after a rest."""

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: dict[str, Bucket] = {}

    def take(self, who: str) -> float:
        """0: go on. Else the seconds after which the next one may."""
        now = self._clock()
        bucket = self._buckets.pop(who, None) or Bucket(self._rate, self._burst, now)
        self._buckets[who] = bucket
        if len(self._buckets) > MANY:
            del self._buckets[next(iter(self._buckets))]
        number = bucket.join(Lane.LIVE)
        wait = bucket.take(number, now)
        bucket.leave(number)
        return wait


def too_many(wait: float, what: str) -> ProblemError:
    """To be repeated later."""
    seconds = max(1, math.ceil(wait))
    return ProblemError(
        429,
        "Too many requests",
        f"{what}: try again in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )


_LINES = Limiter(2.0, 10)
"""Lines of the log about refusals: who tries in masses must not fill it."""


def refused(request: HTTPConnection, why: str, who: str = "") -> None:
    """Put a refused attempt into the log; where there are too many, some are left out."""
    if _LINES.take(""):
        return
    logger.bind(
        why=why,
        who=who,
        address=address(request),
        method=request.scope.get("method", "WEBSOCKET"),
        path=request.url.path[:200],
    ).warning("access.refused")


def address(request: HTTPConnection) -> str:
    """Who sent it, as the socket knows."""
    return request.client.host if request.client else ""


# -- size, time, headers -----------------------------------------------------------------------


class Guard:
    """Around the whole application: nothing gets in that is too large or too slow, and every
    answer carries the security headers. What nobody has caught is answered here.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, from its headers to the end of its answer."""
        if scope["type"] != "http":
            await self._unguarded(scope, receive, send)
            return
        one = _Exchange(receive, send, self._limits)
        try:
            one.look(scope)
            async with asyncio.timeout(one.seconds) as one.timer:
                await self._app(scope, one.receive, one.send)
        except ProblemError as error:
            await one.answer(error, scope)
        except TimeoutError as error:
            timer = one.timer
            late = timer is not None and timer.expired()
            told = one.late() if late else unexpected(error, scope["method"], scope["path"])
            await one.answer(told, scope)
        except Exception as error:
            await one.answer(unexpected(error, scope["method"], scope["path"]), scope)

    async def _unguarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket: what goes wrong ends it, and is in the log."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            unexpected(error, scope["type"], scope.get("path", ""))
            raise


class _Exchange:
    """One request and its answer."""

    def __init__(self, receive: Receive, send: Send, limits: Limits) -> None:
        self._receive, self._send, self._limits = receive, send, limits
        self._bytes, self._whole, self._begun = 0, False, False
        self._changes = False
        self.seconds: float | None = limits.seconds
        self.timer: asyncio.Timeout | None = None

    def look(self, scope: Scope) -> None:
        """At the headers; raises `ProblemError`."""
        names = [name for name, _ in scope["headers"]]
        for name in ONCE:
            if names.count(name) > 1:
                raise ProblemError(
                    400, "Said twice", f"The header {name.decode()} may stand only once."
                )
        said = dict(scope["headers"])
        if b"content-length" in said and b"transfer-encoding" in said:
            # A proxy before us may believe the other one, and take its rest for a request.
            raise ProblemError(400, "Said twice", "A body has one length: say only one of both.")
        if said.get(b"content-encoding", b"identity") != b"identity":
            raise ProblemError(415, "Unsupported", "Send the body without Content-Encoding.")
        length = said.get(b"content-length", b"0")
        self._changes = scope["method"] not in SAFE
        self._whole = length == b"0" and b"transfer-encoding" not in said
        if self._changes and self._whole:
            self.seconds = None
        if length.isdigit() and int(length) > self._limits.body:
            raise self._large()

    def _large(self) -> ProblemError:
        return ProblemError(
            413,
            "Too large",
            f"A body has up to {self._limits.body:,} bytes.",
            headers={"Connection": "close"},
        )

    async def receive(self) -> Message:
        """The next part of the request; raises where it is one too many."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._whole and self._changes and self.timer:
                self.timer.reschedule(None)
            if self._bytes > self._limits.body:
                error = self._large()
                raise HTTPException(error.status, error.detail, error.headers)
        return message

    async def send(self, message: Message) -> None:
        """The next part of the answer; what streams takes as long as it likes."""
        if message["type"] == "http.response.start":
            self._begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if self.timer and headers.get("content-type", "").startswith("text/event-stream"):
                self.timer.reschedule(None)
        await self._send(message)

    def late(self) -> ProblemError:
        """It took too long: because of the caller, or of us."""
        seconds = f"{self._limits.seconds:g} s"
        if self._whole:
            return ProblemError(503, "Took too long", f"There was no answer within {seconds}.")
        return ProblemError(
            408,
            "Came too slowly",
            f"The body did not come within {seconds}.",
            headers={"Connection": "close"},
        )

    async def answer(self, error: ProblemError, scope: Scope) -> None:
        """Instead of an answer; one that has begun is broken off."""
        if self._begun:
            raise error
        await error.response()(scope, self._receive, self.send)


# -- form --------------------------------------------------------------------------------------


async def strict(request: HTTPConnection) -> None:
    """Refuses what a route does not know, or knows only once: parameters, kinds of bodies. Of a
    WebSocket nothing.

    Raises `ProblemError` 400, 415 or 422.
    """
    if not isinstance(request, Request):
        return
    route = request.scope["route"]
    _look_at_query(request, dict(_query(route.dependant)))
    if route.body_field is None or isinstance(route.body_field.field_info, Form):
        return
    _look_at_kind(request)
    if await request.body():
        _look_at_values(await request.json())


def _look_at_query(request: Request, known: dict[str, bool]) -> None:
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        place = where(["query", name])
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            told = {"where": place, "why": "is not known here"}
            detail = f"{place} is not known here; there are: {names}."
            raise ProblemError(422, "Not accepted", detail, errors=[told])
        if name in seen and not known[name]:
            raise ProblemError(400, "Said twice", f"{place} may stand only once.")
        seen.add(name)


def _query(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The parameters of a route by name, and whether one may stand more than once."""
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from ((one.alias or name, False) for name, one in kind.model_fields.items())
        else:
            kinds = {get_origin(one) for one in (kind, *get_args(kind))}
            yield field.alias, not kinds.isdisjoint({list, set, tuple})
    for one in dependant.dependencies:
        yield from _query(one)


def _look_at_kind(request: Request) -> None:
    kind, _, rest = request.headers.get("content-type", "").lower().partition(";")
    parameters = {part.strip().replace('"', "") for part in rest.split(";") if part.strip()}
    length = request.headers.get("content-length", "")
    empty = length == "0" or not (length or "transfer-encoding" in request.headers)
    if empty and not kind:
        return
    if kind.strip() != "application/json" or parameters - {"charset=utf-8"}:
        raise ProblemError(
            415, "Unsupported", "The body is JSON in UTF-8: Content-Type: application/json."
        )


def _look_at_values(value: Any) -> None:
    """Level by level, so that no depth is too deep for us to see it."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEPTH:
            raise ProblemError(400, "Too deep", f"The body has more than {DEPTH} levels.")
        level = [inner for one in level for inner in _inside(one)]


def _inside(value: Any) -> list[Any]:
    match value:
        case dict():
            return [*value.keys(), *value.values()]
        case list():
            return value
        case str() if not _is_text(value):
            raise ProblemError(400, "No text", "The body holds half a character (a surrogate).")
        case float() if not math.isfinite(value):
            raise ProblemError(400, "No JSON", "The body holds a number that JSON does not know.")
    return []


def _is_text(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
