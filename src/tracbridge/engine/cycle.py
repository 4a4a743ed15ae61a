"""One pass over one connection, in the order that makes it safe."""

from collections.abc import Collection

from tracbridge.domain.workorder import Side
from tracbridge.engine.acknowledge import acknowledge
from tracbridge.engine.brake import refuse_emptied
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.inbound import Inbound
from tracbridge.engine.outbound import Outbound


async def cycle(connection: Connection, tally: Tally, sources: Collection[Side]) -> None:
    """Acknowledgements first, then what comes in, then what goes out.

    ``sources``: the sides to take changes from. Raises `RetryableError` where it has to be
    repeated; what was done stays done and is recognised by the repetition.
    """
    await refuse_emptied(connection)
    await acknowledge(connection, tally)
    if Side.CUSTOMER in sources:
        await Inbound(connection, tally)()
    if Side.TRACOS in sources:
        await Outbound(connection, tally)()
