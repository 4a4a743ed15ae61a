"""What hinted passes need not ask again: only who holds the lease changes it, and that is we.

A whole pass begins by forgetting all of it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from tracbridge.domain.link import Claim
from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Connection
from tracbridge.ports.runtime import Clock
from tracbridge.ports.state import Good, OpenCases, Passes, Quarantine, QuarantineCase

REMOVES = "removes"
"""The one resume point that is asked for in each pass; others change beside us."""


AHEAD = 63
"""So many numbers of passes are taken at once; a crash leaves some unused."""

LATELY = timedelta(seconds=10)
"""After so long between two passes none of them counts any more: a machine that slept may have lost
its turn without knowing it, and somebody else may have counted on.
"""


class KnownPasses:
    """The pass counter, whether his importer removes files, and which pass was complete.

    ``ahead``: how many numbers a hinted pass takes for those after it. Others count them as used:
    where they compare theirs with one of a pass in between, they wait for a whole pass.
    ``whole``: the present pass is none that a hint has caused.
    """

    def __init__(self, real: Passes, clock: Clock, ahead: int = 0) -> None:
        self.real, self.clock, self.ahead = real, clock, ahead
        self.whole = True
        self.forget()

    def forget(self) -> None:
        """Ask again."""
        self._counter: int | None = None
        self._removes: Any = None
        # Should it be told to nobody, some things count as unfinished for a pass longer.
        self._complete = self._known = 0
        self._begun: datetime | None = None
        self._left = 0

    async def begin(self, complete: int = 0, ahead: int = 0) -> Claim:
        before, self._begun = self._begun, self.clock.now()
        self._complete = max(self._complete, complete)
        lately = before is not None and abs(self._begun - before) <= LATELY
        if self._left and self._counter is not None and lately and not ahead:
            self._left -= 1
            self._counter += 1
            return Claim(self._counter, max(self._known, self._complete))
        mine = 0 if self.whole or ahead else self.ahead
        claim = await self.real.begin(self._complete, mine + ahead)
        self._counter, self._known, self._complete = claim.pass_, claim.complete, 0
        self._left = mine
        return claim

    async def counter(self) -> int:
        if self._counter is None:
            self._counter = await self.real.counter()
        return self._counter

    async def completed(self) -> int:
        return max(await self.real.completed(), self._complete)

    async def complete(self, pass_: int) -> None:
        """Of a hinted pass on record with the next one that begins, or by `settle`."""
        self._complete = max(self._complete, pass_)
        if self.whole:
            await self.settle()

    async def settle(self) -> None:
        """Put on record what waits for it."""
        if self._complete:
            await self.real.complete(self._complete)
            self._known, self._complete = self._complete, 0

    async def cursor(self, name: str) -> Any:
        if name != REMOVES:
            return await self.real.cursor(name)
        if self._removes is None:
            self._removes = await self.real.cursor(name) or False
        return self._removes

    async def keep_cursor(self, name: str, value: Any) -> None:
        await self.real.keep_cursor(name, value)
        if name == REMOVES:
            self._removes = value


class KnownQuarantine:
    """Whether cases are open. That none is, stays so until we open one; where some are, a person
    may end them at any time.
    """

    def __init__(self, real: Quarantine, cases: OpenCases) -> None:
        self.real, self._cases = real, cases
        self._none: set[Side | None] = set()

    def forget(self) -> None:
        """Ask again."""
        self._none.clear()

    async def waiting(self, side: Side | None = None) -> int:
        if side in self._none:
            return 0
        count = await self.real.waiting(side)
        if not count:
            self._none.add(side)
        return count

    async def put(self, cases: Sequence[QuarantineCase]) -> None:
        self.forget()
        await self.real.put(cases)

    async def known(self, ids: Sequence[str]) -> set[str]:
        return await self.real.known(ids)

    async def settle(self, good: Good, side: Side, at: datetime) -> int:
        return await self.real.settle(good, side, at)

    async def open_of(self, codes: Collection[str], side: Side) -> list[QuarantineCase]:
        return await self._cases.open_of(codes, side)

    async def move(self, id_: str, state: str, at: datetime) -> bool:
        return await self._cases.move(id_, state, at)


def knowing(connection: Connection) -> Connection:
    """The connection with a memory for what it was told, for as long as one process works on it."""
    quarantine = connection.quarantine
    if isinstance(quarantine, OpenCases):
        quarantine = KnownQuarantine(connection.quarantine, quarantine)
    # Of a system that keeps no backlog itself others may ask whether it was read since.
    ahead = 0 if connection.customer.traits.resumes else AHEAD
    passes = KnownPasses(connection.passes, connection.clock, ahead)
    return replace(connection, passes=passes, quarantine=quarantine)


def recall(connection: Connection, *, whole: bool) -> None:
    """A pass begins. Before a whole one nothing is known: somebody else may have been at work."""
    for one in (connection.passes, connection.quarantine):
        if whole and isinstance(one, KnownPasses | KnownQuarantine):
            one.forget()
    if isinstance(connection.passes, KnownPasses):
        connection.passes.whole = whole


async def settle(connection: Connection) -> None:
    """Put on record what a pass left for the next one to say."""
    if isinstance(connection.passes, KnownPasses):
        await connection.passes.settle()
