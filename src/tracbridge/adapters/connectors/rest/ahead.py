"""Pages of a listing, asked for while the engine works on those before."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from tracbridge.ports.connector import Page

A = TypeVar("A")

MANY = 1_000
"""Records that wait for the reader; then nothing more is asked for until he has taken them."""


class Ahead(Generic[A]):
    """Ahead of its reader by so many records. ``step``: brings the page at a position, and the
    position of the next one.
    """

    def __init__(self, step: Callable[[A], Awaitable[tuple[Page, A | None]]]) -> None:
        self._step = step
        self._waiting: list[Page] = []
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._coming: asyncio.Task[None] | None = None

    async def pages(self, first: A) -> AsyncGenerator[Page, None]:
        """From ``first`` on, all that have come meanwhile as one page: a reader who is slower than
        the line has fewer of them to settle. An error comes after the pages before it. A reader who
        leaves early leaves no question open.
        """
        coming = self._coming = asyncio.ensure_future(self._ask(first))
        try:
            while self._waiting or not coming.done():
                await self._news.wait()
                self._news.clear()
                some, self._waiting = self._waiting, []
                self._room.set()
                if some:
                    yield joined(some)
            if not coming.cancelled():
                await coming
        finally:
            await self.rest()

    async def _ask(self, first: A) -> None:
        at: A | None = first
        try:
            while at is not None:
                page, at = await self._step(at)
                self._waiting.append(page)
                self._news.set()
                while sum(len(one.records) for one in self._waiting) >= MANY:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._news.set()

    async def rest(self) -> None:
        """What is being asked for is not wanted any more."""
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.cancel()
            await asyncio.wait([coming])
            if not coming.cancelled():
                coming.exception()  # nobody wants to know it any more


def joined(pages: Sequence[Page]) -> Page:
    """Pages that follow on each other, as one."""
    if len(pages) == 1:
        return pages[0]
    return Page(
        tuple(record for page in pages for record in page.records),
        pages[-1].cursor,
        complete=pages[-1].complete,
        waiting=sum(page.waiting for page in pages),
        notes=tuple(note for page in pages for note in page.notes),
    )
