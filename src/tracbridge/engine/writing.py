"""Versions as the customer's system takes them: his whole records, under his own keys."""

from collections.abc import Mapping, Sequence

from tracbridge.domain.errors import RecordError
from tracbridge.domain.workorder import WorkOrder
from tracbridge.engine.connection import Connection
from tracbridge.engine.outgoing import Version
from tracbridge.engine.portions import portions
from tracbridge.ports.connector import Receipt, Refusal, Write
from tracbridge.ports.numbers import Key

Keys = Mapping[str, Key]
"""The customer's own keys of some orders, by number."""

_NONE = Key("")


async def writes_of(
    connection: Connection, versions: Sequence[Version]
) -> Sequence[Write | RecordError]:
    """Each version as a write; an error where it cannot be said in his system."""
    keys = await _keys(connection, versions)
    found: list[Write | RecordError] = []
    async for some in portions(versions, connection.pause):
        found += [_spelt(connection, version, keys) for version in some]
    return found


async def answers_of(
    connection: Connection, versions: Sequence[Version]
) -> Sequence[Receipt | Refusal]:
    """The answers of a system that takes each version at once; their keys are kept."""
    keys = await _keys(connection, versions)
    spelt = [_spelt(connection, version, keys) for version in versions]
    said = iter(await connection.customer.write([one for one in spelt if isinstance(one, Write)]))
    answers = [next(said) if isinstance(one, Write) else one for one in spelt]
    if connection.numbers is not None:
        pairs = zip(versions, answers, strict=True)
        # Orders that TracOS had first: his system has answered under which key they are there.
        new = {Key(a.ref): v.ref for v, a in pairs if isinstance(a, Receipt)}
        await connection.numbers.pair({k: n for k, n in new.items() if k.ref and n not in keys})
    return answers


async def _keys(connection: Connection, versions: Sequence[Version]) -> Keys:
    if connection.numbers is None:
        return {}
    return await connection.numbers.keys([version.ref for version in versions])


def _spelt(connection: Connection, version: Version, keys: Keys) -> Write | RecordError:
    """The customer's whole record of a version, as it was frozen."""
    link, translation = version.link, connection.translation
    out, key = link.out, keys.get(link.ref, _NONE)
    if out is None:
        msg = f"order {link.ref} has no version to write"
        raise ValueError(msg)
    # What no table knows stays as he spelt it.
    fields = {n: v for n, v in out.fields.items() if n not in link.unknown}
    order = WorkOrder(
        link.ref,
        fields if link.unknown else out.fields,
        out.created_at,
        out.updated_at,
        extra=link.extra,
        scope=key.scope,
        key=key.ref,
        said=link.said,
        state=out.state,
    )
    try:
        body = translation.to_customer(order)
    except RecordError as error:
        return error
    return Write(out.key, body, link.ref, extra=translation.passed(link.extra, body))
