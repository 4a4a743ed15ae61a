"""From raw records to canonical orders; what cannot be understood goes to quarantine with its bytes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from tracbridge.domain.errors import Reason, RecordError
from tracbridge.domain.link import Claim
from tracbridge.domain.workorder import Side, WorkOrder
from tracbridge.engine.connection import Connection
from tracbridge.ports.connector import Record, SetsAside
from tracbridge.ports.runtime import Step
from tracbridge.ports.state import QuarantineCase
from tracbridge.sync.identity import record_id


@dataclass(frozen=True, slots=True)
class Item:
    """One record that was understood, and the pass that claimed it."""

    record: Record
    order: WorkOrder
    claim: Claim


@dataclass(frozen=True, slots=True)
class Refused:
    """One record that was not understood, or that cannot be applied."""

    record: Record
    error: RecordError
    claim: Claim
    ref: str | None = None


def understand(connection: Connection, record: Record, claim: Claim) -> Item | Refused:
    """The record as an order, or why not."""
    claim = record.claim or claim
    translation = connection.translation
    if record.error or record.body is None:
        return Refused(record, record.error or _tombstone(), claim)
    try:
        order = translation.from_customer(record.body)
    except RecordError as error:
        return Refused(record, error, claim, translation.customer_ref(record.body))
    return Item(record, order, claim)


def _tombstone() -> RecordError:
    return RecordError("no_body", "the record carries no content.")


def rounds(items: Iterable[Item]) -> list[list[Item]]:
    """The items so that each round holds an order once and each order keeps its sequence."""
    result: list[list[Item]] = []
    turn: dict[str, int] = {}
    for item in items:
        number = turn.get(item.order.ref, 0)
        turn[item.order.ref] = number + 1
        if number == len(result):
            result.append([])
        result[number].append(item)
    return result


async def refuse(connection: Connection, refused: Sequence[Refused]) -> None:
    """Put each record on record with its bytes; repeating it changes nothing."""
    if not refused:
        return
    await connection.quarantine.put([case_of(connection, one) for one in refused])
    if isinstance(connection.customer, SetsAside):
        await connection.customer.set_aside([one.record for one in refused if one.record.aside])
    for one in refused:
        connection.observer.incident(one.error.why.code, where(one.record), str(one.error))
    await connection.steps.passed(Step.QUARANTINED)


def where(record: Record) -> str:
    """The record's place for people."""
    return f"{record.source} {record.pointer}".strip()


def case_of(connection: Connection, one: Refused) -> QuarantineCase:
    """The quarantine's entry; its name is the same whenever the same bytes are refused at the same place."""
    record = one.record
    version = record.version or sha256(record.raw).hexdigest()
    return QuarantineCase(
        id=record_id(connection.name, record.source, record.pointer, version, one.claim.pass_)[:12],
        connection=connection.name,
        side=Side.CUSTOMER,
        source=record.source,
        why=pointed(one.error, record.pointer),
        version=version,
        at=connection.clock.now(),
        ref=one.ref,
        file=record.aside or (record.kept if not record.raw else ""),
        raw=b"" if record.aside else record.raw,
        claim=one.claim,
    )


def pointed(error: RecordError, pointer: str) -> Reason:
    """The reason with a pointer into the file, not into the record."""
    return replace(error.why, pointer=pointer + error.why.pointer)
