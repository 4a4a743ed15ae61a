"""The gate that a connector wraps each call in: when it may go, and whether at all.

A target has one budget and one pause for all connections of the process; each connection has a
breaker for each of its operations.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NoReturn

from tracbridge.domain.errors import BusyError, RecordError, RetryableError, StaleWriteError
from tracbridge.resilience.breaker import Breaker, Force, State, Ticket
from tracbridge.resilience.bucket import Lane
from tracbridge.resilience.target import PaceSettings, Target

_ANSWERS = (BusyError, RecordError, StaleWriteError)
"""Refusals by a system that works."""

_DAY = 86_400.0


class Pace:
    """The pace of one connection. ``now``: seconds of a clock that never goes back; ``chance``:
    a number from 0 up to 1.
    """

    def __init__(
        self,
        settings: PaceSettings,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        chance: Callable[[], float],
        target: Target | None = None,
    ) -> None:
        self.settings = settings
        self.target = target or Target(settings, now())
        self._now, self._sleep, self._chance = now, sleep, chance
        self._breakers: dict[str, Breaker] = {}

    @asynccontextmanager
    async def turn(
        self,
        operation: str,
        lane: Lane = Lane.LIVE,
        *,
        patience: float | None = None,
        later: bool = False,
    ) -> AsyncIterator[None]:
        """One call, made inside.

        Waits for its turn up to ``patience`` seconds; where it would be longer, raises
        `RetryableError` at once, with ``retry_after``. The call failed if a `RetryableError` leaves
        the block, and succeeded if nothing does or a refusal of the one record; with ``later`` the
        caller says himself what a call without an error was (`succeeded`, `failed`). After any
        other error nothing is known: it counts as never made.
        """
        ticket = await self._admitted(operation, lane, self._deadline(patience))
        try:
            yield
        except _ANSWERS:
            self.succeeded(operation)
            raise
        except RetryableError:
            self.failed(operation)
            raise
        except BaseException:
            self.breaker(operation).give_back(ticket)
            raise
        if not later:
            self.succeeded(operation)

    async def extra(self, lane: Lane = Lane.LIVE, patience: float | None = None) -> None:
        """Waits for a further request inside a turn, such as one for a token.

        Raises `RetryableError` as `turn` does.
        """
        await self._budget(lane, self._deadline(patience))

    def succeeded(self, operation: str) -> None:
        """The system answered as a system in order does, if with a refusal."""
        self.target.answered(self._now())
        self.breaker(operation).succeeded(self._now())

    def failed(self, operation: str) -> None:
        """No answer, or one of a system that is not in order."""
        self.breaker(operation).failed(self._now(), self._chance())

    def throttled(self, seconds: float | None = None, operation: str | None = None) -> None:
        """The target wants fewer calls: nobody calls it for so long, or for a pause that grows.

        ``operation``: which call was told so; the system is up, so it counts as answered.
        """
        self.target.throttled(self._now(), self._chance(), seconds or 0.0)
        if operation is not None:
            self.breaker(operation).succeeded(self._now())

    def breaker(self, operation: str) -> Breaker:
        """The breaker of one operation."""
        return self._breakers.setdefault(operation, Breaker(self.settings.breaker))

    def state(self, operation: str) -> State:
        """What becomes of calls of an operation now."""
        return self.breaker(operation).state(self._now())

    def set(self, operation: str, force: Force) -> None:
        """Do as an operator says."""
        self.breaker(operation).set(force)

    def try_now(self, operation: str) -> None:
        """One call may try, however long the pause would still be."""
        self.breaker(operation).try_now(self._now())

    def describe(self) -> dict[str, Any]:
        """What to show and to keep: plain values, durations in seconds from now."""
        now = self._now()
        operations = {name: one.describe(now) for name, one in sorted(self._breakers.items())}
        return {"operations": operations, "target": self.target.describe(now)}

    def restore(self, kept: Mapping[str, Any], elapsed: float = 0.0) -> None:
        """Go on as described ``elapsed`` seconds ago."""
        now = self._now()
        for name, one in kept.get("operations", {}).items():
            self.breaker(name).restore(one, now, elapsed)
        self.target.restore(kept.get("target", {}), now, elapsed)

    def _deadline(self, patience: float | None) -> float:
        return self._now() + (self.settings.patience if patience is None else patience)

    async def _admitted(self, operation: str, lane: Lane, deadline: float) -> Ticket:
        breaker = self.breaker(operation)
        while True:
            ticket = await self._entered(operation, deadline)
            try:
                await self._budget(lane, deadline)
            except BaseException:
                breaker.give_back(ticket)
                raise
            if breaker.valid(ticket, self._now()):
                return ticket
            # It opened while we stood in line: the token is lost, and we wait with the others.
            breaker.give_back(ticket)

    async def _entered(self, operation: str, deadline: float) -> Ticket:
        breaker = self.breaker(operation)
        while True:
            ticket = breaker.enter(self._now())
            if ticket is not None:
                return ticket
            seconds = breaker.wait(self._now())
            if self._now() + seconds > deadline:
                self._refuse(breaker, operation, seconds)
            await self._sleep(seconds)

    async def _budget(self, lane: Lane, deadline: float) -> None:
        bucket = self.target.bucket
        number = bucket.join(lane)
        try:
            while seconds := bucket.take(number, self._now()):
                if self._now() + seconds > deadline:
                    raise RetryableError(self._busy(seconds), retry_after=_after(seconds))
                await self._sleep(seconds)
        finally:
            bucket.leave(number)

    def _busy(self, seconds: float) -> str:
        if self._now() < self.target.bucket.held:
            return f"The system asked for a pause; the next call may go in {seconds:.0f} s."
        return f"Other calls are waiting; the next one more may go in {seconds:.0f} s."

    def _refuse(self, breaker: Breaker, operation: str, seconds: float) -> NoReturn:
        what = f"Calls for {operation or 'this system'}"
        if breaker.force is Force.OPEN:
            raise RetryableError(f"{what} are stopped by an operator.")
        why = f"the last {breaker.failures} of them failed"
        raise RetryableError(
            f"{what} pause for {seconds:.0f} s: {why}.", retry_after=_after(seconds)
        )


def _after(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, _DAY))
