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
from tracbridge.domain.workorder import Fields, Side, Value, settled, to_milliseconds
from tracbridge.engine.amend import Amendment, Present, amend, look
from tracbridge.engine.connection import Connection
from tracbridge.ports.state import Conflict, Resolution
from tracbridge.sync.publish import agreed

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
        values = wanted(connection, conflict, choice, present, now)
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
    connection: Connection, conflict: Conflict, choice: Choice, present: Present, now: datetime
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
        if choice.side is Side.CUSTOMER and name in present.link.unknown:
            values |= _understood(connection, present, name)
            continue
        values |= _chosen(conflict, choice, present, name)
    if not values:
        raise ConfigError("these values stand already; there is nothing to decide.")
    return settled(values, present.shown, when=to_milliseconds(now))


def _understood(connection: Connection, present: Present, name: str) -> Mapping[str, Value]:
    """What the customer's code means by now; raises `ConfigError` where no table knows it yet."""
    link = present.link
    found = connection.translation.recalled(link.extra, [name])
    if name not in found:
        raise ConfigError(
            f"{name} of order {link.ref}: no table knows {link.unknown[name]!r}. Add it to the "
            "table, and the next run takes it in; or let another value stand: --set."
        )
    return found


def _chosen(conflict: Conflict, choice: Choice, present: Present, name: str) -> Mapping[str, Value]:
    """The value that shall stand in one field; nothing if it is that side's already."""
    shown = present.shown.get(name)
    if name in conflict.waiting and name in {*present.link.held, *present.link.unknown}:
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
    shown, now, gone = present.shown, connection.clock.now(), present.document is None
    stays = gone and choice.side is Side.TRACOS
    before = {name: shown.get(name) for name in values} if not gone else {} if stays else None
    after = {} if stays else values
    why = dict.fromkeys(values, choice.words) if after else {"": choice.words}
    born = conflict.created_at or conflict.customer_at or now
    link = await amend(connection, present, Amendment(before, after, why, run, born))
    changed = [name for name, value in after.items() if shown.get(name) != value]
    made = replace(link, times={**link.times, **dict.fromkeys(changed, now)})
    if gone:
        made = _dropped(made, conflict) if stays else _made_again(made, values)
    else:
        held = {name: one for name, one in link.held.items() if name not in values}
        told = choice.side is Side.CUSTOMER and link.window is None
        made = replace(made, held=held, missing=False, repush=link.repush or not told)
        made = _understood_by_now(made, values, choice)
    if await connection.ledger.save([made]):
        raise StaleWriteError(f"order {link.ref} was changed by a run at the same moment.")


def _understood_by_now(link: Link, values: Fields, choice: Choice) -> Link:
    """Codes that no table knew wait no more. Where they were not taken, he still holds them."""
    his = choice.side is Side.CUSTOMER
    codes = {n: values[n] if his else code for n, code in link.unknown.items() if n in values}
    return agreed(link, codes) if codes else link


def _dropped(link: Link, conflict: Conflict) -> Link:
    """The order stays gone, and what the customer showed of it is no news any more."""
    return replace(link, missing=False, dropped=True, base=conflict.customer)


def _made_again(link: Link, fields: Fields) -> Link:
    """The order begins anew from what the customer holds; he is told, as of every new one."""
    link = replace(link, missing=False, dropped=False, repush=True, tracos=None)
    return replace(link, base=fields, out=None, window=None)
