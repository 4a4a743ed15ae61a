"""Customer -> TracOS: read, understand, decide, write TracOS, remember, tell the source.

Each durable step may be run again and is safe to crash after: the next pass finds the claimed
record again and recognises what is done already, by the record's place and by comparing.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Claim, Link
from tracbridge.domain.outcome import Outcome
from tracbridge.domain.workorder import Fields, Side, WorkOrder
from tracbridge.engine.brake import Brake, refuse_emptied
from tracbridge.engine.comments import Conversation
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.finished import take_back
from tracbridge.engine.glimpse import Glimpse
from tracbridge.engine.incoming import (
    Plan,
    Settled,
    accepted,
    gravity,
    let_go,
    reused,
    told,
    witnessed,
)
from tracbridge.engine.intake import Item, Refused, refuse, rounds, understand, warn, where
from tracbridge.engine.judging import approved, body_of, judged, refuse_illegal, turns
from tracbridge.engine.numbering import numbered
from tracbridge.engine.portions import portions
from tracbridge.engine.record import (
    conflicts_of,
    entry_of,
    pending,
    taken_up,
)
from tracbridge.engine.unfit import contended, doubled, taken, unreadable
from tracbridge.mapping.synced import is_synced, mark
from tracbridge.ports.connector import Cursor, Page, Receipt, Record, Write
from tracbridge.ports.runtime import Step
from tracbridge.ports.state import Entry
from tracbridge.rules.book import Situation, Verdict
from tracbridge.sync.identity import version_key
from tracbridge.sync.merge import Decision, Incoming
from tracbridge.sync.plan import decide

ATTEMPTS = 6
"""How often an order is read and planned again when somebody keeps writing it under our hands."""


CURSOR = "customer"
"""The name of the place in the customer's system at which the next pass goes on."""

NOWHERE = Cursor("\0")
"""The place of records that were read apart: nothing is committed with them."""


