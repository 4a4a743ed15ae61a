"""A TCP proxy between us and a server that can be slow, deaf or rude."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.harness import Server

AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER that makes a close a reset."""


def never(_reply: int) -> None:
    """No reply is cut."""


class Proxy:
    """Passes bytes on, unless it is told otherwise.

    ``delay``: seconds before each portion. ``cut``: after how many bytes of this reply the
    connection is reset, None for never. ``deaf``: it accepts, and answers nothing any more.
    """

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.replies = self.resets = 0
        self.delay: Callable[[], float] = lambda: 0.0
        self.cut: Callable[[int], int | None] = never
        self.deaf = False
        self._lines: set[Line] = set()

    async def serve(self, ready: threading.Event, end: asyncio.Event) -> None:
        """Until the end."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await end.wait()
        server.close()
        for line in list(self._lines):
            line.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(self, reader, writer)
        self._lines.add(line)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await line.run()
        finally:
            line.close()
            self._lines.discard(line)

    def forget(self) -> None:
        """All lines of now: nothing passes any more, and nobody is told (as a NAT box does it)."""
        for line in list(self._lines):
            line.dead = True


class Line:
    """One connection through the proxy."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.proxy, self.reader, self.writer = proxy, reader, writer
        self.dead = False
        self.beyond: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Both directions, until one of them ends."""
        reader, self.beyond = await asyncio.open_connection("127.0.0.1", self.proxy.target)
        pumps = (self._pump(self.reader, self.beyond), self._pump(reader, self.writer))
        tasks = [asyncio.ensure_future(pump) for pump in pumps]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            self.dead = self.dead or self.proxy.deaf
            if self.dead:
                continue
            if wait := self.proxy.delay():
                await asyncio.sleep(wait)
            if sink is self.writer and self._cuts(data):
                return
            sink.write(data)
            await sink.drain()

    def _cuts(self, data: bytes) -> bool:
        """Whether this reply ends in the middle."""
        self.proxy.replies += 1
        cut = self.proxy.cut(self.proxy.replies)
        if cut is None:
            return False
        self.proxy.resets += 1
        self.writer.write(data[:cut])
        peer = self.writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        return True

    def close(self) -> None:
        """Both ends, at once."""
        for writer in (self.writer, self.beyond):
            if writer:
                writer.transport.abort()


@contextmanager
def between(server: Server) -> Iterator[Proxy]:
    """A proxy before this server, in a thread of its own."""
    proxy, ready, end = Proxy(server.port), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(proxy.serve(ready, end),))
    thread.start()
    try:
        assert ready.wait(20)
        yield proxy
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        pending = asyncio.all_tasks(loop)
        if pending:
            loop.run_until_complete(asyncio.wait(pending, timeout=20))
        loop.close()


def through(proxy: Proxy) -> str:
    """The address of the server by way of the proxy."""
    return f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"
