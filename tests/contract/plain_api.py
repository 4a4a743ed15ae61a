"""A small system that keeps orders behind a plain HTTP interface, and its people."""

import asyncio
import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tracbridge.sdk import Body

START = datetime(2026, 3, 20, 12, tzinfo=UTC)
LATE = timedelta(seconds=30)
"""By how much a record may become visible later than its time says."""

INTERFACE: dict[str, Any] = {
    "interface": "plain",
    "ref": "{number}",
    "record_version": "_version",
    "lock": {"header": "If-Match"},
    "commits_within": 60,
    "read": {
        "request": {
            "path": "/orders",
            "query": {"since": "{since}", "limit": "{limit}", "offset": "{offset}"},
        },
        "first": {"query": {"since": None}},
        "records": "orders",
        "paging": {"kind": "keyset"},
        "changed": {"path": "_changed", "overlap": LATE.total_seconds()},
        "deleted": {"path": "_deleted"},
    },
    "one": {"request": {"path": "/orders/{ref}"}},
    "find": {
        "request": {"path": "/orders", "query": {"number": "{number}"}},
        "records": "orders",
        "shows": "number",
    },
    "create": {
        "request": {"method": "POST", "path": "/orders", "body": "{record}"},
        "answer": {"record": ""},
    },
    "update": {
        "request": {"method": "PATCH", "path": "/orders/{ref}", "body": "{changes}"},
        "answer": {"record": ""},
    },
    "error": {"code": ["code"], "message": ["message"]},
    "errors": [{"code": "open", "is": "busy"}],
}


class Row(Struct, frozen=True):
    """A record there; ``body`` None: deleted."""

    number: str
    body: Body | None
    at: datetime
    version: int

    @property
    def shown(self) -> Body:
        """As the interface gives it."""
        kept = {"number": self.number, "_deleted": True} if self.body is None else self.body
        return {**kept, "_version": f'"{self.version}"', "_changed": self.at.isoformat()}


class PlainApi:
    """The system and its people; an ASGI app."""

    user, password = "tracbridge", "pa55-w0rd-of-ours"
    pair = f"{user}:{password}".encode()
    secrets = (password, base64.b64encode(pair).decode())

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.versions = self.seconds = self.refusals = 0
        self.opened: set[str] = set()
        self.away = self.echoes = False
        self.cut: bool | None = None
        self.waiting: asyncio.Event | None = None
        self.asked: list[str] = []

    def now(self) -> datetime:
        """What all clocks show."""
        return self.newest + timedelta(hours=1)

    # -- its people --------------------------------------------------------------------------

    @property
    def newest(self) -> datetime:
        return max((row.at for row in self.rows.values()), default=START)

    def put(self, number: str, body: Body | None, at: datetime) -> Row:
        self.versions += 1
        self.rows.pop(number, None)
        copy = None if body is None else json.loads(json.dumps(body))
        self.rows[number] = Row(number, copy, at, self.versions)
        return self.rows[number]

    def next(self) -> datetime:
        return self.newest + timedelta(seconds=10)

    async def plant(self, body: Body) -> str:
        return self.put(str(body["number"]), body, self.next()).number

    async def plant_together(self, bodies: Sequence[Body]) -> None:
        at = self.newest
        for body in bodies:
            self.put(str(body["number"]), body, at)

    async def plant_late(self, body: Body) -> str:
        return self.put(str(body["number"]), body, self.newest - LATE).number

    async def remove(self, ref: str) -> None:
        self.put(ref, None, self.next())

    async def holdings(self) -> list[Body]:
        return [row.body for row in self.rows.values() if row.body is not None]

    async def open_record(self, ref: str) -> None:
        self.opened.add(ref)

    async def close_record(self, ref: str) -> None:
        self.opened.discard(ref)

    # -- its trouble -------------------------------------------------------------------------

    async def throttle(self, seconds: int) -> None:
        self.seconds = seconds

    async def relent(self) -> None:
        self.seconds = 0

    async def refused(self) -> int:
        return self.refusals

    async def lose_reply(self, *, done: bool) -> None:
        self.cut = done

    async def go_away(self) -> None:
        self.away = True

    async def come_back(self) -> None:
        self.away = False

    async def hang(self) -> None:
        self.waiting = asyncio.Event()

    async def reached(self) -> None:
        assert self.waiting is not None
        await self.waiting.wait()
        self.waiting = None

    async def blurt(self) -> None:
        self.echoes = True

    # -- its interface -----------------------------------------------------------------------

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        body = await request.body()
        writes = request.method != "GET"
        if self.away or (writes and self.cut is False):
            self.cut = None
            return self.hang_up(send)
        answer = self.answer(request, json.loads(body) if body else None)
        if self.waiting is not None:
            self.waiting.set()
            await asyncio.Event().wait()
        if writes and self.cut:
            self.cut = None
            return self.hang_up(send)
        await answer(scope, receive, send)
        return None

    @staticmethod
    def hang_up(send: Any) -> None:
        """Close the connection without a word."""
        send.__self__.transport.abort()

    def answer(self, request: Request, body: Any) -> Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if self.echoes:
            return PlainTextResponse(f"{request.url} {request.headers} {body}", 400)
        if self.seconds:
            self.refusals += 1
            return JSONResponse({}, 429, {"Retry-After": str(self.seconds)})
        if request.headers.get("authorization", "").split(" ")[-1] != self.secrets[1]:
            return JSONResponse({}, 401)
        ref = request.url.path.removeprefix("/orders").strip("/")
        match request.method:
            case "GET":
                return self.read(request, ref)
            case "POST":
                return self.create(body)
        return self.update(ref, body, request.headers.get("if-match"))

    def read(self, request: Request, ref: str) -> Response:
        if ref:
            row = self.rows.get(ref)
            return JSONResponse(row.shown) if row and row.body is not None else self.none()
        query = request.query_params
        if number := query.get("number"):
            found = self.rows.get(number)
            rows = [found] if found and found.body is not None else []
            return JSONResponse({"orders": [row.shown for row in rows]})
        since = datetime.fromisoformat(query.get("since") or "2000-01-01T00:00:00+00:00")
        rows = sorted(self.rows.values(), key=lambda row: (row.at, row.number))
        rows = [row for row in rows if row.at >= since][int(query["offset"]) :]
        return JSONResponse({"orders": [row.shown for row in rows[: int(query["limit"])]]})

    def create(self, body: Any) -> Response:
        if body["number"] in self.rows:
            return JSONResponse({"code": "there", "message": "is there"}, 409)
        return JSONResponse(self.put(body["number"], body, self.next()).shown, 201)

    def update(self, ref: str, body: Any, version: str | None) -> Response:
        row = self.rows.get(ref)
        if row is None or row.body is None:
            return self.none()
        if ref in self.opened:
            return JSONResponse({"code": "open", "message": "ana has it open"}, 400)
        if version != f'"{row.version}"':
            return JSONResponse({"code": "changed", "message": "was changed"}, 412)
        return JSONResponse(self.put(ref, {**row.body, **body}, self.next()).shown)

    @staticmethod
    def none() -> Response:
        return JSONResponse({"code": "none", "message": "is not there"}, 404)
