"""What goes on record before an effect: history entries and conflicts, under names that repeat."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tracbridge.domain.link import Link
from tracbridge.domain.outcome import Disagreement
from tracbridge.domain.workorder import Fields, Side
from tracbridge.engine.connection import Connection
from tracbridge.ports.state import Conflict, Entry
from tracbridge.sync.identity import canonical, record_id

if TYPE_CHECKING:
    from tracbridge.engine.inbound import Inbound, Plan


def entry_of(inbound: "Inbound", plan: "Plan", before: Fields | None, after: Fields) -> Entry:
    """The history entry of one change in TracOS, with what the fields held before."""
    changed = [n for n, v in after.items() if before is None or before.get(n) != v]
    record, link = plan.item.record, plan.link
    why = {"source": record.source, "kept": record.kept, "by": dict(plan.decision.why or {})}
    return entry(
        inbound.connection,
        link,
        Side.TRACOS,
        link.changes + 1,
        None if before is None else {n: before.get(n) for n in changed},
        {n: after[n] for n in changed},
        inbound.run,
        why,
        plan.tracos_at,
    )


def entry(  # noqa: PLR0913, PLR0917 - each is a column of the history
    connection: Connection,
    link: Link,
    side: Side,
    number: int,
    before: Fields | None,
    after: Fields,
    run: str,
    why: Mapping[str, object],
    before_at: datetime | None = None,
) -> Entry:
    """The same change at the same place in the order's life has the same id."""
    name = record_id(link.id, number, side.value, canonical(before), canonical(after))
    why = {"mapping": connection.translation.name, **why}
    at = connection.clock.now()
    return Entry(
        name, connection.name, link.ref, number, side, at, run, before, after, why, before_at
    )


def conflicts_of(inbound: "Inbound", plan: "Plan") -> list[Conflict]:
    """The disagreements of one record, each under the name of its order and values."""
    source, at = plan.item.record.source, plan.item.order.updated_at
    return [
        conflict_of(inbound.connection, plan.link, note, source, at, plan.tracos_at)
        for note in plan.decision.disagreements
    ]


def conflict_of(
    connection: Connection,
    link: Link,
    note: Disagreement,
    source: str = "",
    customer_at: datetime | None = None,
    tracos_at: datetime | None = None,
) -> Conflict:
    """One disagreement about one order; ``source`` and ``customer_at``: of his record, if any."""
    values = map(canonical, (note.base, note.tracos, note.customer))
    return Conflict(
        id=record_id(link.id, note.kind, *values)[:12],
        connection=connection.name,
        ref=link.ref,
        kind=note.kind,
        at=connection.clock.now(),
        base=note.base,
        tracos=note.tracos,
        customer=note.customer,
        taken=note.taken,
        decided=None if None in note.taken.values() else note.policy or note.kind.value,
        source=source,
        tracos_at=tracos_at,
        customer_at=customer_at,
    )


async def pending(
    connection: Connection, links: Mapping[str, Link], refs: Sequence[str]
) -> Mapping[str, Entry]:
    """Entries written before a crash or a lost guard whose effect is not known, by ref."""
    if not refs:
        return {}
    numbers = {ref: links[ref].changes + 1 if ref in links else 1 for ref in refs}
    return await connection.history.pending(numbers)
