"""What a person decides: which value stands, and what is to be sent again.

Nothing here needs the connection to itself. Each write is guarded by what was read, so that a run
that works at the same time either sees the decision or is planned again on top of it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import ConfigError, StaleWriteError
from tracbridge.domain.link import Link
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Fields, Side, Value, WorkOrder, settled, to_milliseconds
from tracbridge.engine.connection import Connection
from tracbridge.engine.record import entry, numbered
from tracbridge.mapping.synced import mark
from tracbridge.ports.connector import Receipt, Record, Write
from tracbridge.ports.state import Conflict, Entry, Resolution
from tracbridge.sync.identity import version_key
from tracbridge.sync.publish import content

ATTEMPTS = 5


async def resend(connection: Connection, ref: str) -> None:
    """Have the next pass give this order again.

    Raises `ConfigError` if it was never given, or if TracOS holds it no more.
    """
    for _ in range(ATTEMPTS):
        link = (await connection.ledger.find([ref])).get(ref)
        if link is None:
            raise ConfigError(
                f"order {ref} was never given to the customer; the next run looks at it."
            )
        if not (await connection.tracos.fetch([ref])).get(ref):
            raise ConfigError(f"order {ref} is gone from TracOS; there is nothing to send.")
        if link.repush or not await connection.ledger.save([replace(link, repush=True)]):
            return
    raise busy(ref)


class Choice(Struct, frozen=True):
    """What a person wants of a conflict: one side's values (``side``), or these ``values``.

    ``fields``: in these only; () means all that wait, and where none waits all there are.
    ``deleted: True`` means: deleted now.
    """

    by: str
    why: str = ""
    side: Side | None = None
    values: Fields = {}
    fields: Collection[str] = ()

    @property
    def words(self) -> str:
        """What stands in the history."""
        whose = "set" if self.side is None else f"the value of {self.side.value} taken"
        return f"{whose} by {self.by}" + (f": {self.why}" if self.why else "")


class Present(Struct, frozen=True):
    """An order as it stands: our memory, TracOS's document (None: gone) and what it shows."""

    link: Link
    document: Record | None
    order: WorkOrder | None
    shown: Fields

    def customer(self, name: str) -> Value:
        """What the customer holds in a field, as far as we know."""
        held = self.link.held.get(name)
        return held.customer if held else (self.link.last_given or {}).get(name)


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


async def resolve(
    connection: Connection, conflict: Conflict, choice: Choice, run: str
) -> Mapping[str, Value]:
    """Let the chosen values stand in the conflict's fields; returns them.

    May be repeated after a crash. Raises `ConfigError` where somebody has changed the order since:
    what was changed is never overwritten.
    """
    for _ in range(ATTEMPTS):
        present = await look(connection, conflict.ref)
        now = connection.clock.now()
        values = wanted(conflict, choice, present, now)
        try:
            await _apply(connection, conflict, present, values, choice, run)
        except StaleWriteError:
            continue
        made = Resolution(now, values, choice.side, choice.by, choice.why)
        await connection.conflicts.decide(conflict, made)
        return values
    raise busy(conflict.ref)


def busy(ref: str) -> ConfigError:
    """Others were quicker each time."""
    return ConfigError(f"order {ref} is being changed by others all the time; try again.")


def changed_since(ref: str, field: str) -> ConfigError:
    """What stands there is neither what was on record nor what was decided."""
    return ConfigError(
        f"{field} of order {ref} was changed since; nothing was overwritten. "
        f"Look at it with: tracbridge show {ref}"
    )


def wanted(
    conflict: Conflict, choice: Choice, present: Present, now: datetime
) -> Mapping[str, Value]:
    """The values that shall stand; raises `ConfigError` where the present is not as on record."""
    names = choice.fields or choice.values or conflict.waiting or conflict.taken
    if unknown := set(names) - set(conflict.taken):
        raise ConfigError(
            f"conflict {conflict.id} is about {', '.join(conflict.taken)}, "
            f"not about {', '.join(sorted(unknown))}."
        )
    if conflict.kind is Kind.MISSING:
        return _missing(conflict, choice, present)
    if present.document is None:
        raise ConfigError(f"order {conflict.ref} is gone from TracOS; nothing was done.")
    values: dict[str, Value] = {}
    for name in names:
        values |= _chosen(conflict, choice, present, name)
    if not values:
        raise ConfigError("these values stand already; there is nothing to decide.")
    return settled(values, present.shown, when=to_milliseconds(now))


