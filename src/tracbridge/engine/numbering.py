"""Records of customers with keys of their own: the engine knows orders by TracOS's numbers."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from tracbridge.domain.errors import RecordError
from tracbridge.engine.connection import Connection
from tracbridge.engine.intake import Item, Refused
from tracbridge.ports.numbers import Key, Numbered, Numbers

ROUNDS = 5
"""How often numbers are allocated anew that TracOS's people turned out to use."""


async def numbered(
    connection: Connection, understood: Sequence[Item | Refused]
) -> list[Item | Refused]:
    """Each record under TracOS's number; a new key is given one that no document has.

    Where his keys are TracOS's numbers, nothing is to be done. Repeating it changes nothing.
    """
    numbers = connection.numbers
    if numbers is None:
        return list(understood)
    items = [one for one in understood if isinstance(one, Item)]
    refused = await _pair(connection, numbers, items)
    keys = list({key_of(item): None for item in items if key_of(item) not in refused})
    found = await _allocated(connection, numbers, keys)
    return [_under(one, found, refused) for one in understood]


def key_of(item: Item) -> Key:
    """The record's key."""
    return Key(item.order.ref, item.order.scope)


async def _pair(
    connection: Connection, numbers: Numbers, items: Sequence[Item]
) -> Mapping[Key, RecordError]:
    """Records that carry the number of an order which TracOS had first: we gave it him, or both
    sides had it before we came. Then the first contact decides whether the two are one order.
    """
    told = {key_of(item): item.order.ours for item in items if item.order.ours}
    if not told:
        return {}
    known = await numbers.known(list(told))
    new = {key: number for key, number in told.items() if key not in known}
    links = await connection.ledger.find(list(new.values()))
    strange = [number for number in new.values() if number not in links]
    there = await connection.tracos.fetch(strange) if strange else {}
    pairs = {k: n for k, n in new.items() if (links[n].seq if n in links else there.get(n))}
    lost = await numbers.pair(pairs) if pairs else set()
    return {key: ambiguous(key, pairs[key]) for key in lost}


def ambiguous(key: Key, number: str) -> RecordError:
    """Why a record is refused whose TracOS number belongs to another key."""
    reason = f"carries TracOS's number {number}, which belongs to another order of his."
    hint = "Remove it there, then retry."
    return RecordError("ambiguous_key", reason, value=str(key), hint=hint)


async def _recognise(connection: Connection, numbers: Numbers, new: Sequence[Key]) -> None:
    """Orders that we made in TracOS once, and that our memory, an older one, knows nothing of."""
    ids = {numbers.document(key): key for key in new}
    there = await connection.tracos.made(list(ids))
    if there:
        await numbers.pair({ids[id_]: number for id_, number in there.items()})


async def _allocated(
    connection: Connection, numbers: Numbers, keys: Sequence[Key]
) -> Mapping[Key, Numbered]:
    found = dict(await numbers.known(keys)) if keys else {}
    new = [key for key in keys if key not in found]
    if not new:
        return found
    await _recognise(connection, numbers, new)
    found |= await numbers.of(new)
    fresh = {key: one for key, one in found.items() if one.fresh}
    for _ in range(ROUNDS):
        if not fresh:
            break
        there = await connection.tracos.fetch([one.number for one in fresh.values()])
        taken = [key for key, one in fresh.items() if there.get(one.number)]
        if not taken:
            break
        await numbers.again(taken)
        fresh = dict(await numbers.known(taken))
        found |= fresh
    return found


def _under(
    one: Item | Refused, found: Mapping[Key, Numbered], refused: Mapping[Key, RecordError]
) -> Item | Refused:
    if isinstance(one, Refused):
        return one
    key = key_of(one)
    if key in refused:
        return Refused(one.record, refused[key], one.claim, str(key))
    to = found[key]
    order = replace(one.order, ref=to.number, key=key.ref)
    return replace(one, order=order, document=to.document)
