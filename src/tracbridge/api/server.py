"""The API as a server in the loop of the service; signals stay the service's."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from tracbridge.domain.errors import ConfigError

GRACE = 3
"""Seconds for answers that are under way when the service ends."""

HEADERS = 32 * 1024
"""Bytes of a request's headers."""

WITHIN = 10.0
"""Seconds in which they come, from the first byte of the connection on."""

MANY = 1_000
"""Connections at one time; more are told to come back, and more than twice as many are closed."""

SHARE = 8
"""One handle of so many that the process may have: the work needs most of them."""

TALK = 64 * 1024
"""Bytes of what a WebSocket's client says, to which nobody listens."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They mean the service."""
        yield


class Protocol(H11Protocol):
    """HTTP whose headers come in time, or the connection is closed."""

    within = WITHIN
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The clock begins."""
        super().connection_made(transport)
        if self.limit_concurrency and len(self.connections) > 2 * self.limit_concurrency:
            transport.abort()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """It goes on until the headers are whole; then other limits hold."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """There is nothing to wait for."""
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._forget()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.within, self.transport.abort)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def many() -> int:
    """Connections at one time, here."""
    handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MANY if handles == resource.RLIM_INFINITY else min(MANY, handles // SHARE)


@asynccontextmanager
async def listening(
    app: FastAPI, host: str, port: int, protocol: type[Protocol] = Protocol
) -> AsyncIterator[str]:
    """Serves while the block runs; its address. Raises `ConfigError` where nobody can listen."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.create_server((host, port), family=family, backlog=many())
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {host}:{port}: {error.strerror or error}; choose another --port."
        ) from None
    server = _Server(
        uvicorn.Config(
            app,
            http=protocol,
            ws="websockets-sansio",
            ws_max_size=TALK,
            log_config=None,
            log_level="critical",  # what goes wrong is told by `limits`, in our own log
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            limit_concurrency=many(),
            backlog=many(),  # so many are taken in at once, before any of them is looked at
            timeout_graceful_shutdown=GRACE,
            h11_max_incomplete_event_size=HEADERS,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{bound.getsockname()[1]}"
    finally:
        app.state.ending.set()
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        bound.close()
