"""First of all in a pass: which of our versions the customer has taken, and which refused."""

from tracbridge.domain.link import Link, Phase
from tracbridge.engine.connection import Connection, Tally
from tracbridge.ports.connector import Acknowledges, Fate
from tracbridge.ports.runtime import Step
from tracbridge.sync.publish import refused, taken


async def acknowledge(connection: Connection, tally: Tally) -> None:
    """Move the base of each order whose version has arrived to what was sent. Repeatable."""
    if not isinstance(connection.customer, Acknowledges):
        return
    counter = await connection.passes.counter()
    async for refs in connection.ledger.on_their_way(Phase.PUBLISHED):
        fates = await connection.customer.fates(refs)
        moved = {ref: fate for ref, fate in fates.items() if fate[0] is not Fate.WAITING}
        if moved:
            await connection.lease.hold()
            await _book(connection, tally, moved, counter)
        await connection.steps.passed(Step.PAGE)


async def _book(
    connection: Connection, tally: Tally, moved: dict[str, tuple[Fate, str]], counter: int
) -> None:
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
    await connection.ledger.save(changed)
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
    return taken(link, counter, connection.policies.ack)
