"""A breaker: after failures in a row nobody calls for a while, then one call tries for all.

It has no clock: ``now`` is the caller's, in seconds that never go back.
"""

from collections.abc import Mapping
from enum import StrEnum
from math import inf
from typing import Any

from msgspec import Struct

from tracbridge.resilience.backoff import Backoff


class State(StrEnum):
    """What a breaker does with calls."""

    CLOSED = "closed"
    """All pass."""
    OPEN = "open"
    """None passes."""
    HALF_OPEN = "half_open"
    """One passes, and what becomes of it counts for all."""


class Force(StrEnum):
    """What an operator wants a breaker to do."""

    AUTOMATIC = "automatic"
    OPEN = "open"
    CLOSED = "closed"


class Limits(Struct, frozen=True):
    """It opens after ``failures`` in a row; each time it opens in a row, for longer (``pause``).

    ``probe``: seconds after which a probe that nobody heard of counts as lost.
    """

    failures: int = 5
    pause: Backoff = Backoff(delay=30.0, longest=900.0, spread=0.5)
    probe: float = 120.0


Ticket = int
"""A call that was let in: 0, or the number of a probe."""

POLL = 1.0
"""Seconds between two questions of those who wait for another one's probe."""


class Breaker:
    """Of one operation of one connection."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.force = Force.AUTOMATIC
        self.failures = 0
        self.openings = 0
        self._until: float | None = None
        self._probe: Ticket = 0
        self._lost_at = 0.0
        self._numbers = 0

    def state(self, now: float) -> State:
        """What it does with calls now."""
        if self.force is not Force.AUTOMATIC:
            return State(self.force)
        if self._until is None:
            return State.CLOSED
        return State.OPEN if now < self._until else State.HALF_OPEN

    def wait(self, now: float) -> float:
        """Seconds until it is worth asking again; 0: `enter` lets one in now; infinite: an operator
        has opened it.
        """
        if self.force is Force.OPEN:
            return inf
        if self.state(now) is State.CLOSED or self._until is None:
            return 0.0
        if now < self._until:
            return self._until - now
        return min(POLL, self._lost_at - now) if self._out(now) else 0.0

    def enter(self, now: float) -> Ticket | None:
        """Let one call in, None: not now. A probe is on its way until something is heard of it."""
        if self.wait(now):
            return None
        if self.state(now) is State.CLOSED:
            return 0
        self._numbers += 1
        self._probe, self._lost_at = self._numbers, now + self.limits.probe
        return self._probe

    def valid(self, ticket: Ticket, now: float) -> bool:
        """Whether a call that was let in before may still begin."""
        match self.state(now):
            case State.CLOSED:
                return True
            case State.OPEN:
                return False
            case State.HALF_OPEN:
                return ticket == self._probe and self._out(now)

    def succeeded(self, now: float) -> None:
        """A call was answered. While it is open, only the probe's word counts."""
        if self._heard(now):
            self._close()

    def failed(self, now: float, chance: float) -> None:
        """A call was not answered, or by a system that is not in order."""
        if not self._heard(now):
            return
        self.failures += 1
        if self._until is not None or self.failures >= self.limits.failures:
            self._until = now + self.limits.pause.pause(self.openings, chance)
            self.openings += 1
            self._probe = 0

    def give_back(self, ticket: Ticket) -> None:
        """The call never came to an end: where it was the probe, another one may try."""
        if ticket and ticket == self._probe:
            self._probe = 0

    def set(self, force: Force) -> None:
        """Do as an operator says from now on; what was counted until then is forgotten."""
        self.force = force
        self._close()

    def try_now(self, now: float) -> None:
        """The next call may try, however long the pause would still be."""
        if self.state(now) is State.OPEN and self.force is Force.AUTOMATIC:
            self._until = now

    def describe(self, now: float) -> dict[str, Any]:
        """What to show and to keep; ``seconds``: until a probe may go."""
        left = 0.0 if self._until is None else max(0.0, self._until - now)
        return {
            "state": str(self.state(now)),
            "force": str(self.force),
            "failures": self.failures,
            "openings": self.openings,
            "seconds": left,
        }

    def restore(self, kept: Mapping[str, Any], now: float, elapsed: float = 0.0) -> None:
        """Go on as described ``elapsed`` seconds ago; a probe of that time is not waited for."""
        self.set(Force(kept.get("force", Force.AUTOMATIC)))
        self.failures = int(kept.get("failures", 0))
        self.openings = int(kept.get("openings", 0))
        if self.openings:
            self._until = now + max(0.0, float(kept.get("seconds", 0.0)) - elapsed)

    def _out(self, now: float) -> bool:
        return self._probe != 0 and now < self._lost_at

    def _heard(self, now: float) -> bool:
        """Whether what became of a call counts now: late answers of earlier calls do not."""
        return self._until is None or (now >= self._until and self._out(now))

    def _close(self) -> None:
        self.failures = self.openings = 0
        self._until, self._probe = None, 0
