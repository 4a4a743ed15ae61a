"""From claimed files to pages of records, one portion ahead of the engine."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from tracbridge.adapters.connectors.folder.inbox import Batch, Inbox, batches
from tracbridge.adapters.connectors.folder.records import in_order
from tracbridge.domain.link import Claim
from tracbridge.ports.connector import Cursor, Page, Record

PAGE_RECORDS = 1_000
SEPARATOR = "\0"
"""Between the paths in a cursor: the one character that no path can hold (besides "/")."""


def reading(inbox: Inbox, claim: Claim) -> Iterator[Page]:
    """What earlier passes left, then what lies in the folder, oldest first; last an empty page."""
    for left in inbox.leftovers():
        yield from pages(left)
    waiting, whole, last = 0, False, None
    while not whole:
        # Files that stay where they are must not hide the newer ones.
        files_now, whole, odd = inbox.listing(last)
        last = files_now[-1] if files_now else last
        yield from pages(odd)
        for some in batches(files_now):
            batch = inbox.take(some, claim)
            waiting += batch.waiting + batch.missed
            yield from pages(batch)
    yield Page((), Cursor(""), complete=True, waiting=waiting)


def pages(batch: Batch) -> Iterator[Page]:
    """The batch's records in bounded pages; only the last one finishes the files."""
    records, notes = in_order(batch.records), tuple(batch.notes)
    rest: list[Record] = records
    while len(rest) > PAGE_RECORDS:
        yield Page(tuple(rest[:PAGE_RECORDS]), Cursor(""))
        rest = rest[PAGE_RECORDS:]
    if batch.taken or notes:
        yield Page(tuple(rest), Cursor(SEPARATOR.join(batch.taken)), notes=notes)


class Ahead:
    """The pages of a source, each made in a thread while the engine works on the one before."""

    def __init__(self, source: Iterator[Page]) -> None:
        self._source = source
        self._coming: asyncio.Future[Page | None] | None = None

    async def pages(self) -> AsyncIterator[Page]:
        """Page by page; whoever leaves early calls `rest` before he lets go of the folder."""
        while (page := await self._next()) is not None:
            yield page

    async def _next(self) -> Page | None:
        """The page that is being made, while the next one is begun."""
        page = await asyncio.shield(self._coming or self._begun())
        self._coming = None if page is None else self._begun()
        return page

    def _begun(self) -> asyncio.Future[Page | None]:
        self._coming = asyncio.ensure_future(asyncio.to_thread(next, self._source, None))
        return self._coming

    async def rest(self) -> None:
        """Wait until nothing is read any more: what a thread has begun nobody can break off."""
        if self._coming is not None:
            await asyncio.wait([self._coming])
            if not self._coming.cancelled():
                self._coming.exception()
