"""Small real servers that take what is sent to people: HTTP and SMTP, on the loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Posted:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Web:
    """An HTTP server. ``answers``: the statuses of the next answers, then 204; 0 hangs up."""

    port: int = 0
    got: list[Posted] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    location: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                path = line.split()[1].decode()
                headers = {}
                while (head := (await reader.readline()).decode().strip()) != "":
                    name, _, value = head.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.got.append(Posted(path, headers, body))
                status = self.answers.pop(0) if self.answers else 204
                if not status:
                    return
                where = f"Location: {self.location}\r\n" if self.location else ""
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{where}\r\n".encode())
                await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def web() -> AsyncIterator[Web]:
    """It runs while the block does."""
    found = Web()
    server = await asyncio.start_server(found.take, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


@dataclass
class Post:
    """An SMTP server. ``refuses``: so many of the next mails."""

    port: int = 0
    got: list[tuple[list[str], str]] = field(default_factory=list)
    refuses: int = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receivers: list[str] = []

        async def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())
            await writer.drain()

        try:
            await say("220 test ESMTP")
            while line := (await reader.readline()).decode().strip():
                match line.split()[0].upper():
                    case "RCPT":
                        receivers.append(line.partition(":")[2].partition(" ")[0].strip("<>"))
                        await say("250 ok")
                    case "DATA":
                        await say("354 go on")
                        data = (await reader.readuntil(b"\r\n.\r\n")).decode()
                        if self.refuses:
                            self.refuses -= 1
                            await say("451 later")
                        else:
                            self.got.append((receivers, data))
                            await say("250 taken")
                    case "QUIT":
                        await say("221 bye")
                        return
                    case _:
                        await say("250 ok")
        finally:
            writer.close()


@asynccontextmanager
async def post() -> AsyncIterator[Post]:
    """It runs while the block does."""
    found = Post()
    server = await asyncio.start_server(found.take, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found
