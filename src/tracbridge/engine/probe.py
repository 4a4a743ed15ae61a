"""Writes whose answers never came: what became of them is found out before anything else is done.

Sending one of them again could make an order twice, or write over what the customer has made of it
since; so a version whose outcome is unknown is neither repeated nor taken back while it may still
have its effect.
"""

from collections.abc import Sequence
from datetime import timedelta

from tracbridge.domain.link import Link, Phase
from tracbridge.engine.answering import Answers, arrived, take_back
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.outgoing import Version
from tracbridge.engine.writing import pair, writes_of
from tracbridge.ports.connector import Probes, Receipt, Write
from tracbridge.ports.runtime import Step
from tracbridge.sync.publish import withdrawn


async def probe(connection: Connection, tally: Tally) -> None:
    """Settle each such version: it has arrived, or it surely never will, or it goes on waiting.

    Repeatable; writes nothing to the customer. Raises `RetryableError` where his system is away.
    """
    if not isinstance(connection.customer, Probes):
        return
    counter = await connection.passes.counter()
    async for refs in connection.ledger.on_their_way(Phase.INTENT):
        links = await connection.ledger.find(refs)
        versions = [Version(link, link) for link in links.values()]
        await _settle(connection, connection.customer, versions, counter, tally)
        await connection.steps.passed(Step.PAGE)


async def _settle(
    connection: Connection,
    customer: Probes,
    versions: Sequence[Version],
    counter: int,
    tally: Tally,
) -> None:
    await connection.lease.hold()
    spelt = await writes_of(connection, versions)
    asked = [(v, w) for v, w in zip(versions, spelt, strict=True) if isinstance(w, Write)]
    receipts = await customer.probe([write for _, write in asked])
    await pair(connection, [version for version, _ in asked], receipts, ())
    found = Answers()
    for (version, _), receipt in zip(asked, receipts, strict=True):
        if isinstance(receipt, Receipt):
            found.done.append((version, arrived(connection, version.link, receipt, counter)))
        elif over(connection, version.link):
            found.back.append((version, withdrawn(version.link)))
        else:
            found.open.append(version.ref)
            why = "nobody knows yet whether the customer's system took our version; looked again."
            connection.observer.incident("unknown_outcome", version.ref, why)
    lost = await connection.ledger.save([link for _, link in found.done])
    await take_back(connection, found)
    await connection.steps.passed(Step.PUBLISHED)
    tally.outbound["delivered"] += len(found.done) - len(lost)
    tally.outbound["failed"] += len(found.open)


def over(connection: Connection, link: Link) -> bool:
    """By now the version has had its effect or never will."""
    if link.out is None:
        return False
    within = timedelta(seconds=connection.customer.traits.commits_within)
    return connection.clock.now() - link.out.at > within
