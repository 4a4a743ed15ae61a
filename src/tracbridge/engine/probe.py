"""Writes whose answers never came: what became of them is found out before anything else is done.

Sending one of them again could make an order twice, or write over what the customer has made of it
since; so a version whose outcome is unknown is neither repeated nor taken back while it may still
have its effect.
"""

from collections.abc import Sequence
from datetime import timedelta

from tracbridge.domain.link import Phase
from tracbridge.engine.answering import Answers, arrived, take_back
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.outgoing import Version
from tracbridge.engine.writing import pair, writes_of
from tracbridge.ports.connector import Probes, Receipt, Write
from tracbridge.ports.runtime import Step
from tracbridge.sync.publish import asked, over, unweighed, withdrawn


async def probe(connection: Connection, tally: Tally) -> list[str]:
    """Settle each such version: it has arrived, or it surely never will, or it goes on waiting.

    Returns the orders that were settled: what the customer shows of them is to be read again, since
    what he changed meanwhile could not be told from what we had sent. Repeatable; writes nothing to
    the customer. Raises `RetryableError` where his system is away.
    """
    settled: list[str] = []
    if not isinstance(connection.customer, Probes):
        return settled
    counter = await connection.passes.counter()
    async for refs in connection.ledger.on_their_way(Phase.INTENT):
        links = await connection.ledger.find(refs)
        versions = [Version(link, link) for link in links.values()]
        settled += await _settle(connection, connection.customer, versions, counter, tally)
        await connection.steps.passed(Step.PAGE)
    return settled


async def _settle(
    connection: Connection,
    customer: Probes,
    versions: Sequence[Version],
    counter: int,
    tally: Tally,
) -> list[str]:
    await connection.lease.hold()
    spelt = await writes_of(connection, versions)
    sent = [(v, w) for v, w in zip(versions, spelt, strict=True) if isinstance(w, Write)]
    now = connection.clock.now()  # what comes while we ask has come in time
    within = timedelta(seconds=connection.customer.traits.commits_within)
    receipts = await customer.probe([write for _, write in sent])
    await pair(connection, [version for version, _ in sent], receipts, ())
    found, noted = Answers(), []
    for (version, _), receipt in zip(sent, receipts, strict=True):
        if isinstance(receipt, Receipt):
            link = arrived(connection, version.link, receipt, counter)
            found.done.append((version, unweighed(link)))
        elif over(version.link, within, now):
            found.back.append((version, unweighed(withdrawn(version.link))))
        else:
            found.open.append(version.ref)
            if version.link.out and version.link.out.asked is None:
                noted.append(asked(version.link, now))
            why = "nobody knows yet whether the customer's system took our version; looked again."
            connection.observer.incident("unknown_outcome", version.ref, why)
    lost = await connection.ledger.save([link for _, link in found.done])
    await connection.ledger.save(noted)
    await take_back(connection, found)
    await connection.steps.passed(Step.PUBLISHED)
    tally.outbound["delivered"] += len(found.done) - len(lost)
    tally.outbound["failed"] += len(found.open)
    return [version.ref for version, _ in (*found.done, *found.back)]
