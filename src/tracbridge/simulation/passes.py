"""What a process of ours does with a connection in one story."""

from collections.abc import Collection
from contextlib import suppress

from tracbridge.domain.errors import RetryableError
from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.cycle import cycle
from tracbridge.engine.known import knowing, settle
from tracbridge.engine.session import session
from tracbridge.simulation import memory

ATTEMPTS = 3
"""How often a pass is repeated by the same process when a database is away."""


async def one_pass(
    connection: Connection, runs: memory.MemoryRuns, run: str, *, rebind: bool, hints: int
) -> None:
    """What ``tracbridge run`` does, and then what hints cause; an outage is answered by repeating
    the pass, as a whole one.
    """
    connection = knowing(connection)
    news = ({Side.CUSTOMER}, {Side.TRACOS})
    async with session(connection, runs, run, rebind=rebind):
        await persistent(connection, run, set(Side), whole=True)
        for turn in range(hints):
            await persistent(connection, run, news[turn % 2], whole=False)
        with suppress(RetryableError):
            await settle(connection)


async def persistent(
    connection: Connection, run: str, sides: Collection[Side], *, whole: bool
) -> None:
    """One pass, repeated over outages."""
    for attempt in range(ATTEMPTS):
        try:
            again = attempt > 0
            await cycle(connection, Tally(run), set(Side) if again else sides, whole=whole or again)
        except RetryableError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return
