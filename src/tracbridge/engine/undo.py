"""A run taken back: what it did is set back in TracOS, and the next run tells the customer.

What was changed since is never overwritten: it goes on record as a conflict whose loser, the value
before the run, can be taken. Call it inside a `session`; it may be repeated after a crash.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Link
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Fields, Side, Value, WorkOrder
from tracbridge.engine.connection import Connection
from tracbridge.engine.record import entry, perhaps_done
from tracbridge.mapping.synced import mark
from tracbridge.ports.connector import Receipt, Record, Write
from tracbridge.ports.runtime import Step
from tracbridge.ports.state import Conflict, Entry
from tracbridge.ports.undo import RunHistory
from tracbridge.sync.identity import canonical, record_id, version_key
from tracbridge.sync.publish import content
from tracbridge.sync.undo import Left, Rest, Trace, Undo, remembered, undo

ATTEMPTS = 5
TICK = timedelta(milliseconds=1)

Entries = Mapping[str, Sequence[Entry]]
"""The run's entries by order."""


class Planned(Struct, frozen=True):
    """One order: what is to be done, the conflicts to record, and the link to store afterwards.

    ``entry`` and ``write`` are there if TracOS is still to be set back. ``void``: an entry in the
    place of ours that had no effect.
    """

    undo: Undo
    conflicts: Sequence[Conflict] = ()
    entry: Entry | None = None
    write: Write | None = None
    after: Link | None = None
    void: Entry | None = None


class Present(Struct, frozen=True):
    """An order as both sides' memory and TracOS show it; ``unfit``: why it cannot be touched."""

    link: Link | None
    document: Record | None = None
    order: WorkOrder | None = None
    unfit: Left | None = None
    begun: Entry | None = None

    @property
    def shown(self) -> Fields | None:
        """TracOS's fields."""
        return content(self.link, self.order) if self.link and self.order else None


