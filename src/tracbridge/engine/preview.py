"""What a run would do, field by field and why; writes nothing anywhere."""

from collections.abc import Collection, Mapping

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.workorder import Side, Value
from tracbridge.engine.binding import refuse_unbound
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.cycle import cycle
from tracbridge.engine.rehearsal import (
    NoLease,
    Notes,
    RehearsedCustomer,
    RehearsedLedger,
    RehearsedNumbers,
    RehearsedPasses,
    RehearsedTracos,
)
from tracbridge.ports.connector import Exclusive
from tracbridge.ports.state import Conflict, Entry, QuarantineCase, Runs


class Change(Struct, frozen=True):
    """One thing that a run would do to one order on one side.

    ``action``: create, update, send, send again, quarantine or hold. ``fields``: (from, to).
    """

    ref: str | None
    side: Side
    action: str
    fields: Mapping[str, tuple[Value, Value]]
    why: str


class Plan(Struct, frozen=True):
    """The changes, and the numbers that the run would show."""

    changes: tuple[Change, ...]
    tally: Tally


async def preview(connection: Connection, runs: Runs, sides: Collection[Side]) -> Plan:
    """The plan of a run that would begin now."""
    customer = RehearsedCustomer(connection.customer)
    await customer.check()
    if isinstance(connection.customer, Exclusive):
        await refuse_unbound(runs, connection.customer)
    notes = Notes(connection.history, connection.quarantine.known)
    numbers = RehearsedNumbers(connection.numbers) if connection.numbers else None
    rehearsed = replace(
        connection,
        customer=customer,
        numbers=numbers,
        comments=None,
        tracos=RehearsedTracos(connection.tracos, connection.translation),
        ledger=RehearsedLedger(connection.ledger),
        passes=RehearsedPasses(connection.passes),
        quarantine=notes,
        conflicts=notes,
        history=notes,
        lease=NoLease(),
        steps=Unnoticed(),
        observer=Unnoticed(),
    )
    tally = Tally("preview")
    await cycle(rehearsed, tally, sides)
    new = numbers.new if numbers else {}
    # What has no number yet is called by the customer's own key.
    found = changes_of(notes)
    named = [replace(c, ref=str(new[c.ref])) if c.ref in new else c for c in found]
    return Plan(tuple(named), tally)


class Unnoticed:
    """No step is durable, and nothing is logged."""

    async def passed(self, step: str) -> None:
        """Nothing was made durable."""

    def batch(self, flow: str, counts: Mapping[str, int]) -> None:
        """Nothing happened."""

    def incident(self, code: str, where: str, message: str) -> None:
        """It stands in the plan."""


def changes_of(notes: Notes) -> list[Change]:
    """What was noted, as changes."""
    waiting = [conflict for conflict in notes.conflicts if conflict.decided is None]
    return [
        *map(_refused, notes.cases),
        *map(_written, notes.entries),
        *map(_held, waiting),
    ]


def _written(entry: Entry) -> Change:
    before = entry.before or {}
    fields = {name: (before.get(name), value) for name, value in entry.after.items()}
    return Change(entry.ref, entry.side, _action(entry), fields, reason_of(entry))


def _action(entry: Entry) -> str:
    if entry.side is Side.TRACOS:
        return "create" if entry.before is None else "update"
    return "send" if entry.after else "send again"


def reason_of(entry: Entry) -> str:
    """Where a change came from and what decided it, in a few words."""
    decided = dict.fromkeys(str(text) for text in dict(entry.why.get("by") or {}).values())
    source = [str(entry.why["source"])] if entry.why.get("source") else []
    return ", ".join([*source, *decided, str(entry.why.get("mapping", ""))]).strip(", ")


def _held(conflict: Conflict) -> Change:
    fields = {
        name: (conflict.tracos.get(name), conflict.customer.get(name))
        for name, side in conflict.taken.items()
        if side is None
    }
    why = f"{conflict.kind.value}: waits for a person, each side keeps its own value"
    return Change(conflict.ref, Side.TRACOS, "hold", fields, why)


def _refused(case: QuarantineCase) -> Change:
    return Change(case.ref, case.side, "quarantine", {}, f"{case.source} {case.why}")
