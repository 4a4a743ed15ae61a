"""A token bucket: so many calls a second to one target, whoever makes them.

Live calls go before those of a backfill, which still gets its share; inside a lane, who came first
goes first. It has no clock: ``now`` is the caller's, in seconds that never go back.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import chain
from typing import Any


class Lane(StrEnum):
    """How urgent a call is."""

    LIVE = "live"
    BACKFILL = "backfill"


SHARE = 4
"""Live calls for each call of a backfill, while both wait."""

SHORTEST = 0.001
"""Seconds: nobody is told to wait for less, so that each wait moves the clock."""

_ALMOST = 1e-9


class Bucket:
    """``rate`` calls a second, and up to ``burst`` at once after a rest."""

    def __init__(self, rate: float, burst: int, now: float = 0.0) -> None:
        self.rate, self.burst = rate, burst
        self.held = now
        self._tokens, self._stamp = float(burst), now
        self._waiting: dict[Lane, dict[int, None]] = {lane: {} for lane in Lane}
        self._numbers = 0
        self._streak = 0

    def limit(self, rate: float, burst: int, now: float) -> None:
        """Other limits from now on."""
        self._refill(now)
        self.rate, self.burst = rate, burst
        self._tokens = min(self._tokens, float(burst))

    def join(self, lane: Lane) -> int:
        """Stand in line; the number is for `take` and `leave`."""
        self._numbers += 1
        self._waiting[lane][self._numbers] = None
        return self._numbers

    def leave(self, number: int) -> None:
        """Wait no longer; a number that has been served is no error."""
        for line in self._waiting.values():
            line.pop(number, None)

    def take(self, number: int, now: float) -> float:
        """0: go now, and stand in line no more. Else the seconds after which to ask again."""
        self._refill(now)
        place = next(i for i, one in enumerate(self._order()) if one == number)
        missing = place + 1 - self._tokens
        if now >= self.held and missing <= _ALMOST:
            self._tokens -= 1
            self._serve(number)
            return 0.0
        return max(max(self.held - now, 0.0) + max(missing, 0.0) / self.rate, SHORTEST)

    def hold(self, until: float) -> None:
        """Nobody goes before then, and after it not all at once."""
        self.held = max(self.held, until)
        self._tokens = min(self._tokens, 1.0)

    def describe(self, now: float) -> dict[str, Any]:
        """What to show and to keep; ``paused``: seconds in which nobody goes."""
        return {
            "calls_per_second": self.rate,
            "burst": self.burst,
            "paused": max(0.0, self.held - now),
            "waiting": {str(lane): len(line) for lane, line in self._waiting.items()},
        }

    def restore(self, kept: Mapping[str, Any], now: float, elapsed: float = 0.0) -> None:
        """Keep a pause that was described ``elapsed`` seconds ago."""
        left = float(kept.get("paused", 0.0)) - elapsed
        if left > 0:
            self.hold(now + left)

    def _refill(self, now: float) -> None:
        since = max(self._stamp, self.held)
        if now > since:
            self._tokens = min(float(self.burst), self._tokens + (now - since) * self.rate)
        self._stamp = max(self._stamp, now)

    def _serve(self, number: int) -> None:
        backfill = self._waiting[Lane.BACKFILL]
        if number in backfill:
            self._streak = 0
        elif backfill:
            self._streak += 1
        self.leave(number)

    def _order(self) -> Iterator[int]:
        """Who goes after whom, if nobody else comes."""
        live, backfill = (list(reversed(line)) for line in self._waiting.values())
        streak = self._streak
        while live and backfill:
            late = streak >= SHARE
            streak = 0 if late else streak + 1
            yield (backfill if late else live).pop()
        yield from chain(reversed(live), reversed(backfill))
