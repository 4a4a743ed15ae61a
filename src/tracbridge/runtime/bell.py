"""What wakes the worker of a connection before its time: a hint that something may have happened,
or somebody who wants a whole pass.

A hint is never data. It says on which side to look; the pass finds out what there is.
"""

import asyncio
from collections.abc import Collection

from tracbridge.domain.workorder import Side
from tracbridge.runtime.runner import Stop

BOTH = frozenset(Side)


class Bell:
    """Of one connection. What rings while its worker works counts for its next pass, once."""

    def __init__(self) -> None:
        self._sides: frozenset[Side] = frozenset()
        self._whole = False
        self._rung = asyncio.Event()

    def ring(self, sides: Collection[Side] = ()) -> None:
        """Something may have happened on this side. None or both: a whole pass is wanted. May be
        called as often as anybody likes.
        """
        self._sides |= frozenset(sides)
        self._whole |= len(set(sides)) != 1
        self._rung.set()

    @property
    def rung(self) -> bool:
        """Whether it rang since it was asked for the sides."""
        return self._rung.is_set()

    def heard(self) -> frozenset[Side] | None:
        """The sides that rang since it was asked last; None where a whole pass is wanted."""
        sides, self._sides = self._sides, frozenset()
        whole, self._whole = self._whole, False
        self._rung.clear()
        return None if whole else sides

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
