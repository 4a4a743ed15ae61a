"""What reaches a connection over HTTP: stored first, then brought to where a pass finds it.

There is no second way into TracOS: records become a file in the inbound folder, and what is only a
hint rings the bell.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final, Protocol

from msgspec import Struct

from tracbridge.domain.errors import ConfigError, RetryableError
from tracbridge.domain.workorder import Side
from tracbridge.ports.inbox import Arrival, Inbox
from tracbridge.ports.state import Passes

HELD: Final = timedelta(seconds=30)
"""For so long one request counts as being worked on; then somebody else may end its work."""

CUSTOMER: Final = frozenset({Side.CUSTOMER})


class Folder(Protocol):
    """Where records are laid."""

    async def place(self, name: str, data: bytes) -> None:
        """The file lies there, durably; raises `RetryableError`."""

    async def lies(self, name: str) -> bool:
        """Whether it still waits there; raises `RetryableError`."""


class Verdict(StrEnum):
    """What a request is to one who sent it before."""

    NEW = "new"
    SAME = "same"
    OTHER = "other"
    """Another one came under its name."""
    BUSY = "busy"
    """It is being worked on just now."""


class Received(Struct, frozen=True):
    """A request that was taken, and what it is to those before."""

    arrival: Arrival
    verdict: Verdict


class Fate(Struct, frozen=True):
    """What became of a push. ``state``: ``waiting``, ``taken`` or ``quarantined``; ``cases``: the
    open cases of its records.
    """

    id: str
    at: datetime
    kind: str
    state: str
    cases: list[str]


class Reception(Struct, frozen=True):
    """The requests of one connection. ``folder``: None where his system is asked instead."""

    inbox: Inbox
    folder: Folder | None
    passes: Passes
    ring: Callable[[Collection[Side]], None]
    now: Callable[[], datetime]

    async def pushed(self, key: str, body: bytes) -> Received:
        """A push under its idempotency key. Raises `RetryableError` where nothing was stored."""
        id_ = f"push-{sha256(key.encode()).hexdigest()[:24]}"
        return await self._take(id_, body, records=self.folder is not None)

    async def hooked(self, digest: str, event: str, body: bytes, *, records: bool) -> Received:
        """A webhook, by the digest of what was signed, and of its event; errors of `pushed`."""
        return await self._take(f"hook-{digest[:24]}", body, records=records, event=event)

    async def _take(self, id_: str, body: bytes, *, records: bool, event: str = "") -> Received:
        now, counter = self.now(), await self.passes.counter()
        digest = sha256(body).hexdigest()
        arrival = Arrival(id_, "", now, digest, body, event, records, counter)
        there = await self.inbox.put(arrival)
        if there is None:
            await self._bring(arrival)
            return Received(arrival, Verdict.NEW)
        if there.digest != digest:
            return Received(there, Verdict.OTHER)
        if there.state == "done" or await self._taken_over(there.id):
            return Received(there, Verdict.SAME)
        return Received(there, Verdict.BUSY)

    async def _taken_over(self, id_: str) -> bool:
        """Whether it could be brought to its end, since nobody else works on it."""
        now = self.now()
        arrival = await self.inbox.take_over(id_, now - HELD, now)
        if arrival is None:
            return False
        await self._bring(arrival)
        return True

    async def _bring(self, arrival: Arrival) -> None:
        """To where a pass finds it. What fails here is stored, and brought there later."""
        try:
            if arrival.records:
                await self._laid(arrival)
            self.ring(CUSTOMER)
            await self.inbox.done(arrival.id, self.now())
        except RetryableError:
            return

    async def _laid(self, arrival: Arrival) -> None:
        if self.folder is None:
            raise ConfigError(f"{arrival.id}: this connection has no inbound folder any more.")
        await self.folder.place(arrival.name, arrival.raw)

    async def finish(self) -> int:
        """Bring what was left to its end; how many. Repeatable."""
        done = 0
        for id_ in await self.inbox.unfinished(self.now() - HELD):
            done += await self._taken_over(id_)
        return done

    async def fate(self, id_: str) -> Fate | None:
        """What became of a push; None where none of that id is known (any more)."""
        arrival = await self.inbox.find(id_)
        if arrival is None or not id_.startswith("push-"):
            return None
        past = await self._past(arrival)  # first: a case is opened before the file goes away
        cases = list(await self.inbox.cases(arrival.name, arrival.at)) if arrival.records else []
        state = "quarantined" if cases else "taken" if past else "waiting"
        kind = "records" if arrival.records else "hint"
        return Fate(arrival.id, arrival.at, kind, state, cases)

    async def _past(self, arrival: Arrival) -> bool:
        """Whether a pass has taken it, or has asked his system since it came."""
        if arrival.state != "done":
            return False
        if self.folder is not None and arrival.records:
            return not await self.folder.lies(arrival.name)
        return await self.passes.completed() > arrival.counter
