"""From claimed files to pages of records, one portion ahead of the engine."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from tracbridge.adapters.connectors.folder.inbox import Batch, Inbox, batches, listing
from tracbridge.domain.link import Claim
from tracbridge.ports.connector import Cursor, Page, Record

PAGE_RECORDS = 1_000
SEPARATOR = "\0"
"""Between the paths in a cursor: the one character that no path can hold (besides "/")."""


def reading(inbox: Inbox, claim: Claim) -> Iterator[Page]:
    """What earlier passes left, then what lies in the folder, oldest first; then one page that ends it."""
    waiting = 0
    for left in inbox.leftovers():
        yield from pages(left)
    whole = False
    while not whole:
        files_now, whole = listing(inbox.settings.inbound)
        taken = waiting = 0
        for some in batches(files_now):
            batch = inbox.take(some, claim)
            taken += len(batch.taken)
            waiting += batch.waiting + batch.missed
            yield from pages(batch)
        whole = whole or not taken
    yield Page((), Cursor(""), complete=True, waiting=waiting)


def pages(batch: Batch) -> Iterator[Page]:
    """The batch's records in bounded pages; only the last one finishes the files."""
    records, notes = batch.records, tuple(batch.notes)
    rest: list[Record] = records
    while len(rest) > PAGE_RECORDS:
        yield Page(tuple(rest[:PAGE_RECORDS]), Cursor(""))
        rest = rest[PAGE_RECORDS:]
    if batch.taken or notes:
        yield Page(tuple(rest), Cursor(SEPARATOR.join(batch.taken)), notes=notes)


async def ahead(source: Iterator[Page]) -> AsyncIterator[Page]:
    """The pages of ``source``, each made in a thread while the engine works on the one before."""
    coming = asyncio.create_task(asyncio.to_thread(next, source, None))
    try:
        while (page := await coming) is not None:
            coming = asyncio.create_task(asyncio.to_thread(next, source, None))
            yield page
    finally:
        await asyncio.wait([coming])
