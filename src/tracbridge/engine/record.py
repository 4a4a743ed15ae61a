"""What goes on record before an effect: history entries and conflicts, under names that repeat."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tracbridge.domain.link import Link
from tracbridge.domain.outcome import Disagreement
from tracbridge.domain.workorder import Fields, Side, WorkOrder
from tracbridge.engine.connection import Connection
from tracbridge.ports.state import Conflict, Entry
from tracbridge.sync.identity import canonical, record_id

if TYPE_CHECKING:
    from tracbridge.engine.inbound import Inbound
    from tracbridge.engine.incoming import Plan


def entry_of(inbound: "Inbound", plan: "Plan", before: Fields | None, after: Fields) -> Entry:
    """The history entry of one change in TracOS, with what the fields held before."""
    changed = [n for n, v in after.items() if before is None or before.get(n) != v]
    record, link = plan.item.record, plan.link
    why: dict[str, Any] = {"source": record.source, "kept": record.kept}
    why |= {"pointer": record.pointer} if record.pointer else {}
    why |= {"rules": list(plan.rules)} if plan.rules else {}
    why["by"] = dict(plan.decision.why or {})
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
    """One place in the order's life has one id; of a version made twice the content tells."""
    version = (canonical(before), canonical(after)) if side is Side.CUSTOMER else ()
    name = record_id(link.id, number, side.value, *version)
    words = {"words": connection.version} if connection.version else {}
    why = {"mapping": connection.translation.name, **words, **why}
    at = connection.clock.now()
    return Entry(
        name, connection.name, link.ref, number, side, at, run, before, after, why, before_at
    )


def conflicts_of(inbound: "Inbound", plan: "Plan") -> list[Conflict]:
    """The disagreements of one record, each under the name of its order and values."""
    source, order = plan.item.record.source, plan.item.order
    at, tracos_at = order.updated_at, plan.tracos_at
    notes = plan.decision.disagreements
    made = [conflict_of(inbound.connection, plan.link, n, source, at, tracos_at) for n in notes]
    return [replace(one, created_at=order.created_at) for one in made]


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


async def numbered(connection: Connection, link: Link, tracos: WorkOrder | None) -> Link:
    """The link, ready for the next change: one that was begun before counts if it perhaps had its
    effect, else its place is free again.
    """
    begun = (await connection.history.pending({link.ref: link.changes + 1})).get(link.ref)
    if begun is None:
        return link
    if tracos and perhaps_done(begun, tracos):
        return replace(link, changes=link.changes + 1)
    await connection.history.supersede([begun.id])
    return link


def shows(fields: Fields, after: Mapping[str, object]) -> bool:
    """TracOS shows the values of a history entry: its effect has happened."""
    return all(fields.get(name) == value for name, value in after.items())


def perhaps_done(entry: Entry, tracos: WorkOrder) -> bool:
    """A change that we began had its effect, or nobody knows: its number is used up.

    Only where TracOS's order is as it was before do we know that it had none.
    """
    untouched = entry.before is not None and entry.before_at == tracos.updated_at
    return shows(tracos.fields, entry.after) or not untouched


def taken_up(open_: Entry | None, tracos: WorkOrder | None) -> tuple[bool, frozenset[str]]:
    """Whether a change that was begun before uses up its number, and fields that do not show it."""
    if open_ is None or tracos is None or not perhaps_done(open_, tracos):
        return False, frozenset()
    return True, perhaps_undone(open_, tracos)


def perhaps_undone(entry: Entry, tracos: WorkOrder) -> frozenset[str]:
    """Fields that do not show a change of which nobody knows whether it had its effect: either it
    had none, or somebody took it back.
    """
    if entry.before is None or entry.before_at is None:
        return frozenset()
    return frozenset(n for n, value in entry.after.items() if tracos.fields.get(n) != value)
