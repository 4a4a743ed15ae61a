"""Listens on both sides of a connection, and rings its bell."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tracbridge.domain.errors import RetryableError
from tracbridge.domain.workorder import Side
from tracbridge.ports.hints import Watches
from tracbridge.ports.runtime import Observer
from tracbridge.resilience.backoff import Backoff
from tracbridge.runtime.bell import Bell

AGAIN = Backoff(delay=0.5, longest=60.0, spread=0.5)


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
    """For ever, or until the source says that it cannot tell. What was missed while nobody listened
    is looked for: the bell rings each time.
    """
    attempt = 0
    while True:
        try:
            async for _ in source.watch():
                bell.ring([side])
                attempt = 0
            return
        except RetryableError as error:
            observer.incident(
                "hints_lost", side.value, f"{error} Looked at now and then meanwhile."
            )
            await asyncio.sleep(AGAIN.pause(attempt, random.random()))  # noqa: S311
            attempt += 1
            bell.ring([side])
