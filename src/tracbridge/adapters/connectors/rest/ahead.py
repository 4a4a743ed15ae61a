"""Pages of a listing, each asked for while the engine works on the one before."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

P = TypeVar("P")
A = TypeVar("A")


class Ahead(Generic[P, A]):
    """One page ahead of its reader. ``step``: brings the page at a position, and the next one."""

    def __init__(self, step: Callable[[A], Awaitable[tuple[P, A | None]]]) -> None:
        self._step = step
        self._coming: asyncio.Future[tuple[P, A | None]] | None = None

    async def pages(self, first: A) -> AsyncGenerator[P, None]:
        """Page by page from ``first`` on. A reader who leaves early leaves no question open."""
        try:
            at: A | None = first
            self._begin(first)
            while at is not None and self._coming is not None:
                page, at = await self._coming
                self._begin(at)
                yield page
        finally:
            await self.rest()

    def _begin(self, at: A | None) -> None:
        self._coming = None if at is None else asyncio.ensure_future(self._step(at))

    async def rest(self) -> None:
        """What is being asked for is not wanted any more."""
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.cancel()
            await asyncio.wait([coming])
            if not coming.cancelled():
                coming.exception()  # nobody wants to know it any more