class Inbound:
    """One pass from the customer to TracOS. Not ``whole``: nobody has looked yet whether TracOS was
    emptied.
    """

    def __init__(self, connection: Connection, tally: Tally, *, whole: bool = True) -> None:
        self.connection, self.looked = connection, whole
        self.run, self.tally, self.withheld = tally.run, tally.inbound, tally.withheld
        self._all = tally
        self.claim = Claim(0, 0)
        self.removes = False
        self.now = connection.clock.now()
        self.cases = True
        self.brake: Brake[Item] | None = None
        self.open: list[tuple[Cursor, list[str]]] = []
        self.approved: Collection[str] = ()
        self.comments = Conversation(connection, tally)
        self.glimpse = Glimpse(connection)

    async def __call__(self) -> None:
        """Take everything that is ready; raises `RetryableError` where it has to be repeated."""
        connection = self.connection
        await self._begin()
        if self.cases:
            await take_back(connection)
        clean = False
        resumes = connection.customer.traits.resumes
        since = await connection.passes.cursor(CURSOR) if resumes else None
        async for page in connection.customer.read(since, self.claim):
            await connection.lease.hold()
            await connection.steps.passed(Step.CLAIMED)
            await self.page(page)
            clean = page.complete and not page.waiting
            self.tally["waiting"] += page.waiting
            for code, place in page.notes:
                connection.observer.incident(code, place, "left where it is")
            await connection.steps.passed(Step.PAGE)
        await self._end()
        if clean:
            await connection.passes.complete(self.claim.pass_)

    async def once(self, records: Sequence[Record]) -> None:
        """These records alone: they were read apart from the listing."""
        await self._begin()
        await self.page(Page(tuple(records), NOWHERE))
        await self._end()

    async def _begin(self) -> None:
        connection = self.connection
        # One by one: a hinted pass knows all of it, and a task for each costs more than that.
        self.claim = await connection.passes.begin()
        self.removes = bool(await connection.passes.cursor("removes"))
        self.cases = await connection.quarantine.waiting(Side.CUSTOMER) > 0
        self.brake = Brake(connection, Side.TRACOS, self._all)

    async def _end(self) -> None:
        if self.brake:
            await self._release(self.brake)
        await self.glimpse.keep()

    async def page(self, page: Page) -> None:
        """Settle each record of the page or quarantine it; then the source may forget it."""
        connection, claim, now = self.connection, self.claim, self.connection.clock.now()
        understood: list[Item | Refused] = []
        async for some in portions(page.records, connection.pause):
            understood += [understand(connection, record, claim, now) for record in some]
        understood = await numbered(connection, understood)
        counts = Counter(read=len(page.records))
        await self._settle_all(understood, counts)
        kept = self.brake.kinds if self.brake else {}
        refs = [one.order.ref for one in understood if isinstance(one, Item)]
        if self.open or any(ref in kept for ref in refs):
            # What is kept back is read again if we do not come to its end, and all after it.
            self.open.append((page.cursor, [ref for ref in refs if ref in kept]))
        else:
            await self._commit(page.cursor)
        self._count(counts)

    async def _settle_all(self, understood: Sequence[Item | Refused], counts: Counter[str]) -> None:
        """Each record into TracOS or to quarantine, or kept back; each order in its sequence."""
        settled = Settled(counts, [one for one in understood if isinstance(one, Refused)])
        for items in rounds(one for one in understood if isinstance(one, Item)):
            await self.settle(items, settled)
            await self.comments.take(items)
        await refuse(self.connection, settled.refused)
        counts["quarantined"] += len(settled.refused)
        await self._close_cases(understood, settled)

    async def _commit(self, cursor: Cursor) -> None:
        if cursor == NOWHERE:
            return
        await self.connection.customer.commit(cursor)
        if self.connection.customer.traits.resumes:
            await self.connection.passes.keep_cursor(CURSOR, cursor)
        await self.connection.steps.passed(Step.COMMITTED)

    def _count(self, counts: Counter[str]) -> None:
        self.tally.update(counts)
        if any(counts.values()):
            self.connection.observer.batch("inbound", counts)

    async def _release(self, brake: Brake[Item]) -> None:
        """The end of the pass: do what was kept back, or say that it is too much."""
        self.brake = None
        if not brake.kinds:
            return
        stopped = brake.stopped()
        withheld = sum(brake.kept[ref] for ref in stopped)
        rest = brake.kept.total() - withheld
        for items in brake.released():
            await self.connection.lease.hold()
            counts: Counter[str] = Counter()
            await self._settle_all(items, counts)
            rest -= len(items)
            self._count(counts)
        # The rest was taken back before it was done.
        self._count(Counter(held=withheld, withheld=withheld, stale=rest))
        for one in brake.withheld():
            self.withheld.append(one)
            self.connection.observer.incident("mass_change", "inbound", f"{one}.")
        for cursor, refs in self.open:
            if not stopped.isdisjoint(refs):
                break
            await self._commit(cursor)
        await self.connection.steps.passed(Step.PAGE)

    async def settle(self, items: list[Item], settled: Settled) -> None:
        """Decide and apply; only orders whose guard failed are read and planned again."""
        for attempt in range(ATTEMPTS):
            plans, bad = await self.plan(items, again=attempt > 0)
            plans = await self._kept_back(plans, settled)
            failed, unwritten = await self.apply(plans)
            settled.refused += [*bad, *unwritten]
            gone = failed | {one.ref for one in unwritten}
            for plan in plans:
                if plan.item.order.ref not in gone:
                    self._book(plan, settled)
            self.glimpse.see([plan.item.record for plan in plans if plan.entry])
            items = [plan.item for plan in plans if plan.item.order.ref in failed]
            if not items:
                return
        settled.refused += [
            Refused(i.record, contended(ATTEMPTS), i.claim, i.order.ref) for i in items
        ]

    async def _kept_back(self, plans: list[Plan], settled: Settled) -> list[Plan]:
        """Leave out what has to be counted first."""
        if self.brake is None or not (self.brake.kinds or any(plan.entry for plan in plans)):
            return plans
        left = []
        for plan in plans:
            ref, kind = plan.item.order.ref, gravity(plan)
            if self.brake.watches(kind, ref):
                await self.brake.keep(ref, kind, plan.item)
                settled.unproven.add(id(plan.item.record))
            else:
                left.append(plan)
        return left

    def _book(self, plan: Plan, settled: Settled) -> None:
        decision, record = plan.decision, plan.item.record
        settled.counts[decision.outcome] += 1
        settled.counts["conflicts"] += decision.clashes
        if decision.outcome is Outcome.STALE:
            settled.unproven.add(id(record))
        if plan.reused:
            warn(self.connection, "number_reused", where(record))

    async def plan(self, items: list[Item], *, again: bool) -> tuple[list[Plan], list[Refused]]:
        """Read what TracOS and we hold for these orders, and decide each."""
        refs = [item.order.ref for item in items]
        connection = self.connection
        documents, links = await connection.together(
            connection.tracos.fetch(refs), connection.ledger.find(refs)
        )
        if not self.looked and links.keys() - documents.keys():
            await refuse_emptied(connection)
            self.looked = True
        left = [i.order.ref for i in items if again or i.claim.pass_ != self.claim.pass_]
        entries = await pending(self.connection, links, left)
        self.approved = await approved(connection, refs)
        self.now = self.connection.clock.now()
        plans: dict[str, Plan] = {}
        refused: list[Refused] = []

        def take(some: Iterable[Item], entries: Mapping[str, Entry]) -> None:
            for item in some:
                ref = item.order.ref
                try:
                    plans[ref] = self._plan(
                        item, links.get(ref), documents.get(ref, ()), entries.get(ref)
                    )
                except RecordError as error:
                    refused.append(Refused(item.record, error, item.claim, ref))

        async for some in portions(items, connection.pause):
            take(some, entries)
        # TracOS shows already what this record makes of it: perhaps we were here before.
        quiet = [r for r, p in plans.items() if p.after and p.document and not p.entry]
        begun = await pending(connection, links, [ref for ref in quiet if ref not in left])
        take([plans[ref].item for ref in begun], begun)
        return list(plans.values()), refused

    def _plan(
        self, item: Item, link: Link | None, documents: Sequence[Record], open_: Entry | None
    ) -> Plan:
        if len(documents) > 1:
            raise doubled(item.order.ref, documents)
        connection, order = self.connection, item.order
        document = documents[0] if documents else None
        if document and link is None and item.document not in (None, (document.body or {})["_id"]):
            raise taken(order.ref, document)
        link = link or connection.new_link(order.ref, order.scope, order.kind)
        tracos = self._tracos(document, link)
        begun, unsure = taken_up(open_, tracos)
        link = replace(link, changes=link.changes + 1) if begun else link
        unmarked = document is not None and not is_synced(document.body or {})
        extra = self._extra(item.record, link)
        order = replace(order, extra=extra) if extra else order
        old = tracos.fields if tracos else None
        said = self._asked(item, old, order.fields)
        order = order if said.new is order.fields else replace(order, fields=said.new)
        incoming = Incoming(order, item.claim, self.removes, unmarked, unsure)
        decision = decide(incoming, link, tracos, connection.policies, self.now)
        if decision.result is not None and turns(old, decision.result):
            refuse_illegal(connection.legal, old, decision.result)
            then = self._asked(item, old, decision.result, transition=True)
            said = replace(said, ignored=said.ignored or then.ignored)
        if said.ignored:
            decision = Decision(Outcome.SKIPPED)
        at = tracos.updated_at if tracos else None
        after = decision.link or (link if begun else None)
        after = witnessed(item.record, link, after, decision.outcome)
        void = None if begun else open_
        plan = Plan(item, decision, link, document, at, after, void=void, rules=said.by)
        return plan if decision.result is None else self._completed(plan, decision.result, tracos)

    def _extra(self, record: Record, link: Link) -> str:
        """What of it is remembered word by word; a tombstone says nothing of that."""
        if record.body is None:
            return link.extra
        return self.connection.translation.extra(record.body, record.raw)  # noqa: S610

    def _asked(
        self, item: Item, old: Fields | None, new: Fields, *, transition: bool = False
    ) -> Verdict:
        """What the rules say; raises `RecordError` for what they reject, or hold unapproved."""
        connection = self.connection
        if not connection.book.rules:
            return Verdict(new)
        situation = Situation("inbound", old, new, self.now, body_of(item.record.body))
        place = where(item.record)
        return judged(
            connection, situation, item.order.ref, self.approved, place, transition=transition
        )

    def _tracos(self, document: Record | None, link: Link) -> WorkOrder | None:
        if document is None:
            return None
        try:
            last = link.last_given
            return self.connection.translation.from_tracos(document.body or {}, last)
        except RecordError as error:
            raise unreadable(document, error) from error

    def _completed(self, plan: Plan, result: Fields, tracos: WorkOrder | None) -> Plan:
        """With the history entry, and the link as it stands after the change."""
        link = plan.after or plan.link
        entry = entry_of(self, plan, tracos.fields if tracos else None, result)
        given = entry.at if told(plan.item.order, result, link) else link.given
        after = replace(link, changes=plan.link.changes + 1, given=given)
        odd = bool(plan.link.rev and tracos) and reused(plan.item.order, tracos)
        return replace(plan, after=after, entry=entry, reused=odd)

    async def apply(self, plans: list[Plan]) -> tuple[set[str], list[Refused]]:
        """Record, write TracOS, remember; returns refs whose guard failed, and what is refused."""
        if not any(p.after or p.decision.disagreements for p in plans):
            return set(), []
        connection = self.connection
        await connection.conflicts.put([c for p in plans for c in conflicts_of(self, p)])
        await connection.history.supersede([p.void.id for p in plans if p.entry and p.void])
        taken = await connection.history.put([p.entry for p in plans if p.entry])
        await connection.steps.passed(Step.RECORDED)
        # A change that was begun before stands in the place of ours: it has to be looked at first.
        crossed = {p.entry.ref for p in plans if p.entry and p.entry.id in taken}
        plans = [p for p in plans if p.item.order.ref not in crossed]
        # A guard that fails because our successor did the same work must not undo his history.
        await connection.lease.hold()
        failed, refused = await self._write_tracos([p for p in plans if p.entry])
        await connection.steps.passed(Step.TRACOS)
        unwritten = failed | {one.ref for one in refused}
        links = [p.after for p in plans if p.after and p.after.ref not in unwritten]
        failed |= await connection.ledger.save(links)
        await connection.steps.passed(Step.LINKED)
        await let_go(connection, plans)
        return failed | crossed, refused

    async def _write_tracos(self, plans: list[Plan]) -> tuple[set[str], list[Refused]]:
        """Orders that somebody changed in between, and those that TracOS can never hold."""
        answers = await self.connection.tracos.write([self._write(p) for p in plans])
        lost = [(p, a) for p, a in zip(plans, answers, strict=True) if not isinstance(a, Receipt)]
        await self.connection.history.supersede([p.entry.id for p, _ in lost if p.entry])
        return (
            {p.item.order.ref for p, a in lost if not isinstance(a, RecordError)},
            [
                Refused(p.item.record, a, p.item.claim, p.item.order.ref)
                for p, a in lost
                if isinstance(a, RecordError)
            ],
        )

    def _write(self, plan: Plan) -> Write:
        """The guarded write of the decided content, with the view ``isSynced``."""
        order, link, result = plan.item.order, plan.after or plan.link, plan.decision.result or {}
        before = plan.document.body if plan.document else None
        at = min(order.updated_at, self.now)
        shown = WorkOrder(order.ref, result, order.created_at, at, scope=order.scope)
        body = self.connection.translation.to_tracos(shown, before)
        if before is None and plan.item.document is not None:
            body = {"_id": plan.item.document, **body}
        given = link.given if told(order, result, link) else None
        key = version_key(link.id, link.changes)
        return Write(key, {**body, **mark(given)}, order.ref, plan.document)

    async def _close_cases(self, understood: Sequence[Item | Refused], settled: Settled) -> None:
        """Accepted records close older cases of their orders, and those of earlier passes by
        source.
        """
        self.cases = self.cases or bool(settled.refused)
        if not self.cases:
            return
        good = accepted(understood, settled)
        if good:
            at = self.connection.clock.now()
            await self.connection.quarantine.settle(good, Side.CUSTOMER, at)
