"""One pass over one connection, in the order that makes it safe."""

from collections.abc import Collection, Sequence
from contextlib import suppress

from tracbridge.domain.errors import ConfigError, RetryableError
from tracbridge.domain.workorder import Side
from tracbridge.engine.acknowledge import acknowledge
from tracbridge.engine.brake import refuse_emptied
from tracbridge.engine.comments import Conversation
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.inbound import Inbound
from tracbridge.engine.known import recall
from tracbridge.engine.outbound import Outbound
from tracbridge.engine.pace import heed, keep
from tracbridge.engine.probe import probe
from tracbridge.engine.rhythm import Rhythm
from tracbridge.engine.writing import held
from tracbridge.ports.connector import Finds, Paced, Rereads


async def cycle(
    connection: Connection, tally: Tally, sources: Collection[Side], *, whole: bool = True
) -> None:
    """Acknowledgements first, then what comes in, then what goes out.

    ``sources``: the sides to take changes from. Not ``whole``: only what is new there, as a hint
    tells; for where nobody else has worked since a whole pass, and all passes since have ended
    well. Raises `RetryableError` where it has to be repeated; what was done stays done and is
    recognised by the repetition.
    """
    await heed(connection)
    recall(connection, whole=whole)
    try:
        if whole:
            await refuse_emptied(connection)
            await acknowledge(connection, tally)
        await look_again(connection, tally, await probe(connection, tally))
        comments = Conversation(connection, tally)
        await comments.settle()
        rhythm, more = Rhythm(), True
        while more:
            if Side.CUSTOMER in sources and rhythm.due(connection.clock.now()):
                await Inbound(connection, tally, whole=whole)()
                await comments.read()
            more = Side.TRACOS in sources and await outwards(connection, tally, rhythm, whole=whole)
        if Side.TRACOS in sources:
            await comments.give()
    except (RetryableError, ConfigError):
        with suppress(RetryableError):  # what went wrong first is to be told
            await keep(connection)
        raise
    await keep(connection)


STEPS = 8
"""How often in one pass orders go on: the next step on the way to a status, or a new plan after
their records were changed under our hands. More waits for the next pass.
"""


async def outwards(
    connection: Connection, tally: Tally, rhythm: Rhythm, *, whole: bool = True
) -> bool:
    """What goes out, and what becomes possible by it; whether there is more of it.

    Who was quicker than we has made nothing fail, unless the order has to wait for the next pass.
    """
    paced = isinstance(connection.customer, Paced)
    outbound = Outbound(connection, tally, rhythm if paced else None, whole=whole)
    await outbound()
    more = outbound.more
    for _ in range(STEPS):
        stale = outbound.stale if await look_again(connection, tally, outbound.stale) else []
        tally.outbound["failed"] += len(outbound.stale) - len(stale)
        again = [*dict.fromkeys([*stale, *outbound.steps])]
        if not again:
            return more
        outbound = Outbound(connection, tally)
        await outbound.only(again)
    tally.outbound["failed"] += len(outbound.stale)
    return more


async def look_again(connection: Connection, tally: Tally, refs: Sequence[str]) -> bool:
    """These orders were changed at the customer's since they were read: take that in first.

    Whether there was anything to take in: else they wait until the next pass reads them.
    """
    customer = connection.customer
    if not refs or not isinstance(customer, Rereads):
        return False
    links = await connection.ledger.find(refs)
    known = await held(connection, list(links.values()))
    new = [ref for ref in refs if ref in links and links[ref].base is None]
    found = [record for record in await customer.reread(known) if record]
    # An order that he is to be given may be there already, made by somebody who has our memory.
    if isinstance(customer, Finds):
        found += [record for record in await customer.ours(new) if record]
    if found:
        await Inbound(connection, tally).once(found)
    return bool(found)
