"""What wakes the worker of a connection before its time: a hint that something may have happened,
or somebody who wants a whole pass.

A hint is never data. It says on which side to look; the pass finds out what there is.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress

from tracbridge.domain.workorder import Side
from tracbridge.runtime.runner import Stop

BOTH = frozenset(Side)


class Bell:
    """Of one connection. What rings while its worker works counts for its next pass, once."""

    def __init__(self) -> None:
        self._sides: frozenset[Side] = frozenset()
        self._whole = False
        self._rung, self._heard = asyncio.Event(), asyncio.Event()
        self._heard.set()

    def ring(self, sides: Collection[Side] = ()) -> None:
        """Something may have happened on this side. None or both: a whole pass is wanted. May be
        called as often as anybody likes.
        """
        self._sides |= frozenset(sides)
        self._whole |= len(set(sides)) != 1
        self._rung.set()
        self._heard.clear()

    @property
    def rung(self) -> bool:
        """Whether it rang since it was asked for the sides."""
        return self._rung.is_set()

    def heard(self) -> frozenset[Side] | None:
        """The sides that rang since it was asked last; None where a whole pass is wanted."""
        sides, self._sides = self._sides, frozenset()
        whole, self._whole = self._whole, False
        self._rung.clear()
        self._heard.set()
        return None if whole else sides

    async def answered(self, seconds: float) -> None:
        """Until nobody has to be told that it rang, or until then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._heard.wait()

    async def rest(self, seconds: float, stop: Stop) -> None:
        """Until it rings, until then, or until somebody asks to stop."""
        if self._rung.is_set() or stop.asked:
            return
        waits = [asyncio.ensure_future(one.wait()) for one in (self._rung, stop.event)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def silent(self, seconds: float, stop: Stop) -> bool:
        """Whether it does not ring until then, or until somebody asks to stop."""
        await self.rest(seconds, stop)
        return not self.rung
