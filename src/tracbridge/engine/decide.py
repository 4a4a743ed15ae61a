"""What a person decides: which side's value stands, and what is to be sent again.

Nothing here needs the connection to itself. Each write is guarded by what was read, so that a run
that works at the same time either sees the decision or is planned again on top of it.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import ConfigError, StaleWriteError
from tracbridge.domain.link import Link
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Fields, Side, Value, WorkOrder
from tracbridge.engine.connection import Connection
from tracbridge.engine.record import entry
from tracbridge.mapping.synced import mark
from tracbridge.ports.connector import Receipt, Record, Write
from tracbridge.ports.state import Conflict
from tracbridge.sync.identity import version_key
from tracbridge.sync.publish import content

ATTEMPTS = 5


async def resend(connection: Connection, ref: str) -> None:
    """Have the next pass give this order again. Raises `ConfigError` if it was never given."""
    for _ in range(ATTEMPTS):
        link = (await connection.ledger.find([ref])).get(ref)
        if link is None:
            raise ConfigError(
                f"order {ref} was never given to the customer; the next run looks at it."
            )
        if link.repush or not await connection.ledger.save([replace(link, repush=True)]):
            return
    raise busy(ref)


async def resolve(connection: Connection, conflict: Conflict, side: Side, run: str) -> Fields:
    """Let ``side``'s values stand in the conflict's fields; returns what TracOS shows of them now.

    May be repeated after a crash. Raises `ConfigError` where somebody has changed the order since:
    what was changed is never overwritten.
    """
    for _ in range(ATTEMPTS):
        try:
            values = await _resolve(connection, conflict, side, run)
        except StaleWriteError:
            continue
        taken = {**conflict.taken, **dict.fromkeys(values, side)}
        now = connection.clock.now()
        await connection.conflicts.decide(conflict.id, taken, "person", now)
        return values
    raise busy(conflict.ref)


def busy(ref: str) -> ConfigError:
    """Others were quicker each time."""
    return ConfigError(f"order {ref} is being changed by others all the time; try again.")


async def _resolve(connection: Connection, conflict: Conflict, side: Side, run: str) -> Fields:
    ref = conflict.ref
    link = (await connection.ledger.find([ref])).get(ref)
    documents = (await connection.tracos.fetch([ref])).get(ref, ())
    if link is None or len(documents) > 1:
        raise ConfigError(f"order {ref} is not linked, or TracOS holds it twice; nothing was done.")
    if not documents:
        return await _restore(connection, conflict, side, link, run)
    document = documents[0]
    order = connection.translation.from_tracos(document.body or {}, link.last_given)
    shown = content(link, order)
    values = wanted(conflict, side, link, shown)
    changed = {name: value for name, value in values.items() if shown.get(name) != value}
    if changed:
        link = await _write(connection, Present(link, document, order, shown), changed, run)
    held = {name: one for name, one in link.held.items() if name not in values}
    tell = link.repush or side is Side.TRACOS or link.window is not None
    await _save(connection, replace(link, held=held, repush=tell))
    return values


def wanted(conflict: Conflict, side: Side, link: Link, shown: Fields) -> dict[str, Value]:
    """The values that shall stand; raises `ConfigError` where the present is not as on record."""
    values: dict[str, Value] = {}
    for name, winner in conflict.taken.items():
        if conflict.decided is None and winner is None:
            values[name] = _held(name, side, link, shown)
        elif winner is not side:
            values[name] = _lost(conflict, name, side, shown)
    if not values:
        raise ConfigError(f"the {side.value}'s values stand already; there is nothing to take.")
    return values


def _held(name: str, side: Side, link: Link, shown: Fields) -> Value:
    """The present value of that side in a field that is held."""
    held = link.held.get(name)
    if held is None or side is Side.TRACOS:
        return shown.get(name)
    return held.customer


def _lost(conflict: Conflict, name: str, side: Side, shown: Fields) -> Value:
    """The value that lost, if the one that won still stands (or ours stands already)."""
    values = {Side.TRACOS: conflict.tracos, Side.CUSTOMER: conflict.customer}
    value, other = values[side].get(name), values[side.other].get(name)
    if shown.get(name) not in (value, other):
        raise ConfigError(
            f"{name} of order {conflict.ref} was changed since; nothing was overwritten. "
            f"Look at it with: tracbridge show {conflict.ref}"
        )
    return value


class Present(Struct, frozen=True):
    """An order as it stands: our memory, TracOS's document (None: gone) and what it shows."""

    link: Link
    document: Record | None
    order: WorkOrder
    shown: Fields | None


async def _write(
    connection: Connection, present: Present, changed: Mapping[str, Value], run: str
) -> Link:
    """On record, then TracOS, guarded; returns the link with the change counted."""
    link, document, order, shown = present.link, present.document, present.order, present.shown
    before = None if shown is None else {name: shown.get(name) for name in changed}
    why = {"by": dict.fromkeys(changed, "taken by a person")}
    number = link.changes + 1
    done = entry(connection, link, Side.TRACOS, number, before, changed, run, why)
    await connection.history.put([done])
    at = max(order.updated_at, connection.clock.now())
    after = replace(order, fields={**(shown or {}), **changed}, updated_at=at)
    body = connection.translation.to_tracos(after, document.body if document else None)
    write = Write(version_key(link.id, number), {**body, **mark(None)}, link.ref, document)
    await _done(connection, write, done.id)
    return replace(link, changes=number)


async def _done(connection: Connection, write: Write, entry_id: str) -> None:
    (answer,) = await connection.tracos.write([write])
    if not isinstance(answer, Receipt):
        await connection.history.supersede([entry_id])
        raise answer


async def _restore(
    connection: Connection, conflict: Conflict, side: Side, link: Link, run: str
) -> Fields:
    """An order that is gone from TracOS: made again from the customer's version, or left gone."""
    if conflict.kind is not Kind.MISSING:
        raise ConfigError(f"order {conflict.ref} is gone from TracOS; nothing was done.")
    if side is Side.TRACOS:
        return dict.fromkeys(conflict.taken)
    now = connection.clock.now()
    at = conflict.customer_at or now
    order = WorkOrder(link.ref, conflict.customer, at, at, scope=link.scope, kind=link.kind)
    present = Present(link, None, order, None)
    link = await _write(connection, present, conflict.customer, run)
    made = replace(link, missing=False, base=conflict.customer, out=None, window=None, tracos=None)
    await _save(connection, made)
    return conflict.customer


async def _save(connection: Connection, link: Link) -> None:
    lost = await connection.ledger.save([link])
    if lost:
        raise StaleWriteError(f"order {link.ref} was changed by a run at the same moment.")
