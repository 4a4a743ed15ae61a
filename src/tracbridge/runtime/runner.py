"""Passes over time: repeat after an outage, repeat on schedule, stop at a safe point."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from msgspec import Struct, field

from tracbridge.domain.errors import RetryableError
from tracbridge.ports.runtime import Observer, Step, Steps
from tracbridge.resilience.backoff import LONGEST, Backoff


class Stop(Struct):
    """A wish to end, noticed at the next safe point."""

    event: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self) -> None:
        """Ask to end."""
        self.event.set()

    @property
    def asked(self) -> bool:
        """Whether somebody asked."""
        return self.event.is_set()

    async def sleep(self, seconds: float) -> None:
        """Until then, or until somebody asks us to stop."""
        try:
            await asyncio.wait_for(self.event.wait(), seconds)
        except TimeoutError:
            return


class Stopped(Exception):  # noqa: N818 (no error: everything done so far is whole)
    """Somebody asked us to stop, and here nothing is half done."""


class SafePoints(Struct, frozen=True):
    """Leaves a pass by `Stopped` at the end of a page, once somebody asked us to stop."""

    steps: Steps
    stop: Stop

    async def passed(self, step: str) -> None:
        """As the steps behind it; then perhaps leaves."""
        await self.steps.passed(step)
        if step == Step.PAGE and self.stop.asked:
            raise Stopped


def asked(error: Exception) -> float:
    """Seconds that an error asks us to wait for."""
    after = error.retry_after if isinstance(error, RetryableError) else None
    return after.total_seconds() if after else 0.0


async def persist(
    work: Callable[[], Awaitable[None]],
    backoff: Backoff,
    observer: Observer,
    stop: Stop,
    *,
    for_ever: bool = False,
    progress: Callable[[], int] = lambda: 0,
) -> None:
    """Do ``work`` until it succeeds; it must be safe to repeat.

    Outages are waited out: as often as ``backoff`` allows, or for ever, and at least as long as the
    error asks for; who does not run for ever gives up where that is more than a minute. An attempt
    that got further (``progress`` grew) starts the count anew. Raises the last `RetryableError`.
    """
    attempt, reached = 0, progress()
    while True:
        try:
            return await work()
        except RetryableError as error:
            attempt, reached = (0 if progress() > reached else attempt), progress()
            given_up = attempt >= backoff.retries or asked(error) > LONGEST
            if stop.asked or (given_up and not for_ever):
                raise
            seconds = backoff.pause(attempt, random.random(), asked(error))  # noqa: S311
            observer.incident("outage", "", f"{error} Next attempt in {seconds:.1f} s.")
            await stop.sleep(seconds)
            if stop.asked:
                raise
            attempt += 1
