"""What one record from the customer makes us do, with everything that was read to decide it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.link import Claim, Link, Theirs
from tracbridge.domain.outcome import Outcome
from tracbridge.domain.workorder import Fields, WorkOrder
from tracbridge.engine.connection import Connection
from tracbridge.engine.intake import Item, Refused
from tracbridge.ports.connector import Record
from tracbridge.ports.state import AGREED, Entry, Good, Resolution
from tracbridge.sync.guard import Grave, grave
from tracbridge.sync.merge import Decision
from tracbridge.sync.plan import SAME_ORDER


class Plan(Struct, frozen=True):
    """What one record makes us do, with everything that was read to decide it.

    ``link`` as it was read, ``after`` as it is to be stored (None: it stays). ``tracos_at``:
    TracOS's time of its last edit. ``entry``: the history entry of what is written to TracOS (None:
    nothing is). ``void``: an earlier one in its place that had no effect. ``rules``: those that
    changed the record. ``reused``: perhaps another order's number.
    """

    item: Item
    decision: Decision
    link: Link
    document: Record | None
    tracos_at: datetime | None
    after: Link | None = None
    entry: Entry | None = None
    void: Entry | None = None
    rules: tuple[str, ...] = ()
    reused: bool = False


class Settled(Struct):
    """What has become of the records of a page, so far.

    ``unproven``: records that answer for no older case: stale ones, and those that are kept back.
    """

    counts: Counter[str]
    refused: list[Refused]
    unproven: set[int] = set()


def gravity(plan: Plan) -> Grave | None:
    """Whether this change of a known order must be counted before it is made."""
    known = plan.entry is not None and plan.link.rev > 0
    return grave(plan.entry.before, plan.entry.after) if plan.entry and known else None


def accepted(understood: Sequence[Item | Refused], settled: Settled) -> Good:
    """Where the page's accepted records stand; the last one of each order and source."""
    bad = {id(one.record) for one in settled.refused}
    useless = bad | settled.unproven
    refs: dict[str, Claim | None] = {}
    sources: dict[str, Claim | None] = {}
    for one in understood:
        if isinstance(one, Item) and id(one.record) not in useless:
            refs[one.order.ref] = sources[one.record.source] = one.claim
        elif id(one.record) in bad and not one.claim.position:
            # Without a place in the pass nothing tells that it came after the good one.
            refs.pop(ref_of(one), None)
    return Good(refs, sources)


def ref_of(one: Item | Refused) -> str:
    """The order's ref, "" if it is not known."""
    return one.order.ref if isinstance(one, Item) else one.ref or ""


def reused(order: WorkOrder, tracos: WorkOrder | None) -> bool:
    """The two sides' orders of this number are not of the same day."""
    return tracos is not None and abs(order.created_at - tracos.created_at) > SAME_ORDER


def told(order: WorkOrder, result: Fields, link: Link) -> bool:
    """The customer holds exactly this content, and no receipt is asked for."""
    return not link.repush and not link.held and result == order.fields


def witnessed(record: Record, link: Link, after: Link | None, outcome: Outcome) -> Link | None:
    """The link as it is to be stored, with the name and version of the record that was read.

    A stale record tells of neither. What his system has refused may be tried again once he has
    changed the record.
    """
    if record.ref is None or outcome is Outcome.STALE or not (link.rev or after):
        return after
    theirs = Theirs(record.ref, record.version)
    if theirs == link.theirs:
        return after
    return replace(after or link, theirs=theirs, refused=None)


async def let_go(connection: Connection, plans: Sequence[Plan]) -> None:
    """Held fields on which both sides agree by now, and values that a table knows by now, wait for
    nobody any more.
    """
    for plan in plans:
        link = plan.after
        waited = {**plan.link.held, **plan.link.unknown}
        waits = {**link.held, **link.unknown} if link else waited
        gone = [n for n in waited if n not in waits and n in plan.item.order.fields]
        if gone:
            values = {name: plan.item.order.fields[name] for name in gone}
            agreed = Resolution(connection.clock.now(), values, None, AGREED)
            await connection.conflicts.release(plan.link.ref, agreed)
