"""A small HTTP server on 127.0.0.1 that answers as it is told, also as no server should."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct, field

from tracbridge.adapters.connectors.rest.sender import Sender
from tracbridge.adapters.connectors.rest.settings import RestSettings
from tracbridge.resilience.paces import Paces


class Asked(Struct):
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Answer(Struct):
    """One whole answer."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def encode(self) -> bytes:
        data = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **self.headers,
        }
        lines = [f"HTTP/1.1 {self.status} Told", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


class Raw(Struct):
    """Bytes, one part after the other, and then the connection ends, breaks or hangs."""

    parts: Sequence[bytes]
    then: str = "close"
    pause: float = 0.0
    for_ever: bool = False


Handler = Callable[[Asked], Answer | Raw | Awaitable[Answer]]


class Served:
    """The server at work. ``asked``: what came; ``names``: what TLS clients asked for."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.asked: list[Asked] = []
        self.names: list[str | None] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sni(self, _: object, name: str | None, __: object) -> None:
        self.names.append(name)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while asked := await self._read(reader):
                self.asked.append(asked)
                if not await self._answer(asked, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Asked | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Asked(method, target, headers, body)

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        told = self.handler(asked)
        answer = told if isinstance(told, Answer | Raw) else await told
        if isinstance(answer, Answer):
            writer.write(answer.encode())
            await writer.drain()
            return True
        parts = list(answer.parts)
        while parts:
            writer.write(parts[0] if answer.for_ever else parts.pop(0))
            await writer.drain()
            await asyncio.sleep(answer.pause)
        if answer.then == "reset":
            writer.transport.abort()
        elif answer.then == "hang":
            await asyncio.sleep(3_600)
        return False


@asynccontextmanager
async def serving(
    handler: Handler = lambda _: Answer(), context: ssl.SSLContext | None = None
) -> AsyncIterator[Served]:
    """A server; everything of it is over afterwards."""
    served = Served(handler)
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        await served.serve(reader, writer)

    if context:
        context.sni_callback = served.sni
    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


LOOPBACK = ["127.0.0.0/8"]


def settings(url: str, **said: Any) -> RestSettings:
    """Settings for a server here."""
    told = {"connector": "rest", "preset": "odoo", "url": url, "networks": LOOPBACK, **said}
    return RestSettings.model_validate(told)


class Time:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = time.monotonic()
        self.slept: list[float] = []

    def paces(self) -> Paces:
        return Paces(lambda: self.now, self.sleep, lambda: 0.0)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def sender(said: RestSettings, **more: Any) -> AsyncIterator[Sender]:
    """A sender with a pace of its own."""
    one = Sender(said, **{"paces": Time().paces(), **more})
    try:
        yield one
    finally:
        await one.aclose()
