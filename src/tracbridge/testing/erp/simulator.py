"""What all simulated systems share: requests, faults, pages, and the people who work there."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from msgspec.structs import replace

from tracbridge.testing.erp.clock import Clock
from tracbridge.testing.erp.control import PREFIX, control
from tracbridge.testing.erp.delivery import Send, Sleep, deliver, hang_up, spoiled
from tracbridge.testing.erp.faults import Faults
from tracbridge.testing.erp.paging import Query, View, pick
from tracbridge.testing.erp.requests import Requests
from tracbridge.testing.erp.store import Row, Store
from tracbridge.testing.erp.wire import Answer, Asked, Deed, DroppedError, RefusedError, received


class Simulator(ABC):
    """A customer's system, as an ASGI app. Methods without an underscore are its people.

    Every time is the ``clock``'s. ``before`` is called with each request that is let in, before it
    is done: for people who are a moment quicker.
    """

    SYSTEM: ClassVar[str]
    KEY: ClassVar[str]
    """The field that people name a record by."""
    TITLE: ClassVar[str]
    TEXT: ClassVar[str]
    NUMBER: ClassVar[str]
    """Where TracOS's number is kept."""
    MARK: ClassVar[str]
    """The field of the time of change."""
    BORN: ClassVar[str] = ""
    """A field whose values ascend as records are made; "" where there is none."""
    PERSON: ClassVar[str]
    """Who works here, where nobody is named."""
    SERVICE: ClassVar[str]
    """The user that requests come from."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        faults: Faults | None = None,
        sleep: Sleep | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.faults = faults or Faults()
        self.store = Store()
        self.requests = Requests()
        self.failed_logins = 0
        self.before: Callable[[Deed], None] | None = None
        self._sleep = sleep or asyncio.sleep
        self._control = control(self)
        self._doing = Deed(operation="", writes=False, run=Answer)
        self._overdue: list[tuple[datetime, Callable[[], Answer]]] = []
        self._last_page: list[Row] = []

    # --- what each system says for itself

    @abstractmethod
    def _route(self, asked: Asked) -> Deed:
        """What is wanted; raises `RefusedError`."""

    @abstractmethod
    def _let_in(self, asked: Asked) -> None:
        """Raise `RefusedError` for who may not."""

    @abstractmethod
    def _refusal(self, status: int, words: str = "") -> RefusedError:
        """An error of that status in the system's own form."""

    @abstractmethod
    def _value(self, row: Row, field: str) -> Any:
        """A field, comparable."""

    @abstractmethod
    def _locked(self, row: Row, user: str) -> RefusedError:
        """The error for a record that a user has open."""

    @abstractmethod
    def _foreign(self) -> dict[str, Any]:
        """A record of another company."""

    @abstractmethod
    def create(self, **fields: Any) -> str:
        """Make a record; returns its key."""

    @abstractmethod
    def edit(self, key: str, **fields: Any) -> None:
        """Change fields, as in the system's own screens."""

    @abstractmethod
    def set_status(self, key: str, status: Any) -> None:
        """Put it into one of the system's own states, as far as people may."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete it the way that this system has."""

    @abstractmethod
    def archive(self, key: str) -> None:
        """Put it away the way that this system has."""

    @abstractmethod
    def reopen(self, key: str) -> None:
        """Take back its completion."""

    @abstractmethod
    def comment(self, key: str, text: str) -> str:
        """Add a comment; returns its id."""

    @abstractmethod
    def comments(self, key: str) -> list[dict[str, Any]]:
        """Its comments, oldest first."""

    @abstractmethod
    def _whole(self, row: Row) -> dict[str, Any]:
        """The record as the API shows it, whole."""

    @abstractmethod
    def _way(self, key: str, word: str) -> Iterable[Any]:
        """States one after the other that end in what TracOS calls ``word``."""

    @abstractmethod
    def _sample(self, number: int) -> dict[str, Any]:
        """Fields of the record that is planted as the how-manieth."""

    # --- people

    def plant(self, count: int, **fields: Any) -> list[str]:
        """Make so many records, each a little different; returns their keys."""
        start = len(self.store)
        return [self.create(**self._sample(start + n), **fields) for n in range(count)]

    def record(self, key: str) -> dict[str, Any]:
        """How it looks now over the API, whole; raises `KeyError`."""
        self.settle()
        row = self.store.get(key)
        if row is None:
            raise KeyError(key)
        return self._whole(row)

    def records(self) -> list[dict[str, Any]]:
        """All, oldest first."""
        self.settle()
        return [self._whole(row) for row in self.store]

    def move(self, key: str, word: str) -> None:
        """Bring it into a state by TracOS's word: pending, in_progress, on_hold, completed or
        cancelled.
        """
        for status in self._way(key, word):
            self.set_status(key, status)

    def lock(self, key: str, user: str = "") -> None:
        """Somebody opens it for editing."""
        self.faults.locked = {**self.faults.locked, key: user or self.PERSON}

    def unlock(self, key: str) -> None:
        """Nobody has it open any more."""
        self.faults.locked = {k: user for k, user in self.faults.locked.items() if k != key}

    # --- time

    def now(self) -> datetime:
        """What the server's clock shows."""
        return self.clock.now() + timedelta(seconds=self.faults.skew)

    def _stamp(self) -> datetime:
        return self.clock.stamp() + timedelta(seconds=self.faults.skew)

    def settle(self) -> None:
        """Do what was put off by `slow_commit` and whose time has come."""
        due = [run for at, run in self._overdue if at <= self.clock.now()]
        self._overdue = [one for one in self._overdue if one[0] > self.clock.now()]
        for run in due:
            with contextlib.suppress(RefusedError):
                run()

    # --- requests

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        """Answer a request, or what the faults make of that."""
        if scope["type"] != "http":
            return
        if scope["path"].startswith(PREFIX):
            await self._control(scope, receive, send)
            return
        try:
            asked = await received(scope, receive)
        except DroppedError:
            return
        if self.faults.latency:
            await self._sleep(self.faults.latency)
        reply = self.answer(asked)
        if reply is None:
            hang_up(send)
            await asyncio.sleep(0)  # the server hears of it before we return
        else:
            await deliver(reply, send, self._sleep)

    def answer(self, asked: Asked) -> Answer | None:
        """The reply; None where the connection is closed without one."""
        self.settle()
        deed, reply = None, None
        try:
            deed = self._doing = self._route(asked)
            reply = self._done(asked, deed)
        except RefusedError as refused:
            reply = refused.answer
        except DroppedError:
            pass
        self.requests.note(asked, deed, reply.status if reply else 0)
        return reply

    def _done(self, asked: Asked, deed: Deed) -> Answer:
        if self._hit("drop_request"):
            raise DroppedError
        if fault := self._hit("refuse"):
            wait = (("retry-after", fault.retry_after),) if fault.retry_after else ()
            reply = self._refusal(fault.status).answer
            return replace(reply, headers=(*reply.headers, *wait))
        if self._hit("expired"):
            return self._refusal(401).answer
        self._let_in(asked)
        if self.before:
            self.before(deed)
        if late := self._hit("slow_commit"):
            self._overdue.append((self.clock.now() + timedelta(seconds=late.by), deed.run))
            raise DroppedError
        reply = deed.run()
        if self._hit("drop_reply"):
            raise DroppedError
        return spoiled(reply, self.faults, deed, self.clock.now())

    def _hit(self, name: str) -> Any:
        return self.faults.hit(name, self._doing, self.clock.now())

    # --- what a request sees

    def _seen(self) -> Store:
        """The store, as old as the replica that is read."""
        if self.faults.stale:
            return self.store.at(self.now() - timedelta(seconds=self.faults.stale))
        return self.store

    def _view(self) -> View:
        hidden = self.faults.vanished
        return View(value=self._value, mark=self.MARK, born=self.BORN, hidden=hidden)

    def _page(self, query: Query) -> tuple[list[Row], bool]:
        """The page's rows, and whether there are more behind it."""
        if self._hit("skip_page"):
            query = replace(query, offset=query.offset + query.limit)
        rows = pick(self._seen(), query, self._view())
        more, rows = len(rows) > query.limit, rows[: query.limit]
        if self._hit("repeat_page"):
            rows = self._last_page
        self._last_page = rows
        if rows and self._hit("duplicate_rows"):
            rows = [*rows, rows[0]]
        if self._hit("reorder"):
            rows = rows[::-1]
        if self._hit("foreign_row"):
            rows = [*rows, self._foreign_row()]
        return rows, more

    def _foreign_row(self) -> Row:
        now = self.now()
        fields = self._foreign()
        return Row(
            key=str(fields[self.KEY]), fields=fields, at=now, mark=now, ordinal=-1, version=0
        )

    def _link(self, address: str) -> str:
        """The link to the next page."""
        if fault := self._hit("foreign_link"):
            return str(fault.host) + "/" + address.split("/", 3)[3]
        return address

    def _drifted(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record in the schema of today."""
        return self.faults.drift.of(record) if self.faults.drift else record

    def _open(self, row: Row, by: str) -> None:
        """Raise `RefusedError` where another user has the record open."""
        user = self.faults.locked.get(row.key)
        if user and user != by:
            raise self._locked(row, user)
