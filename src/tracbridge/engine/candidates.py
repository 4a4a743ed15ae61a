"""Which orders of TracOS may have to be brought to the customer."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from msgspec import Struct

from tracbridge.domain.link import Claim
from tracbridge.engine.connection import Connection
from tracbridge.ports.connector import Paced, Record

OVERLAP = timedelta(minutes=5)
"""Read again before the last resume point: clocks differ, and late commits carry old times."""

ROTATION = 10_000
"""Linked orders compared in each pass, so that an edit that left ``isSynced: true`` is found too.
"""

PAGE = 1_000

CHUNK = 50
"""Orders looked at together where calls are few; `TURN`: for how long, before what is new on both
sides is looked at again; `LIVE`: what changed so lately goes before a backlog.
"""

TURN = timedelta(seconds=2)
LIVE = timedelta(minutes=10)

_NO_CLAIM = Claim(0, 0)


class Portion(Struct, frozen=True):
    """A page of TracOS's documents; ``sure``: these are known to need something."""

    records: Sequence[Record]
    sure: bool


class Candidates:
    """Unsynced documents, those that changed lately, those to be told again, and a slice of all the
    others.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.started = connection.clock.now()
        self.position = ""
        self.seen = 0
        self.paced = isinstance(connection.customer, Paced)

    def turn_over(self) -> bool:
        """Others have waited long enough."""
        return self.paced and self.connection.clock.now() - self.started >= TURN

    async def pages(self) -> AsyncIterator[Portion]:
        """The documents to look at, page by page."""
        if not self.paced:
            async for portion in self._pages():
                yield portion
            return
        fresh = await self.connection.tracos.freshest(self.started - LIVE, CHUNK)
        yield Portion(fresh, sure=True)
        async for portion in self._pages():
            for start in range(0, len(portion.records), CHUNK):
                yield Portion(portion.records[start : start + CHUNK], sure=portion.sure)

    async def _pages(self) -> AsyncIterator[Portion]:
        since = await self.connection.passes.cursor("changed")
        async for page in self.connection.tracos.read(None, _NO_CLAIM):
            self.seen += len(page.records)
            yield Portion(page.records, sure=True)
        if since:
            async for page in self.connection.tracos.changed(since - OVERLAP):
                yield Portion(page.records, sure=False)
        async for refs in self.connection.ledger.repushes():
            yield Portion(await self._documents(refs), sure=True)
        async for refs in self._rotation():
            yield Portion(await self._documents(refs), sure=False)

    async def _documents(self, refs: Sequence[str]) -> list[Record]:
        found = await self.connection.tracos.fetch(refs)
        return [record for records in found.values() for record in records]

    async def _rotation(self) -> AsyncIterator[list[str]]:
        passes, ledger = self.connection.passes, self.connection.ledger
        self.position = await passes.cursor("rotation") or ""
        # A pass that had much to do looks at one page more; an idle one at ten.
        for _ in range(max(1, (ROTATION - self.seen) // PAGE)):
            # What this pass has given out; a time still to come is one of a clock that jumped back.
            lately = (self.started, self.connection.clock.now())
            refs, self.position = await ledger.rotation(self.position, PAGE, lately)
            if refs:
                yield refs
            if not self.position:
                return

    async def remember(self) -> None:
        """Where the next pass goes on; stored after everything before it is safe."""
        await self.connection.passes.keep_cursor("changed", self.started)
        await self.connection.passes.keep_cursor("rotation", self.position)
