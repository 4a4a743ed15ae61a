"""A customer's system behind a network, in this process, and an honest connector to it.

It has what the contract has tests for: logins that run out, requests that are throttled, answers
that are lost, records that become visible late and carry the same time, locks, and errors that
repeat what they were sent.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import orjson
from msgspec import Struct
from pydantic import SecretStr

from tracbridge.sdk import (
    Body,
    BusyError,
    Claim,
    ConfigError,
    ConnectorSettings,
    Cursor,
    Page,
    Place,
    Receipt,
    Record,
    RecordError,
    Refusal,
    RetryableError,
    StaleWriteError,
    Traits,
    UnknownOutcomeError,
    Write,
)
from tracbridge.testing.contract import ConnectorContract, Rig

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
LATE = 30
"""Seconds by which a record may become visible later than its time says."""


class Row(Struct, frozen=True):
    """A record there; ``body`` None: deleted."""

    ref: str
    body: Body | None
    at: int
    version: int


class Answer(Struct, frozen=True):
    status: int
    body: Any = None
    retry_after: int = 0


class RefusedError(Exception):
    """No connection was made."""


class CutError(Exception):
    """The connection ended before the answer."""


class Erp:
    """The system and its people."""

    password = "pa55 w0rd"  # noqa: S105 (a canary)
    secrets = (password, "token-")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.done: dict[str, Answer] = {}
        self.tokens: list[str] = []
        self.opened: set[str] = set()
        self.seconds = self.refusals = self.versions = 0
        self.away = self.echoes = False
        self.cut: bool | None = None
        self.waiting: asyncio.Event | None = None

    # -- its people --------------------------------------------------------------------------

    def put(self, ref: str, body: Body | None, at: int) -> Row:
        self.versions += 1
        self.rows = [row for row in self.rows if row.ref != ref]
        copy = None if body is None else orjson.loads(orjson.dumps(body))
        self.rows.append(Row(ref, copy, at, self.versions))
        return self.rows[-1]

    @property
    def newest(self) -> int:
        return max((row.at for row in self.rows), default=100)

    async def plant(self, body: Body) -> str:
        return self.put(str(body["orderNo"]), body, self.newest + 10).ref

    async def plant_together(self, bodies: Sequence[Body]) -> None:
        at = self.newest
        for body in bodies:
            self.put(str(body["orderNo"]), body, at)

    async def plant_late(self, body: Body) -> str:
        return self.put(str(body["orderNo"]), body, self.newest - LATE).ref

    async def remove(self, ref: str) -> None:
        self.put(ref, None, self.newest + 10)

    async def holdings(self) -> list[Body]:
        return [row.body for row in self.rows if row.body is not None]

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

    async def expire_login(self) -> None:
        self.tokens.clear()

    async def hang(self) -> None:
        self.waiting = asyncio.Event()

    async def reached(self) -> None:
        assert self.waiting is not None
        await self.waiting.wait()
        self.waiting = None

    async def blurt(self) -> None:
        self.echoes = True

    # -- its interface -----------------------------------------------------------------------

    async def request(self, method: str, path: str, token: str, **sent: Any) -> Answer:
        """One call through the network; ``path``: ``login``, ``orders`` or ``orders/REF``."""
        await asyncio.sleep(0)
        if self.away:
            raise RefusedError
        if self.echoes:
            return Answer(500, f"{method} {path} {token} {sent}")
        if self.seconds:
            self.refusals += 1
            return Answer(429, retry_after=self.seconds)
        writes = method in ("PUT", "POST")
        if writes and self.cut is False:
            self.cut = None
            raise CutError
        answer = self.answer(method, path, token, sent)
        if self.waiting is not None and path != "login":
            self.waiting.set()
            await asyncio.Event().wait()
        if writes and self.cut and answer.status < 300:
            self.cut = None
            raise CutError
        await asyncio.sleep(0)
        return answer

    def answer(self, method: str, path: str, token: str, sent: Any) -> Answer:
        if path == "login":
            return self.login(sent["password"])
        if token not in self.tokens:
            return Answer(401)
        ref = path.partition("/")[2]
        if method == "PUT":
            return self.write(ref, **sent)
        if method == "POST":
            self.versions += 1
            self.rows.append(Row(ref, sent["body"], self.newest + 10, self.versions))
            return Answer(201, self.rows[-1])
        if ref:
            found = [row for row in self.rows if row.ref == ref and row.body is not None]
            return Answer(200, found[0]) if found else Answer(404)
        return Answer(200, self.listed(**sent))

    def login(self, password: str) -> Answer:
        if password != self.password:
            return Answer(403)
        self.tokens.append(f"token-{len(self.done)}-{len(self.tokens)}-{id(object())}")
        return Answer(200, self.tokens[-1])

    def listed(self, since: int, after: tuple[int, str], size: int) -> list[Row]:
        """By time and ref, from a time on, behind a place in that order."""
        found = sorted(self.rows, key=lambda row: (row.at, row.ref))
        return [row for row in found if row.at >= since and (row.at, row.ref) > after][:size]

    def write(self, ref: str, body: Body, key: str, version: int) -> Answer:
        if key in self.done:
            return self.done[key]
        now = next((row for row in self.rows if row.ref == ref), None)
        if ref in self.opened:
            return Answer(423)
        if version and (now is None or now.version != version):
            return Answer(412)
        self.done[key] = Answer(200, self.put(ref, body, self.newest + 10))
        return self.done[key]


class ErpSettings(ConnectorSettings):
    connector: Literal["erp"] = "erp"
    password: SecretStr
    page: int = 3


class ErpConnector:
    """An honest connector, in the way of one that speaks HTTP."""

    Settings = ErpSettings

    def __init__(self, settings: ErpSettings, place: Place) -> None:
        self.settings, self.place = settings, place
        self.traits = Traits(checks_versions=True, resumes=True, commits_within=60.0)
        self.erp: Erp
        self.token = ""
        self.free_at: datetime | None = None
        self.stopped = False

    @classmethod
    def over(cls, erp: Erp, page: int) -> "ErpConnector":
        settings = ErpSettings(password=SecretStr(erp.password), page=page)
        made = cls(settings, Place("test", Path(), None, lambda: NOW))
        made.erp = erp
        return made

    async def check(self) -> None:
        await self.login()

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        from_, reached = self.overlap(since), int(since or 0)
        after = (0, "")
        while True:
            rows = await self.listed(from_, after)
            if not rows:
                break
            reached = max(reached, *(row.at for row in rows))
            after = self.place_of(rows[-1])
            yield Page(tuple(map(self.record, rows)), Cursor(str(rows[-1].at)))
        yield Page((), Cursor(str(reached)), complete=True)

    def overlap(self, since: Cursor | None) -> int:
        return int(since or 0) - LATE

    def place_of(self, row: Row) -> tuple[int, str]:
        return row.at, row.ref

    async def listed(self, since: int, after: tuple[int, str]) -> list[Row]:
        found = await self.call("GET", "orders", since=since, after=after, size=self.settings.page)
        rows: list[Row] = self.usable(found).body
        return rows

    def record(self, row: Row) -> Record:
        return Record(row.body, row.ref, str(row.version))

    async def commit(self, cursor: Cursor) -> None:
        """The cursor comes back."""

    async def reread(self, records: Sequence[Record]) -> Sequence[Record | None]:
        return [await self.one(record.ref or "") for record in records]

    async def fetch(self, refs: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        found = {ref: await self.one(ref) for ref in refs}
        return {ref: (record,) for ref, record in found.items() if record}

    async def one(self, ref: str) -> Record | None:
        answer = await self.call("GET", f"orders/{ref}")
        return None if answer.status == 404 else self.record(self.usable(answer).body)

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        answers: list[Receipt | Refusal] = []
        for number, write in enumerate(writes):
            try:
                answers.append(await self.written(write))
            except RetryableError as error:
                left = RetryableError("not tried", retry_after=error.retry_after)
                return [*answers, error, *[left for _ in writes[number + 1 :]]]
        return answers

    async def written(self, write: Write) -> Receipt | Refusal:
        if write.body is None:
            return RecordError("undeletable", "this customer takes no deletions.")
        body = {**write.body, **orjson.loads(write.extra or b"{}")}
        version = int(write.replaces.version or 0) if write.replaces else 0
        sent = {"body": body, "key": write.key, "version": version}
        answer = await self.call("PUT", f"orders/{write.ref}", writes=True, **sent)
        return self.answered(answer, write)

    def answered(self, answer: Answer, write: Write) -> Receipt | Refusal:
        if answer.status == 412:
            return StaleWriteError(f"order {write.ref} was changed since it was read.")
        if answer.status == 423:
            return BusyError(f"order {write.ref} is open there.")
        row: Row = self.usable(answer).body
        return Receipt(row.ref, str(row.version), row.body)

    async def probe(self, writes: Sequence[Write]) -> Sequence[Receipt | None]:
        return [await self.probed(write) for write in writes]

    async def probed(self, write: Write) -> Receipt | None:
        """Its record is there, and holds what was written."""
        now = await self.one(write.ref or "")
        if now is None or now.body != write.body:
            return None
        return Receipt(now.ref or "", now.version, now.body)

    async def aclose(self) -> None:
        """Nothing is open."""

    # -- pace -------------------------------------------------------------------------------------

    def pace(self) -> Mapping[str, Any]:
        left = (self.free_at - self.place.now()).total_seconds() if self.free_at else 0.0
        return {"pause": max(0.0, left)}

    def resume_pace(self, kept: Mapping[str, Any], elapsed: float) -> None:
        self.free_at = self.place.now() + timedelta(seconds=kept["pause"] - elapsed)

    def force(self, operation: str, word: str) -> None:
        self.stopped = word == "open"

    # -- calls -------------------------------------------------------------------------------

    async def call(self, method: str, path: str, *, writes: bool = False, **sent: Any) -> Answer:
        """One answer, logged in once more where the login has run out."""
        if not self.token:
            await self.login()
        answer = await self.sent(method, path, writes=writes, **sent)
        if answer.status == 401:
            await self.login()
            answer = await self.sent(method, path, writes=writes, **sent)
        return answer

    async def login(self) -> None:
        password = self.settings.password.get_secret_value()
        answer = await self.sent("LOGIN", "login", password=password)
        if answer.status == 403:
            raise ConfigError("the password is not accepted; mend customer.password.")
        self.token = self.usable(answer).body

    async def sent(self, method: str, path: str, *, writes: bool = False, **sent: Any) -> Answer:
        self.wait()
        try:
            answer = await self.erp.request(method, path, self.token, **sent)
        except RefusedError:
            raise RetryableError("the system is away.") from None
        except CutError:
            kind = UnknownOutcomeError if writes else RetryableError
            raise kind("the connection was cut before the answer.") from None
        if answer.status == 429:
            self.free_at = self.place.now() + timedelta(seconds=answer.retry_after)
            self.wait()
        return answer

    def wait(self) -> None:
        if self.stopped:
            raise RetryableError("an operator has stopped all calls.")
        if self.free_at is not None and self.place.now() < self.free_at:
            left = self.free_at - self.place.now()
            raise RetryableError("the system asks us to wait.", retry_after=left)

    def usable(self, answer: Answer) -> Answer:
        if answer.status >= 400:
            raise RetryableError(f"the system answered {answer.status}.")
        return answer


class ErpContract(ConnectorContract):
    connector: type[ErpConnector] = ErpConnector
    page = 3

    @asynccontextmanager
    async def rig(self) -> AsyncIterator[Rig]:
        erp = Erp()
        yield Rig(self.connect(erp), erp, restart=lambda: self.connect(erp))

    def connect(self, erp: Erp) -> ErpConnector:
        return self.connector.over(erp, self.page)

    def body(self, n: int, text: str = "Check the pump") -> Body:
        return {"orderNo": n, "summary": text}
