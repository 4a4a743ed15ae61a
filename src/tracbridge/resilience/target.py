"""What the connections of one process to one target share: a budget of calls, and a pause that the
target asked for. A target is a host and a login there.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from tracbridge.resilience.backoff import Backoff
from tracbridge.resilience.breaker import Limits
from tracbridge.resilience.bucket import Bucket

THROTTLED = Backoff(delay=1.0, longest=300.0, spread=0.5, honoured=86_400.0)
"""Pauses after "too many requests": at least what was asked for, up to a day."""


class PaceSettings(Struct, frozen=True):
    """``calls_per_second`` with ``burst`` of them at once. ``patience``: seconds that a call waits
    for its turn before it is put off.
    """

    calls_per_second: float = 10.0
    burst: int = 10
    patience: float = 30.0
    breaker: Limits = Limits()


class Target:
    """One target. ``bucket``: the calls of all connections to it."""

    def __init__(self, settings: PaceSettings, now: float) -> None:
        self.bucket = Bucket(settings.calls_per_second, settings.burst, now)
        self._throttles = 0
        self._limits: dict[str, tuple[float, int]] = {}

    def join(self, connection: str, settings: PaceSettings, now: float) -> None:
        """One more connection, or the same with other settings: the narrowest limits count."""
        self._limits[connection] = (settings.calls_per_second, settings.burst)
        self._adjust(now)

    def leave(self, connection: str, now: float) -> None:
        """A connection that calls somebody else from now on."""
        self._limits.pop(connection, None)
        self._adjust(now)

    def answered(self, now: float) -> None:
        """It took a call: the next "too many requests" is the first of its row."""
        if now >= self.bucket.held:
            self._throttles = 0

    def throttled(self, now: float, chance: float, asked: float = 0.0) -> None:
        """It wants fewer calls, after a pause of ``asked`` seconds if it said so.

        Answers to calls that were on their way before the pause make it no longer than they ask.
        """
        if now < self.bucket.held:
            self.bucket.hold(now + min(asked, THROTTLED.honoured))
            return
        self.bucket.hold(now + THROTTLED.pause(self._throttles, chance, asked))
        self._throttles += 1

    def describe(self, now: float) -> dict[str, Any]:
        """What to show and to keep."""
        return {**self.bucket.describe(now), "throttles": self._throttles}

    def restore(self, kept: Mapping[str, Any], now: float, elapsed: float = 0.0) -> None:
        """Go on as described ``elapsed`` seconds ago."""
        self._throttles = int(kept.get("throttles", 0))
        self.bucket.restore(kept, now, elapsed)

    def _adjust(self, now: float) -> None:
        if self._limits:
            rates, bursts = zip(*self._limits.values(), strict=True)
            self.bucket.limit(min(rates), min(bursts), now)
