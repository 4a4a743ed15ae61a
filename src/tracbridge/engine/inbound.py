"""Customer -> TracOS: read, understand, decide, write TracOS, remember, tell the source.

Each durable step may be run again and is safe to crash after: the next pass finds the claimed record
again and recognises what is done already by comparing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tracbridge.domain.errors import RecordError
from tracbridge.domain.link import Claim, Link
from tracbridge.domain.outcome import Outcome
from tracbridge.domain.workorder import Fields, Side, WorkOrder
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.intake import Item, Refused, refuse, rounds, understand
from tracbridge.engine.record import conflicts_of, entry_of, pending
from tracbridge.mapping.synced import is_synced, mark
from tracbridge.ports.connector import Page, Receipt, Record, Write
from tracbridge.ports.runtime import Step
from tracbridge.ports.state import Entry
from tracbridge.sync.identity import version_key
from tracbridge.sync.merge import Decision, Incoming
from tracbridge.sync.plan import decide

ATTEMPTS = 6
"""How often an order is read and planned again when somebody keeps writing it under our hands."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one record makes us do, with everything that was read to decide it.

    ``link`` as it was read, ``after`` as it is to be stored (None: it stays). ``entry``: the history
    entry of what is written to TracOS (None: nothing is).
    """

    item: Item
    decision: Decision
    link: Link
    document: Record | None
    after: Link | None = None
    entry: Entry | None = None


class Inbound:
    """One pass from the customer to TracOS."""

    def __init__(self, connection: Connection, tally: Tally) -> None:
        self.connection = connection
        self.run, self.tally = tally.run, tally.inbound
        self.claim = Claim(0, 0)
        self.removes = False
        self.now = connection.clock.now()
        self.cases = True

    async def __call__(self) -> None:
        """Take everything that is ready; raises `RetryableError` where the pass has to be repeated."""
        connection = self.connection
        self.claim = await connection.passes.begin()
        self.removes = bool(await connection.passes.cursor("removes"))
        self.cases = await connection.quarantine.waiting() > 0
        clean = False
        async for page in connection.customer.read(None, self.claim):
            await connection.lease.hold()
            await connection.steps.passed(Step.CLAIMED)
            await self.page(page)
            clean = page.complete and not page.waiting
            self.tally["waiting"] += page.waiting
            for code, place in page.notes:
                connection.observer.incident(code, place, "left where it is")
            await connection.steps.passed(Step.PAGE)
        if clean:
            await connection.passes.complete(self.claim.pass_)

    async def page(self, page: Page) -> None:
        """Settle each record of the page or put it into quarantine; then the source may forget it."""
        understood = [understand(self.connection, record, self.claim) for record in page.records]
        counts: Counter[str] = Counter(read=len(page.records))
        refused = [one for one in understood if isinstance(one, Refused)]
        for items in rounds(one for one in understood if isinstance(one, Item)):
            refused += await self.settle(items, counts)
        await refuse(self.connection, refused)
        counts["quarantined"] += len(refused)
        if refused or self.cases:
            self.cases = True
            await self._close_cases(understood, refused)
        await self.connection.customer.commit(page.cursor)
        await self.connection.steps.passed(Step.COMMITTED)
        self.tally.update(counts)
        if page.records:
            self.connection.observer.batch("inbound", counts)

    async def settle(self, items: list[Item], counts: Counter[str]) -> list[Refused]:
        """Decide and apply; only orders whose guard failed are read and planned again."""
        refused: list[Refused] = []
        for attempt in range(ATTEMPTS):
            plans, bad = await self.plan(items, again=attempt > 0)
            refused += bad
            failed = await self.apply(plans)
            for plan in plans:
                if plan.item.order.ref not in failed:
                    counts[plan.decision.outcome] += 1
                    counts["conflicts"] += plan.decision.clashes
            items = [plan.item for plan in plans if plan.item.order.ref in failed]
            if not items:
                return refused
        return refused + [Refused(i.record, contended(), i.claim, i.order.ref) for i in items]

    async def plan(self, items: list[Item], *, again: bool) -> tuple[list[Plan], list[Refused]]:
        """Read what TracOS and we hold for these orders, and decide each."""
        refs = [item.order.ref for item in items]
        connection = self.connection
        documents, links = await connection.together(
            connection.tracos.fetch(refs), connection.ledger.find(refs)
        )
        left = [i.order.ref for i in items if again or i.claim.pass_ != self.claim.pass_]
        entries = await pending(self.connection, links, left)
        self.now = self.connection.clock.now()
        plans: list[Plan] = []
        refused: list[Refused] = []
        for item in items:
            ref = item.order.ref
            try:
                one = self._plan(item, links.get(ref), documents.get(ref, ()), entries.get(ref))
                plans.append(one)
            except RecordError as error:
                refused.append(Refused(item.record, error, item.claim, ref))
        return plans, refused

    def _plan(
        self, item: Item, link: Link | None, documents: Sequence[Record], open_: Entry | None
    ) -> Plan:
        if len(documents) > 1:
            raise doubled(item.order.ref, documents)
        document = documents[0] if documents else None
        order = item.order
        link = link or self.connection.new_link(order.ref, order.scope, order.kind)
        tracos = self._tracos(document, link)
        if open_ and tracos and shows(tracos.fields, open_.after):
            link = replace(link, changes=link.changes + 1)
        unmarked = document is not None and not is_synced(document.body or {})
        extra = self.connection.translation.extra(item.record.body or {}, item.record.raw)
        order = replace(order, extra=extra) if extra else order
        incoming = Incoming(order, item.claim, self.removes, unmarked)
        decision = decide(incoming, link, tracos, self.connection.policies, self.now)
        plan = Plan(item, decision, link, document, decision.link)
        return plan if decision.result is None else self._completed(plan, decision.result, tracos)

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
        link = plan.decision.link or plan.link
        entry = entry_of(self, plan, tracos.fields if tracos else None, result)
        given = entry.at if told(plan.item.order, result, link) else link.given
        after = replace(link, changes=plan.link.changes + 1, given=given)
        return Plan(plan.item, plan.decision, plan.link, plan.document, after, entry)

    async def apply(self, plans: list[Plan]) -> set[str]:
        """Record, write TracOS, remember; returns the refs whose guard failed somewhere."""
        if not any(p.after or p.decision.disagreements for p in plans):
            return set()
        connection = self.connection
        await connection.conflicts.put([c for p in plans for c in conflicts_of(self, p)])
        await connection.history.put([p.entry for p in plans if p.entry])
        await connection.steps.passed(Step.RECORDED)
        failed = await self._write_tracos([p for p in plans if p.entry])
        await connection.steps.passed(Step.TRACOS)
        links = [p.after for p in plans if p.after]
        failed |= await connection.ledger.save([k for k in links if k.ref not in failed])
        await connection.steps.passed(Step.LINKED)
        await self._release(plans)
        return failed

    async def _write_tracos(self, plans: list[Plan]) -> set[str]:
        answers = await self.connection.tracos.write([self._write(p) for p in plans])
        lost = [p for p, a in zip(plans, answers, strict=True) if not isinstance(a, Receipt)]
        await self.connection.history.supersede([p.entry.id for p in lost if p.entry])
        return {p.item.order.ref for p in lost}

    def _write(self, plan: Plan) -> Write:
        """The guarded write of the decided content, with the view ``isSynced``."""
        order, link, result = plan.item.order, plan.after or plan.link, plan.decision.result or {}
        before = plan.document.body if plan.document else None
        at = min(order.updated_at, self.now)
        shown = WorkOrder(order.ref, result, order.created_at, at, scope=order.scope)
        body = self.connection.translation.to_tracos(shown, before)
        given = link.given if told(order, result, link) else None
        key = version_key(link.id, link.changes)
        return Write(key, {**body, **mark(given)}, order.ref, plan.document)

    async def _release(self, plans: list[Plan]) -> None:
        """Held fields on which both sides agree by now wait for nobody any more."""
        for plan in plans:
            link = plan.after
            gone = [n for n in plan.link.held if link and n not in link.held]
            if gone:
                at = self.connection.clock.now()
                await self.connection.conflicts.release(plan.link.ref, gone, "both agree", at)

    async def _close_cases(
        self, understood: Sequence[Item | Refused], refused: Sequence[Refused]
    ) -> None:
        """A good version closes the order's older cases, unless a bad one follows it in the page."""
        bad = {id(one.record) for one in refused}
        last: dict[tuple[str, str], bool] = {}
        for one in understood:
            good = id(one.record) not in bad
            ref = one.order.ref if isinstance(one, Item) else one.ref
            last |= {("source", one.record.source): good, ("ref", ref or ""): good}
        refs = [name for (kind, name), good in last.items() if good and kind == "ref"]
        sources = [name for (kind, name), good in last.items() if good and kind == "source"]
        if refs:
            at = self.connection.clock.now()
            await self.connection.quarantine.settle(refs, sources, Side.CUSTOMER, at)


def told(order: WorkOrder, result: Fields, link: Link) -> bool:
    """The customer holds exactly this content, and no receipt is asked for."""
    return not link.repush and not link.held and result == order.fields


def shows(fields: Fields, after: Mapping[str, object]) -> bool:
    """TracOS shows the values of a history entry: its effect has happened."""
    return all(fields.get(name) == value for name, value in after.items())


def contended() -> RecordError:
    return RecordError(
        "contended",
        f"somebody changed the order in TracOS {ATTEMPTS} times while we were applying this record.",
        hint="Retry it when the order is quiet.",
    )


def doubled(ref: str, documents: Sequence[Record]) -> RecordError:
    ids = ", ".join(document.source for document in documents)
    return RecordError(
        "duplicate_number",
        f"TracOS holds {len(documents)} documents with number {ref}: {ids}.",
        hint="Keep one of them, then retry.",
    )


def unreadable(document: Record, error: RecordError) -> RecordError:
    return RecordError(
        error.why.code,
        f"TracOS's document {document.source} cannot be read: {error}",
        hint="Mend the document in TracOS, then retry.",
    )
