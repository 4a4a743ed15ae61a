"""From raw records to canonical orders; what cannot be understood goes to quarantine, bytes and
all.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import Reason, RecordError
from tracbridge.domain.link import Claim
from tracbridge.domain.workorder import DELETED, Side, WorkOrder
from tracbridge.engine.connection import Connection
from tracbridge.engine.copy import readable
from tracbridge.ports.connector import Record, SetsAside
from tracbridge.ports.runtime import Step
from tracbridge.ports.state import QuarantineCase
from tracbridge.sync.identity import record_id
from tracbridge.sync.policy import AHEAD


class Item(Struct, frozen=True):
    """One record that was understood, and the pass that claimed it.

    ``document``: the id that TracOS's document of it is to have, None where any will do.
    """

    record: Record
    order: WorkOrder
    claim: Claim
    document: object = None


class Refused(Struct, frozen=True):
    """One record that was not understood, or that cannot be applied."""

    record: Record
    error: RecordError
    claim: Claim
    ref: str | None = None


def understand(
    connection: Connection, record: Record, claim: Claim, now: datetime
) -> Item | Refused:
    """The record as an order, or why not."""
    claim = claimed(record, claim)
    translation = connection.translation
    if record.error or (record.body is None and not record.ref):
        return Refused(record, record.error or _empty(), claim)
    if record.body is None:
        return Item(record, tombstone(record.ref or "", now), claim)
    try:
        order = translation.from_customer(record.body)
    except RecordError as error:
        return Refused(record, error, claim, translation.customer_ref(record.body))
    if translation.observed:
        born = order.created_at if order.created_at != order.updated_at else now
        order = replace(order, created_at=born, updated_at=now)
    for code in warnings_of(order, now):
        warn(connection, code, where(record))
    return Item(record, order, claim)


def claimed(record: Record, now: Claim) -> Claim:
    """The pass that claimed the record.

    One that is still to come was a pass of a memory that was replaced by an older one: what went
    before it nobody knows any more.
    """
    claim = record.claim or now
    return Claim(now.pass_, 0) if claim.pass_ > now.pass_ else claim


WARNINGS = {
    "integral_float": "the number is written with a point or an exponent.",
    "inconsistent_dates": "it was changed before it was created.",
    "deletion_date_missing": "it is deleted without saying when.",
    "unknown_flag": "it carries a status flag that nobody here knows.",
    "clock_skew": "its time is more than 5 minutes ahead of our clock: it wins no conflict by it.",
    "number_reused": "TracOS's order of this number was created more than 24 hours apart from it: "
    "perhaps the number was used again.",
}


def warnings_of(order: WorkOrder, now: datetime) -> tuple[str, ...]:
    """What looks odd about an order that is accepted nevertheless."""
    ahead = order.updated_at > now + AHEAD
    return (*order.warnings, "clock_skew") if ahead else order.warnings


def warn(connection: Connection, code: str, place: str) -> None:
    """Say once that a record was accepted although something about it looks odd."""
    text = WARNINGS.get(code, "it looks odd.")
    connection.observer.incident(code, place, f"accepted, but {text}")


def tombstone(ref: str, now: datetime) -> WorkOrder:
    """What a record says that is there no more: nothing but that, and since when we know it."""
    return WorkOrder(ref, {DELETED: True}, now, now)


def _empty() -> RecordError:
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
    """The quarantine's entry; the same bytes refused at the same place have the same name."""
    record = one.record
    version = record.version or sha256(record.raw).hexdigest()
    return QuarantineCase(
        id=record_id(connection.name, record.source, record.pointer, version, one.claim.pass_)[:12],
        connection=connection.name,
        side=Side.CUSTOMER,
        source=record.source,
        why=pointed(one),
        version=version,
        at=connection.clock.now(),
        ref=one.ref,
        file=record.aside or (record.kept if not record.raw else ""),
        raw=b"" if record.aside else bytes_of(record),
        claim=one.claim,
        token=getattr(one.error, "token", ""),
        theirs=record.ref or "",
    )


def bytes_of(record: Record) -> bytes:
    """The record as it came; where its system has no bytes, as JSON."""
    return record.raw or (readable(record.body) if record.body else b"")


def pointed(one: Refused) -> Reason:
    """The reason with a pointer into the file; whoever read the file has given it so."""
    why = one.error.why
    if one.error is one.record.error:
        return why
    return replace(why, pointer=one.record.pointer + why.pointer)
