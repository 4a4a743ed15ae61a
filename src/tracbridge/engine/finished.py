"""Files that were refused as incomplete while their writer was at work, and that he finished."""

from tracbridge.domain.workorder import Side
from tracbridge.engine.connection import Connection
from tracbridge.mapping.decode import INCOMPLETE
from tracbridge.ports.connector import Finishes
from tracbridge.ports.state import OpenCases


async def take_back(connection: Connection) -> None:
    """Lay them where the pass finds them, under the claim under which they first came.

    The bytes first: a crash before the case is moved leaves both to be seen.
    """
    customer, quarantine = connection.customer, connection.quarantine
    if not isinstance(customer, Finishes) or not isinstance(quarantine, OpenCases):
        return
    cases = await quarantine.open_of(INCOMPLETE, Side.CUSTOMER)
    for case in await customer.finished(cases):
        if await customer.put_back(case):
            await quarantine.move(case.id, "retried", connection.clock.now())
