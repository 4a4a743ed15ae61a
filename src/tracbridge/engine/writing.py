"""Versions as the customer's system takes them: his whole records, under his own keys."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from tracbridge.domain.errors import ConfigError, RecordError, RetryableError
from tracbridge.domain.link import Link, Theirs
from tracbridge.domain.workorder import Fields, WorkOrder
from tracbridge.engine.connection import Connection
from tracbridge.engine.outgoing import Version
from tracbridge.engine.portions import portions
from tracbridge.mapping.declared import NEVER
from tracbridge.ports.connector import Lingers, Receipt, Record, Refusal, Stages, Write
from tracbridge.ports.numbers import Key

Keys = Mapping[str, Key]
"""The customer's own keys of some orders, by number."""

_NONE = Key("")


async def writes_of(
    connection: Connection, versions: Sequence[Version]
) -> Sequence[Write | RecordError]:
    """Each version as a write; an error where it cannot be said in his system."""
    keys = await _keys(connection, [version.ref for version in versions])
    files = isinstance(connection.customer, Stages)
    found: list[Write | RecordError] = []
    async for some in portions(versions, connection.pause):
        found += [_spelt(connection, version, keys, files=files) for version in some]
    return found


async def answers_of(
    connection: Connection, versions: Sequence[Version]
) -> Sequence[Receipt | Refusal]:
    """The answers of a system that takes each version at once; their keys are kept."""
    keys = await _keys(connection, [version.ref for version in versions])
    files = isinstance(connection.customer, Stages)
    spelt = [_spelt(connection, version, keys, files=files) for version in versions]
    said = iter(await _said(connection, [one for one in spelt if isinstance(one, Write)]))
    answers = [next(said) if isinstance(one, Write) else one for one in spelt]
    await pair(connection, versions, answers, keys)
    return answers


async def _said(connection: Connection, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
    """One answer for each, also where the system says one thing of all of them."""
    customer = connection.customer
    try:
        if isinstance(customer, Lingers):
            return await customer.write_held(writes, connection.lease.hold)
        return await customer.write(writes)
    except RetryableError as error:
        return [error] * len(writes)


async def pair(
    connection: Connection,
    versions: Sequence[Version],
    answers: Sequence[object],
    known: Collection[str],
) -> None:
    """Orders that TracOS had first: his system has answered under which key they are there.

    ``known``: numbers whose keys we have.
    """
    if connection.numbers is None:
        refuse_renumbered(connection, versions, answers)
        return
    new = {
        key_in(connection, answer): version.ref
        for version, answer in zip(versions, answers, strict=True)
        if isinstance(answer, Receipt) and version.ref not in known
    }
    await connection.numbers.pair({key: number for key, number in new.items() if key.ref})


def refuse_renumbered(
    connection: Connection, versions: Sequence[Version], answers: Sequence[object]
) -> None:
    """Raises `ConfigError` where his system has given a new order a number of its own, although the
    mapping says that his numbers are TracOS's: read back, it would be another order.
    """
    for version, answer in zip(versions, answers, strict=True):
        body = answer.body if isinstance(answer, Receipt) else None
        key = connection.translation.customer_ref(body) if body else None
        if key is not None and key != version.ref:
            raise ConfigError(
                f"TracOS's order {version.ref} was made in the customer's system under its own "
                f"number {key}. Say in the mapping that his keys are his own (key: as: text, with "
                "ours: the field that holds TracOS's number); then the run goes on."
            )


def key_in(connection: Connection, receipt: Receipt) -> Key:
    """The key that an answer names: as the mapping reads it, else the record's own id."""
    translation, body = connection.translation, receipt.body
    ref = translation.customer_ref(body) if body else None
    if body is None or ref is None:
        return Key(receipt.ref)
    return Key(ref, translation.customer_scope(body))


async def _keys(connection: Connection, refs: Sequence[str]) -> Keys:
    if connection.numbers is None:
        return {}
    return await connection.numbers.keys(refs)


def _spelt(
    connection: Connection, version: Version, keys: Keys, *, files: bool
) -> Write | RecordError:
    """The customer's whole record of a version, as it was frozen. ``files``: whole ones are laid
    out, whatever lies there.
    """
    link, translation = version.link, connection.translation
    out = link.out
    if out is None:
        msg = f"order {link.ref} has no version to write"
        raise ValueError(msg)
    order = replace(_order(link, out.fields, keys), state=out.state or _stays(link, out.fields))
    try:
        body = _body(connection, link, order)
    except RecordError as error:
        return error
    extra = translation.passed(link.extra, body)
    return Write(
        out.key,
        body,
        link.ref,
        replaces=None if files else _held(connection, link, order),
        extra=extra,
        state=out.state,
    )


def _stays(link: Link, fields: Fields) -> str:
    """The state that we gave last, where this version is not about the status: it is spelt as what
    he holds is spelt, else it would look like a change of it.
    """
    return link.state if fields.get("status") == (link.base or {}).get("status") else ""


def _body(connection: Connection, link: Link, order: WorkOrder) -> dict[str, Any]:
    """The order in his spelling. What no table knows stays as he spelt it."""
    if link.unknown:
        fields = {n: v for n, v in order.fields.items() if n not in link.unknown}
        order = replace(order, fields=fields)
    return connection.translation.to_customer(order)


async def held(connection: Connection, links: Sequence[Link]) -> Sequence[Record]:
    """These orders as the customer is known to hold them; without those that he does not have."""
    keys = await _keys(connection, [link.ref for link in links])
    if isinstance(connection.customer, Stages):
        return []
    found = (_held(connection, link, _order(link, link.base or {}, keys)) for link in links)
    return [record for record in found if record]


def _order(link: Link, fields: Fields, keys: Keys) -> WorkOrder:
    """The order with what we remember of his record."""
    out, key = link.out, keys.get(link.ref, _NONE)
    return WorkOrder(
        link.ref,
        fields,
        out.created_at if out else NEVER,
        out.updated_at if out else NEVER,
        extra=link.extra,
        scope=key.scope,
        key=key.ref,
        said=link.said,
        state=link.state,
    )


def _held(connection: Connection, link: Link, order: WorkOrder) -> Record | None:
    """The record as he is known to hold it; None where he does not have the order yet."""
    if link.base is None:
        return None
    theirs = link.theirs or Theirs("")
    before = replace(order, fields=link.base, state=link.state)
    try:
        body = _body(connection, link, before)
    except RecordError:  # the mapping has changed since: everything is sent
        body = {}
    return Record(body, theirs.ref, theirs.version)
