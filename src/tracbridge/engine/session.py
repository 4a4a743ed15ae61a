"""One run of a connection: locked, leased, bound to its folder, and on record."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tracbridge.domain.errors import ConfigError, RetryableError
from tracbridge.engine.binding import bind
from tracbridge.engine.connection import Connection
from tracbridge.engine.pace import keep, resume
from tracbridge.ports.connector import Exclusive
from tracbridge.ports.runtime import Step
from tracbridge.ports.state import Runs


@asynccontextmanager
async def session(
    connection: Connection, runs: Runs, run: str, *, rebind: bool = False
) -> AsyncIterator[None]:
    """The exclusive right to work on the connection, for the length of the block.

    The folder's lock first (a paused holder blocks, which is safe), then the lease, then the
    marker: nothing is claimed or acknowledged where memory and folder do not belong together.
    """
    customer = connection.customer
    await resume(connection)
    await _check(connection)
    if isinstance(customer, Exclusive):
        await customer.lock()
    try:
        await connection.lease.take()
        await connection.steps.passed(Step.LEASE)
        try:
            if isinstance(customer, Exclusive):
                await bind(runs, customer, run, rebind=rebind)
            yield
        except RetryableError:
            # The server is away: waiting for it again would only delay the news. Our lease ends
            # with our process, or by itself.
            raise
        except BaseException:
            await connection.lease.release()
            raise
        else:
            with suppress(RetryableError):  # all is done; the lease then ends by itself
                await connection.lease.release()
    finally:
        if isinstance(customer, Exclusive):
            await customer.unlock()


async def _check(connection: Connection) -> None:
    """His system is there; that we are to wait, or are not let in, is kept for who comes after."""
    try:
        await connection.customer.check()
    except (RetryableError, ConfigError):
        with suppress(RetryableError):  # why we may not call is what is to be told
            await keep(connection)
        raise