def _chosen(conflict: Conflict, choice: Choice, present: Present, name: str) -> Mapping[str, Value]:
    """The value that shall stand in one field; nothing if it is that side's already."""
    shown = present.shown.get(name)
    if name in conflict.waiting and name in present.link.held:
        ours = {Side.TRACOS: shown, Side.CUSTOMER: present.customer(name)}
        return {name: ours[choice.side] if choice.side else choice.values[name]}
    if choice.side and choice.side is conflict.taken[name]:
        return {}
    recorded = {Side.TRACOS: conflict.tracos.get(name), Side.CUSTOMER: conflict.customer.get(name)}
    later = conflict.resolution(name)
    value = recorded[choice.side] if choice.side else choice.values[name]
    known = (*recorded.values(), value, *([later.values[name]] if later else []))
    if shown not in known and not (value is True and shown):
        raise changed_since(conflict.ref, name)
    return {name: value}


def _missing(conflict: Conflict, choice: Choice, present: Present) -> Mapping[str, Value]:
    """All of the order, or nothing of it."""
    if choice.side is None or set(conflict.taken) - set(choice.fields or conflict.taken):
        raise ConfigError(
            f"order {conflict.ref} is gone from TracOS as a whole: choose with --take alone."
        )
    shown = {name: present.shown.get(name) for name in conflict.taken}
    if choice.side is Side.TRACOS:
        return shown
    for name, value in shown.items() if present.document else ():
        if value not in (conflict.base.get(name), conflict.customer.get(name)):
            raise changed_since(conflict.ref, name)
    return conflict.customer


async def _apply(
    connection: Connection,
    conflict: Conflict,
    present: Present,
    values: Mapping[str, Value],
    choice: Choice,
    run: str,
) -> None:
    """On record, then TracOS, guarded, then our memory."""
    link = await numbered(connection, present.link, present.order)
    present = replace(present, link=link)
    shown, now = present.shown, connection.clock.now()
    gone = present.document is None
    stays = gone and choice.side is Side.TRACOS
    before = {name: shown.get(name) for name in values} if not gone else {} if stays else None
    after = {} if stays else values
    why = {"by": dict.fromkeys(values, choice.words) if after else {"": choice.words}}
    number, at = link.changes + 1, present.order.updated_at if present.order else None
    done = entry(connection, link, Side.TRACOS, number, before, after, run, why, at)
    if await connection.history.put([done]):
        raise StaleWriteError(f"order {link.ref} is being changed by a run just now.")
    changed = {name: value for name, value in after.items() if shown.get(name) != value}
    if changed:
        born = conflict.created_at or conflict.customer_at or now
        await _write(connection, present, changed, done, born)
    made = replace(link, changes=done.number, times={**link.times, **dict.fromkeys(changed, now)})
    if gone:
        made = _dropped(made, conflict) if stays else _made_again(made, values)
    else:
        held = {name: one for name, one in link.held.items() if name not in values}
        told = choice.side is Side.CUSTOMER and link.window is None
        made = replace(made, held=held, missing=False, repush=link.repush or not told)
    if await connection.ledger.save([made]):
        raise StaleWriteError(f"order {link.ref} was changed by a run at the same moment.")


def _dropped(link: Link, conflict: Conflict) -> Link:
    """The order stays gone, and what the customer showed of it is no news any more."""
    return replace(link, missing=False, dropped=True, base=conflict.customer)


def _made_again(link: Link, fields: Fields) -> Link:
    """The order begins anew from what the customer holds; he is told, as of every new one."""
    link = replace(link, missing=False, dropped=False, repush=True, tracos=None)
    return replace(link, base=fields, out=None, window=None)


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
