"""Recorded inputs once more, through two set-ups, without touching anything."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from tracbridge.domain.workorder import Fields, Side
from tracbridge.engine.connection import Connection
from tracbridge.ports.connector import Record
from tracbridge.ports.numbers import Key
from tracbridge.ports.recorded import Recorded
from tracbridge.ports.state import Entry
from tracbridge.ports.undo import RunHistory
from tracbridge.proof.replay import Course, Difference, Setup, differences


class Replayed(Struct, frozen=True):
    """What was replayed, and which orders end otherwise."""

    records: int
    edits: int
    orders: int
    differences: list[Difference]


async def replay(
    connection: Connection,
    inputs: Recorded,
    history: RunHistory,
    since: datetime,
    old: Setup,
    new: Setup,
) -> Replayed:
    """Every record and every edit in TracOS since then, in the order in which we met them.

    Memory grows with the number of orders that were touched, not with that of the records.
    """
    replaying = _Replaying(connection, history, since, Course(old), Course(new))
    return await replaying(inputs)


class _Replaying:
    def __init__(
        self,
        connection: Connection,
        history: RunHistory,
        since: datetime,
        old: Course,
        new: Course,
    ) -> None:
        self.connection, self.history, self.since = connection, history, since
        self.courses = (old, new)
        self.earlier: dict[str, dict[str, Any] | None] = {}
        self.names: dict[str, str] = {}

    async def __call__(self, inputs: Recorded) -> Replayed:
        async for entry in self.history.changes(self.since):
            self._back(entry)
        edits = self.history.changes(self.since, Side.CUSTOMER)
        waiting = await anext(edits, None)
        records = told = 0
        async for recording in inputs.since(self.since):
            while waiting and waiting.at < recording.at:
                told += await self._edit(waiting)
                waiting = await anext(edits, None)
            await self._begin(recording.records)
            for record in recording.records:
                for course in self.courses:
                    course.customer(record, recording.at)
            records += len(recording.records)
        while waiting:
            told += await self._edit(waiting)
            waiting = await anext(edits, None)
        old, new = self.courses
        orders = len({*old.ends, *new.ends})
        return Replayed(records, told, orders, differences(old, new))

    def _back(self, entry: Entry) -> None:
        """What the fields of an order held before the first change since then."""
        if entry.before is None:
            self.earlier.setdefault(entry.ref, None)
            return
        known = self.earlier.setdefault(entry.ref, {})
        if known is not None:
            for name, value in entry.before.items():
                known.setdefault(name, value)

    async def _edit(self, entry: Entry) -> int:
        if not entry.after:
            return 0
        name = (await self._names([entry.ref]))[entry.ref]
        await self._begun({name: entry.ref})
        for course in self.courses:
            course.tracos(name, entry.after, entry.at)
        return 1

    async def _names(self, refs: Sequence[str]) -> dict[str, str]:
        numbers = self.connection.numbers
        fresh = [ref for ref in refs if ref not in self.names]
        keys = await numbers.keys(fresh) if numbers and fresh else {}
        self.names |= {ref: str(keys.get(ref, ref)) for ref in fresh}
        return {ref: self.names[ref] for ref in refs}

    async def _begin(self, records: Sequence[Record]) -> None:
        """How the orders of these records stood before, those that are met first."""
        for course in self.courses:
            mapping = course.setup.mapping
            keys = {}
            for record in records:
                ref = mapping.customer_ref(record.body or {})
                if ref is not None and course.name(record) not in course.ends:
                    keys[course.name(record)] = Key(ref, mapping.customer_scope(record.body or {}))
            numbers = self.connection.numbers
            if numbers is None or mapping.numbered:
                await self._begun({name: key.ref for name, key in keys.items()})
                continue
            known = await numbers.known(list(keys.values()))
            await self._begun({n: known[k].number for n, k in keys.items() if k in known})

    async def _begun(self, refs: dict[str, str]) -> None:
        """``refs``: the orders by their names."""
        fresh = {n: r for n, r in refs.items() if any(n not in c.ends for c in self.courses)}
        links = await self.connection.ledger.find(list(fresh.values())) if fresh else {}
        for name, ref in fresh.items():
            link = links.get(ref)
            fields = self._before(ref, link.last_given if link else None)
            for course in self.courses:
                course.begin(name, fields)

    def _before(self, ref: str, now: Fields | None) -> Fields | None:
        earlier = self.earlier.get(ref, {})
        return None if earlier is None or now is None else {**now, **earlier}
