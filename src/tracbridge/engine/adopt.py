"""Two filled sides meet: link what is the same, list what differs, write nothing else."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import ConfigError, RecordError
from tracbridge.domain.link import Claim, Link
from tracbridge.domain.outcome import Outcome
from tracbridge.domain.workorder import Value, settled
from tracbridge.engine.connection import Connection
from tracbridge.engine.incoming import witnessed
from tracbridge.engine.intake import Item, Refused, understand
from tracbridge.engine.numbering import numbered
from tracbridge.ports.connector import Peeks, Record
from tracbridge.sync.merge import seen_now
from tracbridge.sync.plan import completed

BEFORE = Claim(0, 0)
"""The claim of what was only looked at: older than every record that will be taken."""


class Difference(Struct, frozen=True):
    """An order that both sides hold with different content: field to (TracOS's, the customer's)."""

    ref: str
    fields: Mapping[str, tuple[Value, Value]]


class Adopted(Struct):
    """What was found. Differing orders are not linked: a run decides on them at first contact."""

    linked: int = 0
    known: int = 0
    customer_only: int = 0
    unreadable: int = 0
    different: list[Difference] = []


async def adopt(connection: Connection, *, only: str | None = None) -> Adopted:
    """Look at all that the customer has laid ready; link the orders that are equal on both sides.

    ``only``: the one order to look for. Repeating it changes nothing. Call it inside a `session`.
    """
    customer = connection.customer
    if not isinstance(customer, Peeks):
        raise ConfigError("this customer's system cannot be looked at without taking records.")
    found = Adopted()
    async for page in customer.peek(BEFORE):
        await connection.lease.hold()
        now = connection.clock.now()
        understood = [understand(connection, record, BEFORE, now) for record in page.records]
        understood = await numbered(connection, understood)
        found.unreadable += sum(isinstance(one, Refused) for one in understood)
        items = (one for one in understood if isinstance(one, Item))
        latest = {item.order.ref: item for item in items if only in (None, item.order.ref)}
        await _page(connection, latest, found)
    return found


async def _page(connection: Connection, items: Mapping[str, Item], found: Adopted) -> None:
    refs = list(items)
    documents, links = await connection.together(
        connection.tracos.fetch(refs), connection.ledger.find(refs)
    )
    made = []
    for ref, item in items.items():
        if ref in links:
            found.known += 1
        elif not documents.get(ref):
            found.customer_only += 1
        elif link := _compared(connection, item, documents[ref][0], found):
            made.append(link)
    found.linked += len(made) - len(await connection.ledger.save(made))


def _compared(connection: Connection, item: Item, document: Record, found: Adopted) -> Link | None:
    """The new link if both sides are equal; else the difference is noted."""
    try:
        tracos = connection.translation.from_tracos(document.body or {}, None)
    except RecordError:
        found.unreadable += 1
        return None
    order = completed(item.order, None, tracos, connection.policies.rules)
    shown = settled(tracos.fields, order.fields, when=tracos.updated_at)
    apart = {n: (shown.get(n), v) for n, v in order.fields.items() if shown.get(n) != v}
    if apart:
        found.different.append(Difference(order.ref, apart))
        return None
    extra = connection.translation.extra(  # noqa: S610 (no Django here)
        item.record.body or {}, item.record.raw
    )
    link = connection.new_link(order.ref, order.scope, order.kind)
    words = connection.policies.words
    seen = seen_now(order, BEFORE, None, connection.clock.now(), words)
    tracos_id = (document.body or {}).get("_id")
    made = replace(
        link, base=order.fields, extra=extra, said=order.said, seen=seen, tracos=tracos_id
    )
    return witnessed(item.record, link, made, Outcome.UNCHANGED) or made
