"""Which orders of TracOS may have to be brought to the customer."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from msgspec import Struct

from tracbridge.domain.link import Claim
from tracbridge.engine.connection import Connection
from tracbridge.engine.rhythm import Rhythm
from tracbridge.ports.connector import Record

OVERLAP = timedelta(minutes=5)
"""Read again before the last resume point: clocks differ, and late commits carry old times."""

LATELY = timedelta(seconds=30)
"""Before the last resume point all are looked at again: perhaps one step of several was made."""

ROTATION = 10_000
"""Linked orders compared in each pass, so that an edit that left ``isSynced: true`` is found too.
"""

PAGE = 1_000

LIVE = timedelta(minutes=10)
"""Where calls are few, what changed so lately goes before a backlog."""

_NO_CLAIM = Claim(0, 0)


class Portion(Struct, frozen=True):
    """A page of TracOS's documents; ``sure``: these are known to need something."""

    records: Sequence[Record]
    sure: bool


class Candidates:
    """Unsynced documents, those that changed lately, those to be told again, and a slice of all the
    others. ``rhythm``: where calls are few; then a turn's worth of them. Not ``whole``: the
    unsynced ones alone.
    """

    def __init__(
        self, connection: Connection, rhythm: Rhythm | None = None, *, whole: bool = True
    ) -> None:
        self.connection, self.rhythm, self.whole = connection, rhythm, whole
        self.started = connection.clock.now()
        self.position = ""
        self.seen = 0

    def turn_over(self) -> bool:
        """Others have waited long enough."""
        return self.rhythm is not None and self.rhythm.over(self.connection.clock.now())

    async def pages(self) -> AsyncIterator[Portion]:
        """The documents to look at, page by page."""
        pages = self._pages() if self.rhythm is None else self._in_chunks(self.rhythm)
        async for portion in pages:
            yield portion

    async def _in_chunks(self, rhythm: Rhythm) -> AsyncIterator[Portion]:
        """What changed last, then all the others, a few at a time."""
        clock = self.connection.clock
        rhythm.begin(clock.now())
        fresh = await self.connection.tracos.freshest(self.started - LIVE, rhythm.chunk)
        yield Portion(fresh, sure=True)
        shown = {record.source for record in fresh}
        async for portion in self._pages():
            left = [record for record in portion.records if record.source not in shown]
            while left:
                rhythm.took(clock.now())
                some, left = left[: rhythm.chunk], left[rhythm.chunk :]
                yield Portion(some, sure=portion.sure)

    async def _pages(self) -> AsyncIterator[Portion]:
        since = await self.connection.passes.cursor("changed") if self.whole else None
        tracos = self.connection.tracos
        async for page in tracos.read(None, _NO_CLAIM) if self.whole else tracos.news():
            self.seen += len(page.records)
            yield Portion(page.records, sure=True)
        if not self.whole:
            return
        if since:
            async for page in self.connection.tracos.changed(since - OVERLAP, since - LATELY):
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
            if not self.position or self.connection.pressing():
                return

    async def remember(self) -> None:
        """Where the next whole pass goes on; stored after everything before it is safe."""
        if not self.whole:
            return
        await self.connection.passes.keep_cursor("changed", self.started)
        await self.connection.passes.keep_cursor("rotation", self.position)
