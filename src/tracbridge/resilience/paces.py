"""The paces of all connections of one process, so that connections to one target share its budget,
and a connection that begins anew goes on where it was.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tracbridge.resilience.backoff import Backoff
from tracbridge.resilience.breaker import Breaker, Limits, State
from tracbridge.resilience.pace import Pace
from tracbridge.resilience.target import PaceSettings, Target

LOGINS = Limits(
    failures=1, pause=Backoff(delay=300.0, longest=86_400.0, spread=0.1, factor=12.0), probe=120.0
)
"""A login that was refused rests for five minutes, an hour, half a day, then a day each: accounts
are locked after a few refusals in a row, and hardly any secret becomes right by itself."""


class Paces:
    """Of one process; the parameters are those of `Pace`."""

    def __init__(
        self,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        chance: Callable[[], float],
    ) -> None:
        self.now, self.chance = now, chance
        self._sleep = sleep
        self._targets: dict[str, Target] = {}
        self._of: dict[str, tuple[str, Pace]] = {}
        self._logins: dict[str, Breaker] = {}
        self._kept: dict[str, tuple[Mapping[str, Any], float]] = {}

    def of(self, connection: str, target: str, settings: PaceSettings) -> Pace:
        """The pace of a connection: the same one as before, unless it has another target now."""
        before = self._of.get(connection)
        if before and before[0] != target:
            before[1].target.leave(connection, self.now())
            before = None
        shared = self._targets.setdefault(target, Target(settings, self.now()))
        shared.join(connection, settings, self.now())
        if before:
            before[1].settings = settings
            return before[1]
        pace = Pace(settings, self.now, self._sleep, self.chance, shared)
        self._of[connection] = (target, pace)
        if connection in self._kept:
            kept, since = self._kept.pop(connection)
            pace.restore(kept, self.now() - since)
        return pace

    def login(self, login: str) -> Breaker:
        """The breaker of one login with one secret, shared by all who use it."""
        if login not in self._logins:
            now = self.now()
            kept = {k: b for k, b in self._logins.items() if b.state(now) is not State.CLOSED}
            self._logins = {**kept, login: Breaker(LOGINS)}
        return self._logins[login]

    def describe(self) -> dict[str, Any]:
        """By connection, what to show and to keep; see `Pace.describe`."""
        return {name: pace.describe() for name, (_, pace) in sorted(self._of.items())}

    def restore(self, kept: Mapping[str, Any], elapsed: float = 0.0) -> None:
        """Go on as described ``elapsed`` seconds ago, also for connections that are yet to come."""
        for name, one in kept.items():
            if name in self._of:
                self._of[name][1].restore(one, elapsed)
            else:
                self._kept[name] = (one, self.now() - elapsed)
