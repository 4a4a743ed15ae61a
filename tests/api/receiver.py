"""A receiver of webhooks on this machine."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tracbridge.testing.erp import serve


@dataclass
class Receiver:
    """``answers``: the statuses of its next answers; 200 after them."""

    address: str = ""
    answers: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        self.headers.append(dict(request.headers))
        self.paths.append(request.url.path)
        status = self.answers.pop(0) if self.answers else 200
        return Response("", status, {"Location": "/elsewhere"} if status == 302 else {})

    @property
    def told(self) -> list[dict[str, Any]]:
        """What it was told, without what differs each time."""
        return [json.loads(body) for body in self.bodies]

    def kinds(self) -> list[str]:
        return sorted(one["event"] for one in self.told)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """One that listens while the block runs."""
    receiver = Receiver()
    app = Starlette(routes=[Route("/{rest:path}", receiver.take, methods=["POST", "GET"])])
    async with serve(app) as address:
        receiver.address = address
        yield receiver


async def until(true: Callable[[], object]) -> None:
    """Wait for what must come; fails if it does not come in a while."""
    for _ in range(1_000):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come")
