"""What happens, as it happens: server-sent events, and the same over a WebSocket."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Header, Query, Request, WebSocket
from fastapi.responses import Response
from msgspec import Struct
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from tracbridge.api.context import Caller, Needs, Role, Viewer
from tracbridge.api.limits import refused
from tracbridge.api.problem import ProblemError, missing, of_error
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.domain.errors import TracbridgeError
from tracbridge.runtime.hub import Event

router = APIRouter(tags=["live"])

AWAY, SLOW, REFUSED = 1001, 1013, 1008
"""Why a WebSocket is closed: the service ends, the client is too slow, its key counts no more."""

Id = Annotated[str, Query(max_length=100, pattern=r"^[\x21-\x7e]*$")]


class Rhythm(Struct, frozen=True):
    """In seconds. ``beat``: a sign of life when nothing happens; ``look``: between two looks
    whether the credential still counts; ``patience``: with a client that does not take what is
    sent.
    """

    beat: float = 15.0
    look: float = 5.0
    patience: float = 20.0


class EndedError(Exception):
    """Nothing more comes; ``code``: why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Listening:
    """One who looks on, from now. ``connection``: only its events, "" is all that the caller may
    see.
    """

    def __init__(self, request: Request, caller: Caller, connection: str, after: str) -> None:
        state = request.app.state
        hosted: Hosted = state.hosted
        if connection and connection not in hosted.connections(caller.tenants):
            raise missing()
        self._request, self._connection = request, connection
        self._ending: asyncio.Event = state.ending
        self._access = state.access
        self._events = hosted.hub.listen(caller.tenants, after)
        self._following: asyncio.Future[Event] = asyncio.ensure_future(anext(self._events))
        self.rhythm: Rhythm = getattr(state, "rhythm", Rhythm())

    async def events(self) -> AsyncIterator[Event | None]:
        """Each event as it comes; None as a sign of life. Raises `EndedError` at the end."""
        ending = asyncio.ensure_future(self._ending.wait())
        beat = looked = time.monotonic()
        try:
            while True:
                await asyncio.wait(
                    list[asyncio.Future[Any]]([self._following, ending]),
                    timeout=min(self.rhythm.look, self.rhythm.beat),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                now = time.monotonic()
                if now - looked >= self.rhythm.look:
                    looked = now
                    await self._look()
                if event := self._taken(ending):
                    self._following = asyncio.ensure_future(anext(self._events))
                    beat = now
                    if self._meant(event):
                        yield event
                elif now - beat >= self.rhythm.beat:
                    beat = now
                    yield None
        finally:
            await self._leave(ending)

    def _taken(self, ending: asyncio.Future[Any]) -> Event | None:
        if ending.done():
            raise EndedError(AWAY)
        if not self._following.done():
            return None
        try:
            return self._following.result()
        except StopAsyncIteration:
            raise EndedError(SLOW) from None

    def _meant(self, event: Event) -> bool:
        return event.kind == "gap" or self._connection in {"", event.connection}

    async def _look(self) -> None:
        """The credential still counts. What it cannot be asked for now it is asked for later."""
        try:
            await self._access.caller(self._request)
        except ProblemError as error:
            if error.status in {401, 403}:
                raise EndedError(REFUSED) from None
        except TracbridgeError:
            return

    async def _leave(self, ending: asyncio.Future[Any]) -> None:
        waits = (self._following, ending)
        for one in waits:
            one.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        await self._events.aclose()  # type: ignore[attr-defined]


# -- server-sent events ------------------------------------------------------------------------


@router.get(
    "/live",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream(
    request: Request,
    caller: Viewer,
    after: Id = "",
    connection: Annotated[str, Query(max_length=100)] = "",
    last_event_id: Annotated[
        str, Header(alias="Last-Event-ID", max_length=100, pattern=r"^[\x21-\x7e]*$")
    ] = "",
) -> Response:
    """Events of the connections that the caller may see, as server-sent events.

    ``after`` or the header ``Last-Event-ID``: the id of the last event that was seen. Where some
    since then are not kept any more, the first event is a ``gap``: look at everything anew.
    """
    listening = Listening(request, caller, connection, last_event_id or after)
    await asyncio.sleep(0)  # it listens before the client knows that it is connected
    return Stream(listening)


class Stream(Response):
    """Runs until one of both sides ends it."""

    media_type = "text/event-stream"

    def __init__(self, listening: Listening) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._listening = listening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begins at once, so that the client knows that it is connected."""
        del scope
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)

        async def put(event: Event | None) -> None:
            part = sse(event) if event else b": still here\n\n"
            await send({"type": "http.response.body", "body": part, "more_body": True})

        code = await told(self._listening, put, gone(receive, "http.disconnect"))
        if code:
            with suppress(OSError):
                await send({"type": "http.response.body", "body": b""})


def sse(event: Event) -> bytes:
    """As a server-sent event: one line for each part."""
    return f"id: {event.id}\nevent: {event.kind}\ndata: {shown(event)}\n\n".encode()


def shown(event: Event) -> str:
    """As one line of JSON."""
    return json.dumps(
        {
            "id": event.id,
            "at": event.at.isoformat(),
            "tenant": event.tenant,
            "connection": event.connection,
            "kind": event.kind,
            "data": dict(event.data),
        },
        default=str,
    )


# -- WebSocket ---------------------------------------------------------------------------------


@router.websocket("/live")
async def socket(websocket: WebSocket, after: Id = "", connection: str = "") -> None:
    """The same events, each as one text of JSON; ``{"kind": "beat"}`` is a sign of life."""
    # Callers are known by requests; a handshake is one.
    request = Request({**websocket.scope, "type": "http", "method": "GET"})
    try:
        refuse_foreign(request)
        caller = await Needs(Role.VIEWER)(request)
        listening = Listening(request, caller, connection, after)
    except ProblemError as error:
        await websocket.send_denial_response(error.response())
        return
    except TracbridgeError as error:
        denied = of_error(error) or ProblemError(500, "Failed")
        await websocket.send_denial_response(denied.response())
        return
    await asyncio.sleep(0)
    await websocket.accept()

    async def put(event: Event | None) -> None:
        await websocket.send_text(shown(event) if event else '{"kind": "beat"}')

    code = await told(listening, put, gone(websocket.receive, "websocket.disconnect"))
    if code:
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            await websocket.close(code)


def refuse_foreign(request: Request) -> None:
    """A browser says whose page asks: none of another site may. Raises `ProblemError` 403."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", ""):
        refused(request, "the page of another site asked")
        raise ProblemError(403, "Not from here", "Pages of other sites may not listen.")


# -- both --------------------------------------------------------------------------------------


async def gone(receive: Callable[[], Awaitable[Message]], kind: str) -> None:
    """Until the client has left; what it says is not listened to."""
    while (await receive())["type"] != kind:
        pass


async def told(
    listening: Listening, put: Callable[[Event | None], Awaitable[None]], leaves: Any
) -> int:
    """Each event, put to the client. Returns why it ended; 0 where the client left, or takes
    nothing any more, so that there is nothing to be said.
    """
    left = asyncio.ensure_future(leaves)
    work = asyncio.ensure_future(_put_all(listening, put))
    try:
        await asyncio.wait({left, work}, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else 0
    finally:
        for one in (left, work):
            one.cancel()
        await asyncio.gather(left, work, return_exceptions=True)


async def _put_all(listening: Listening, put: Callable[[Event | None], Awaitable[None]]) -> int:
    async with aclosing(listening.events()) as events:  # type: ignore[type-var]
        try:
            async for event in events:
                async with asyncio.timeout(listening.rhythm.patience):
                    await put(event)
        except EndedError as ended:
            return ended.code
        except (TimeoutError, WebSocketDisconnect, OSError):
            return 0
    return 0
