"""One pass over one connection, in the order that makes it safe."""

from collections.abc import Collection, Sequence

from tracbridge.domain.workorder import Side
from tracbridge.engine.acknowledge import acknowledge
from tracbridge.engine.brake import refuse_emptied
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.inbound import Inbound
from tracbridge.engine.outbound import Outbound
from tracbridge.engine.probe import probe
from tracbridge.engine.writing import held
from tracbridge.ports.connector import Rereads


async def cycle(connection: Connection, tally: Tally, sources: Collection[Side]) -> None:
    """Acknowledgements first, then what comes in, then what goes out.

    ``sources``: the sides to take changes from. Raises `RetryableError` where it has to be
    repeated; what was done stays done and is recognised by the repetition.
    """
    await refuse_emptied(connection)
    await acknowledge(connection, tally)
    await probe(connection, tally)
    if Side.CUSTOMER in sources:
        await Inbound(connection, tally)()
    if Side.TRACOS in sources:
        await outwards(connection, tally)


STEPS = 8
"""How often in one pass orders go on: the next step on the way to a status, or a new plan after
their records were changed under our hands. More waits for the next pass.
"""


async def outwards(connection: Connection, tally: Tally) -> None:
    """What goes out, and what becomes possible by it."""
    outbound = Outbound(connection, tally)
    await outbound()
    for _ in range(STEPS):
        again = [*dict.fromkeys([*outbound.stale, *outbound.steps])]
        if not again:
            return
        if outbound.stale:
            await look_again(connection, tally, outbound.stale)
        outbound = Outbound(connection, tally)
        await outbound.only(again)


async def look_again(connection: Connection, tally: Tally, refs: Sequence[str]) -> None:
    """These orders were changed at the customer's since they were read: take that in first."""
    customer = connection.customer
    if not isinstance(customer, Rereads):
        return
    links = await connection.ledger.find(refs)
    known = await held(connection, list(links.values()))
    found = [record for record in await customer.reread(known) if record]
    if found:
        await Inbound(connection, tally).once(found)
