"""One order as it stands on both sides, and a guarded change of it in TracOS outside the merge.

Whoever calls it holds no more than what was read: each write is refused where somebody was quicker.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import ConfigError, StaleWriteError
from tracbridge.domain.link import Link
from tracbridge.domain.workorder import Fields, Side, Value, WorkOrder
from tracbridge.engine.connection import Connection
from tracbridge.engine.record import entry, numbered
from tracbridge.mapping.synced import mark
from tracbridge.ports.connector import Receipt, Record, Write
from tracbridge.ports.state import Entry
from tracbridge.sync.identity import version_key
from tracbridge.sync.publish import content


class Present(Struct, frozen=True):
    """An order as it stands: our memory, TracOS's document (None: gone) and what it shows."""

    link: Link
    document: Record | None
    order: WorkOrder | None
    shown: Fields

    def customer(self, name: str) -> Value:
        """What the customer holds in a field, as far as we know."""
        held, unknown = self.link.held.get(name), self.link.unknown.get(name)
        given = (self.link.last_given or {}).get(name)
        return held.customer if held else given if unknown is None else unknown


async def look(connection: Connection, ref: str) -> Present:
    """The order as it stands; raises `ConfigError` where there is no one order to decide on."""
    link = (await connection.ledger.find([ref])).get(ref)
    documents = (await connection.tracos.fetch([ref])).get(ref, ())
    if link is None or len(documents) > 1:
        raise ConfigError(f"order {ref} is not linked, or TracOS holds it twice; nothing was done.")
    if not documents:
        return Present(link, None, None, {})
    order = connection.translation.from_tracos(documents[0].body or {}, link.last_given)
    return Present(link, documents[0], order, content(link, order))


class Amendment(Struct, frozen=True):
    """A change of some fields. ``before``: what they held, None where there is no document.

    ``why``: the reason of each field. ``born``: when an order that has no document was created.
    """

    before: Fields | None
    after: Fields
    why: Mapping[str, str]
    run: str
    born: datetime


async def amend(connection: Connection, present: Present, change: Amendment) -> Link:
    """On record, then into TracOS, guarded; the link with this change counted, not stored yet.

    May be repeated after a crash. Raises `StaleWriteError` where somebody was quicker; then nothing
    was changed.
    """
    link = await numbered(connection, present.link, present.order)
    present = replace(present, link=link)
    number, at = link.changes + 1, present.order.updated_at if present.order else None
    why = {"by": dict(change.why)}
    before, after = change.before, change.after
    done = entry(connection, link, Side.TRACOS, number, before, after, change.run, why, at)
    if await connection.history.put([done]):
        raise StaleWriteError(f"order {link.ref} is being changed by a run just now.")
    changed = {name: value for name, value in after.items() if present.shown.get(name) != value}
    if changed:
        await _write(connection, present, changed, done, change.born)
    return replace(link, changes=done.number)


async def _write(
    connection: Connection,
    present: Present,
    changed: Fields,
    done: Entry,
    born: datetime,
) -> None:
    """The change in TracOS, or the new document; raises what TracOS answered if it refused."""
    link, document = present.link, present.document
    order = present.order or WorkOrder(link.ref, {}, born, born, scope=link.scope, kind=link.kind)
    at = max(order.updated_at, connection.clock.now())
    after = replace(order, fields={**present.shown, **changed}, updated_at=at)
    body = connection.translation.to_tracos(after, document.body if document else None)
    write = Write(version_key(link.id, done.number), {**body, **mark(None)}, link.ref, document)
    (answer,) = await connection.tracos.write([write])
    if not isinstance(answer, Receipt):
        await connection.history.supersede([done.id])
        raise answer
