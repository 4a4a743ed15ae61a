"""Listens on both sides of a connection, and rings its bell."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tracbridge.domain.errors import RetryableError
from tracbridge.domain.workorder import Side
from tracbridge.ports.hints import UNHEARD, Hint, Watches
from tracbridge.ports.runtime import Observer
from tracbridge.resilience.backoff import Backoff
from tracbridge.runtime.bell import Bell

AGAIN = Backoff(delay=0.5, longest=60.0, spread=0.5)


DEAF = 300.0
"""Seconds after which one that could not tell anything is asked whether it can by now."""

SELDOM = 1.0
"""Seconds between two whole passes that hints ask for; they cost more than a look at the news."""


class Seldom:
    """Rings for a whole pass, and not again before some time has gone."""

    def __init__(self, bell: Bell) -> None:
        self._bell, self._loop = bell, asyncio.get_running_loop()
        self._last, self._due = -SELDOM, False

    def ring(self) -> None:
        """Now, or as soon as it may. May be called as often as anybody likes."""
        if not self._due:
            self._due = True
            self._loop.call_at(max(self._loop.time(), self._last + SELDOM), self._now)

    def _now(self) -> None:
        self._last, self._due = self._loop.time(), False
        self._bell.ring()


@asynccontextmanager
async def hinted(
    sources: Mapping[Side, Watches], bell: Bell, observer: Observer
) -> AsyncIterator[None]:
    """While the block runs, the bell rings for what happens on these sides."""
    tasks = [
        asyncio.create_task(_listen(side, source, bell, observer))
        for side, source in sources.items()
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(side: Side, source: Watches, bell: Bell, observer: Observer) -> None:
    """For ever; a source that cannot tell is asked again much later, since a server may become one
    that can. What was missed while nobody listened is looked for: the bell rings each time.
    """
    attempt, seldom = 0, Seldom(bell)
    while True:
        try:
            async for hint in source.watch():
                if hint is Hint.NEWS:
                    bell.ring([side])
                else:
                    seldom.ring()
                attempt = 0
                # What happens until a pass begins is found by it: nobody has to hear of each.
                await bell.answered(UNHEARD)
            await asyncio.sleep(DEAF)
        except RetryableError as error:
            observer.incident(
                "hints_lost", side.value, f"{error} Looked at now and then meanwhile."
            )
            await asyncio.sleep(AGAIN.pause(attempt, random.random()))  # noqa: S311
            attempt += 1
            bell.ring()
