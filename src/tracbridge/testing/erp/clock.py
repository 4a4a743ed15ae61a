"""A clock that tests set."""

from datetime import UTC, datetime, timedelta
from typing import Self

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""When a simulated company's day begins unless something else is said."""


class Clock:
    """Stands still but for `advance`, and for ``tick`` seconds with each change that it stamps.

    With ``tick`` 0 all changes happen in the same moment.
    """

    def __init__(self, start: datetime | None = START, tick: float = 1.0) -> None:
        self._start = start
        self._passed = timedelta()
        self._tick = timedelta(seconds=tick)

    @classmethod
    def real(cls) -> Self:
        """The machine's clock; `advance` puts it forward."""
        return cls(None, 0.0)

    def now(self) -> datetime:
        """In UTC."""
        return (self._start or datetime.now(UTC)) + self._passed

    def stamp(self) -> datetime:
        """When a change happens: now, after which the tick is over."""
        self._passed += self._tick
        return self.now()

    def advance(self, seconds: float) -> None:
        """So many seconds pass; negative ones put the clock back."""
        self._passed += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Stand at this moment from now on."""
        self._start, self._passed = moment.astimezone(UTC), timedelta()
