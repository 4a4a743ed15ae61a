"""A simulator as a server on this machine."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

HOST = "127.0.0.1"


@asynccontextmanager
async def serve(app: Any, port: int = 0) -> AsyncIterator[str]:
    """The app at 127.0.0.1, in the running event loop, on that port or on any free one.

    Yields its address, ``http://127.0.0.1:PORT``; afterwards all its connections are closed.
    """
    # Not `uvicorn.Server`: that takes the process's signals, and its end takes 0.2 s.
    config = uvicorn.Config(
        app, interface="asgi3", ws="none", lifespan="off", log_config=None, log_level="critical",
        access_log=False, proxy_headers=False, server_header=False, date_header=False,
        timeout_keep_alive=60,
    )  # fmt: skip
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()

    def connected() -> H11Protocol:
        return H11Protocol(config, state, {}, loop)

    server = await loop.create_server(connected, HOST, port)
    try:
        yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await _end(state)
        await server.wait_closed()


async def _end(state: ServerState) -> None:
    tasks = list(state.tasks)
    for task in tasks:
        task.cancel()
    for connection in list(state.connections):
        transport: asyncio.Transport = connection.transport
        transport.abort()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # the connections say that they are closed


@contextmanager
def serve_in_thread(app: Any, port: int = 0) -> Iterator[str]:
    """The same in a thread of its own, for what is not asynchronous.

    Nothing is locked: the app's people act while no request is under way, or over HTTP.
    """
    started = threading.Event()
    told: list[str] = []
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        async with serve(app, port) as address:
            ended = asyncio.Event()
            stop.append((asyncio.get_running_loop(), ended))
            told.append(address)
            started.set()
            await ended.wait()

    def work() -> None:
        with contextlib.suppress(OSError):  # told by `told` being empty
            asyncio.run(run())
        started.set()

    thread = threading.Thread(target=work, name="simulator", daemon=True)
    thread.start()
    started.wait()
    if not told:
        raise OSError(f"port {port} of {HOST} cannot be had")
    try:
        yield told[0]
    finally:
        loop, ended = stop[0]
        loop.call_soon_threadsafe(ended.set)
        thread.join()