class Undoing(Struct, frozen=True):
    """Takes the run ``of`` back, or of it one order only (``ref``); ``by``: who asked for it."""

    connection: Connection
    past: RunHistory
    of: str
    ref: str | None
    by: str

    async def preview(self) -> list[Undo]:
        """What `__call__` would do now; writes nothing."""
        found: list[Undo] = []
        async for page in self.past.orders(self.of, self.ref):
            found += [one.undo for one in await self._plan(page, "")]
        return found

    async def __call__(self, run: str) -> list[Undo]:
        """Set back what can be set back, under the name ``run``."""
        done: list[Undo] = []
        async for page in self.past.orders(self.of, self.ref):
            await self.connection.lease.hold()
            done += await self._page(page, run)
        return done

    async def _page(self, page: Entries, run: str) -> list[Undo]:
        done: dict[str, Undo] = {}
        left = page
        for _ in range(ATTEMPTS):
            planned = await self._plan(left, run)
            failed = await self._apply(planned)
            done |= {one.undo.ref: one.undo for one in planned}
            left = {ref: entries for ref, entries in left.items() if ref in failed}
            if not left:
                break
        done |= {ref: Undo(ref, rest=(Rest(Left.BUSY),)) for ref in left}
        return [done[ref] for ref in page]

    # -- deciding --------------------------------------------------------------------------

    async def _plan(self, page: Entries, run: str) -> list[Planned]:
        refs, connection = list(page), self.connection
        documents, links = await connection.together(
            connection.tracos.fetch(refs), connection.ledger.find(refs)
        )
        latest = await self.past.latest(refs)
        next_ = {ref: link.changes + 1 for ref, link in links.items()}
        open_ = {ref: n for ref, n in next_.items() if (ref, Side.TRACOS, n) in latest}
        found = await connection.history.pending(open_) if open_ else {}
        begun = {r: e for r, e in found.items() if latest[r, Side.TRACOS, e.number] == e.id}
        planned = []
        for ref, entries in page.items():
            present = self._present(links.get(ref), documents.get(ref, ()), begun.get(ref))
            known = [trace(one, latest, present) for one in entries]
            what = undo(ref, known, present.link, present.shown, present.unfit)
            planned.append(self._planned(what, present, run))
        return planned

    def _present(
        self, link: Link | None, documents: Sequence[Record], begun: Entry | None
    ) -> Present:
        if link is None:
            return Present(None, unfit=Left.UNLINKED)
        if len(documents) != 1:
            return Present(link, unfit=Left.TWICE if documents else Left.GONE)
        body = documents[0].body or {}
        try:
            order = self.connection.translation.from_tracos(body, link.last_given)
        except RecordError:
            return Present(link, unfit=Left.UNREADABLE)
        return Present(link, documents[0], order, begun=begun)

    def _planned(self, found: Undo, present: Present, run: str) -> Planned:
        link, order = present.link, present.order
        if link is None or order is None:
            return Planned(found)
        conflicts = self._conflicts(found, link, order)
        found, link, after = self._finished(found, present, link, order)
        begun = present.begun if after is None else None
        crossed = begun is not None and perhaps_done(begun, order)
        if crossed:
            link = replace(link, changes=link.changes + 1)
        changed = {
            n: pair for n, pair in found.fields.items() if (present.shown or {})[n] != pair[1]
        }
        if not changed:
            return Planned(found, conflicts, after=after)
        at = max(self.connection.clock.now(), order.updated_at + TICK)
        at = max(at, link.seen.at + TICK) if link.seen else at
        made = self._entry(link, changed, run, order.updated_at)
        fields = {**(present.shown or {}), **made.after}
        set_back = replace(order, fields=fields, updated_at=at)
        body = self.connection.translation.to_tracos(set_back, (present.document or _NONE).body)
        key = version_key(link.id, link.changes + 1)
        write = Write(key, {**body, **mark(None)}, link.ref, present.document)
        then = remembered(link, changed, at)
        return Planned(found, conflicts, made, write, then, None if crossed else begun)

    def _finished(
        self, found: Undo, present: Present, link: Link, order: WorkOrder
    ) -> tuple[Undo, Link, Link | None]:
        """What an earlier attempt has set back already, if a crash kept it from being remembered.

        The undo with its fields, the link to go on from, and the one to store (None: as it is).
        """
        begun = present.begun
        if begun is None or begun.why.get("undo") != self.of:
            return found, link, None
        if not _shows(present.shown, begun.after):
            return found, link, None
        done = {n: ((begun.before or {}).get(n), value) for n, value in begun.after.items()}
        after = remembered(link, done, order.updated_at)
        return replace(found, fields={**done, **found.fields}, sides=tuple(Side)), after, after

    def _entry(
        self, link: Link, changed: Mapping[str, tuple[Value, Value]], run: str, at: datetime
    ) -> Entry:
        before = {name: pair[0] for name, pair in changed.items()}
        after = {name: pair[1] for name, pair in changed.items()}
        words = f"undo of {self.of} by {self.by}"
        why = {"by": dict.fromkeys(changed, words), "undo": self.of}
        number = link.changes + 1
        return entry(self.connection, link, Side.TRACOS, number, before, after, run, why, at)

    def _conflicts(self, found: Undo, link: Link, order: WorkOrder) -> list[Conflict]:
        """What was changed since, as a decided conflict of the whole order."""
        if not found.later:
            return []
        by_run = {name: one.by_run for name, one in found.later.items()}
        now = {name: one.now for name, one in found.later.items()}
        before = {name: one.before for name, one in found.later.items()}
        parts = (canonical(by_run), canonical(now), canonical(before))
        return [
            Conflict(
                id=record_id(link.id, Kind.UNDO, self.of, *parts)[:12],
                connection=self.connection.name,
                ref=link.ref,
                kind=Kind.UNDO,
                at=self.connection.clock.now(),
                base=by_run,
                tracos=now,
                customer=before,
                taken=dict.fromkeys(found.later, Side.TRACOS),
                decided=Kind.UNDO.value,
                source=f"undo of {self.of}",
                tracos_at=order.updated_at,
            )
        ]

    # -- doing -----------------------------------------------------------------------------

    async def _apply(self, planned: Sequence[Planned]) -> set[str]:
        """On record, then TracOS, then the links; the orders whose guard failed."""
        connection = self.connection
        await connection.conflicts.put([c for one in planned for c in one.conflicts])
        await connection.history.supersede([p.void.id for p in planned if p.entry and p.void])
        taken = await connection.history.put([one.entry for one in planned if one.entry])
        await connection.steps.passed(Step.RECORDED)
        crossed = {one.entry.ref for one in planned if one.entry and one.entry.id in taken}
        planned = [one for one in planned if one.undo.ref not in crossed]
        failed = crossed | await self._write(planned)
        await connection.steps.passed(Step.TRACOS)
        links = [one.after for one in planned if one.after and one.undo.ref not in failed]
        lost = await connection.ledger.save(links)
        await connection.steps.passed(Step.LINKED)
        return failed | lost

    async def _write(self, planned: Sequence[Planned]) -> set[str]:
        writes = [(one.write, one.entry) for one in planned if one.write and one.entry]
        if not writes:
            return set()
        answers = await self.connection.tracos.write([write for write, _ in writes])
        pairs = zip(writes, answers, strict=True)
        lost = [made for (_, made), answer in pairs if not isinstance(answer, Receipt)]
        await self.connection.history.supersede([made.id for made in lost])
        return {made.ref for made in lost}


_NONE = Record(None)


def trace(one: Entry, latest: Mapping[tuple[str, Side, int], str], present: Present) -> Trace:
    """The entry, and whether its effect is known to have happened.

    It has, if no other entry took its place in the order's life and the link counts it. One that a
    crash left uncounted is unfinished if TracOS shows it.
    """
    link, why = present.link, None
    if one.why.get("forgotten"):
        why = Left.FORGOTTEN
    elif latest.get((one.ref, one.side, one.number)) != one.id:
        why = Left.NO_EFFECT
    elif link and one.number > (link.changes if one.side is Side.TRACOS else link.seq):
        begun = one.side is Side.TRACOS and _shows(present.shown, one.after)
        why = Left.UNFINISHED if begun else Left.NO_EFFECT
    return Trace(one.side, one.before, one.after, why)


def _shows(shown: Fields | None, after: Fields) -> bool:
    return shown is not None and all(shown.get(name) == value for name, value in after.items())
