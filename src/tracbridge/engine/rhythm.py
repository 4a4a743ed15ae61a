"""How long orders are sent to a system of which calls are few, before others have their turn."""

from datetime import datetime, timedelta

from msgspec import Struct

TURN = timedelta(seconds=0.5)
"""So long a turn lasts; then what changed lately on TracOS's side goes first again."""

LOOK = timedelta(seconds=2)
"""So often his system is asked for news meanwhile."""

LEAST, MOST = 5, 1_000
"""Orders looked at together: about as many as fit into half a turn."""


class Rhythm(Struct):
    """Of one pass. ``chunk``: orders looked at together; ``looked``: when he was last read."""

    chunk: int = LEAST
    looked: datetime | None = None
    begun: datetime | None = None
    _since: datetime | None = None

    def begin(self, now: datetime) -> None:
        """A turn begins."""
        self.begun, self._since = now, None

    def over(self, now: datetime) -> bool:
        """The turn is over."""
        return self.begun is not None and now - self.begun >= TURN

    def took(self, now: datetime) -> None:
        """A chunk is done: the next one is to take half a turn."""
        if self._since is not None and now > self._since:
            fits = int(self.chunk * (TURN / 2) / (now - self._since))
            self.chunk = max(LEAST, min(MOST, fits, 2 * self.chunk))
        elif self._since is not None:
            self.chunk = min(MOST, 2 * self.chunk)
        self._since = now

    def due(self, now: datetime) -> bool:
        """His side is to be read; notes that it is."""
        if self.looked is not None and now - self.looked < LOOK:
            return False
        self.looked = now
        return True
