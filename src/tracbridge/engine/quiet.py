"""Whether a pass is needed at all: most connections have nothing to do most of the time."""

from datetime import datetime, timedelta

from tracbridge.engine.candidates import OVERLAP
from tracbridge.engine.connection import Connection
from tracbridge.engine.controls import paused
from tracbridge.ports.connector import Stamps

WHOLE = timedelta(minutes=5)
"""A whole pass takes place at least so often: it also finds what leaves no trace, such as an edit
in TracOS that moved neither ``updatedAt`` nor ``isSynced``.
"""


class Quiet:
    """A look instead of a pass, where both sides and our memory show what they showed when the last
    two passes found nothing to do.

    Leaving a pass out is as safe as taking it later: nothing is done, and nothing is remembered in
    the store.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._looked: datetime | None = None
        self._seen: tuple[str, ...] | None = None
        self._begun: datetime | None = None
        self._before: tuple[str, ...] | None = None
        self._still = False

    async def __call__(self) -> bool:
        """Whether the next pass may be left out. Raises `RetryableError` where a system is away."""
        self._looked = now = self.connection.clock.now()
        self._seen = None  # a look that fails has seen nothing
        self._seen = await self._look((self._begun or now) - OVERLAP)
        if not self._still or self._begun is None or self._seen != self._before:
            return False
        return timedelta(0) <= now - self._begun < WHOLE

    def passed(self, *, idle: bool) -> None:
        """The pass after the last look is over; ``idle``: it found nothing to do, nothing waits."""
        self._still = idle and self._seen is not None and self._seen == self._before
        self._begun, self._before = self._looked, self._seen

    async def _look(self, since: datetime) -> tuple[str, ...] | None:
        sources = (self.connection.customer, self.connection.tracos, self.connection.ledger)
        stamps = []
        for source in sources:
            stamp = await source.stamp(since) if isinstance(source, Stamps) else None
            if stamp is None:
                return None
            stamps.append(stamp)
        # Of a side that was paused nobody knows what waits there.
        waits = await paused(self.connection.passes)
        return (*stamps, " ".join(sorted(waits)))
