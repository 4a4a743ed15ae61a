"""First of all in a pass: which of our versions the customer has taken, and which refused."""

from tracbridge.domain.link import Link, Phase
from tracbridge.domain.workorder import Side
from tracbridge.engine.brake import Brake
from tracbridge.engine.connection import Connection, Tally
from tracbridge.ports.connector import Acknowledges, Fate
from tracbridge.ports.runtime import Step
from tracbridge.sync.guard import Grave
from tracbridge.sync.publish import refused, taken


async def acknowledge(connection: Connection, tally: Tally) -> None:
    """Move the base of each order whose version has arrived to what was sent. Repeatable."""
    if not isinstance(connection.customer, Acknowledges):
        return
    counter = await connection.passes.counter()
    brake: Brake[str] = Brake(connection, Side.CUSTOMER, tally)
    async for refs in connection.ledger.on_their_way(Phase.PUBLISHED):
        fates = await connection.customer.fates(refs)
        moved = {ref: fate for ref, fate in fates.items() if fate[0] is not Fate.WAITING}
        if Grave.ACKNOWLEDGEMENT in connection.guards:
            for ref in [ref for ref, fate in moved.items() if fate[0] is Fate.TAKEN]:
                await brake.keep(ref, Grave.ACKNOWLEDGEMENT, ref)
            moved = {ref: fate for ref, fate in moved.items() if fate[0] is not Fate.TAKEN}
        await _book(connection, tally, moved, counter)
        await connection.steps.passed(Step.PAGE)
    for refs in brake.released():
        await _book(connection, tally, dict.fromkeys(refs, (Fate.TAKEN, "")), counter)
        await connection.steps.passed(Step.PAGE)
    for one in brake.withheld():
        tally.withheld.append(one)
        connection.observer.incident("mass_change", "acknowledgements", f"{one}.")


async def _book(
    connection: Connection, tally: Tally, moved: dict[str, tuple[Fate, str]], counter: int
) -> None:
    if not moved:
        return
    await connection.lease.hold()
    links = await connection.ledger.find(list(moved))
    if any(fate is Fate.TAKEN for fate, _ in moved.values()):
        await connection.passes.keep_cursor("removes", True)
    changed = []
    for ref, link in links.items():
        after = booked(connection, link, *moved[ref], counter)
        if after != link:
            changed.append(after)
            if after.out is not None:
                _complain(connection, tally, ref, after.out.error or "")
    lost = await connection.ledger.save(changed)
    taken_now = [link for link in changed if link.out is None and link.ref not in lost]
    tally.outbound["acknowledged"] += len(taken_now)
    await connection.steps.passed(Step.ACKNOWLEDGED)


def _complain(connection: Connection, tally: Tally, ref: str, words: str) -> None:
    tally.outbound["failed"] += 1
    said = f": {words}" if words else " and does not say why."
    connection.observer.incident(
        "rejected", ref, f"the customer's system refused our version{said}"
    )


def booked(connection: Connection, link: Link, fate: Fate, words: str, counter: int) -> Link:
    """The link after the customer took or refused its version."""
    if link.out is None or link.out.phase is not Phase.PUBLISHED:
        return link
    if fate is Fate.REFUSED:
        return refused(link, words)
    told = fate is Fate.ACKNOWLEDGED
    return taken(link, counter, connection.policies.ack, told=told)
