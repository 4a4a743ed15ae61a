"""TracOS -> customer: find what differs from what he was given, freeze it, publish it, mark it.

The content of a version is frozen before anything leaves us. What a crash leaves half done is
finished first by the next pass.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from msgspec.structs import replace

from tracbridge.domain.errors import RecordError, RetryableError
from tracbridge.domain.link import Link, Phase
from tracbridge.domain.workorder import Side, WorkOrder
from tracbridge.engine.answering import sorted_out, take_back
from tracbridge.engine.brake import Brake
from tracbridge.engine.candidates import Candidates, Portion
from tracbridge.engine.connection import Connection, Tally
from tracbridge.engine.documents import DocumentCases
from tracbridge.engine.intake import warn, warnings_of
from tracbridge.engine.judging import approved, route_of, told
from tracbridge.engine.outgoing import (
    Bad,
    Prepared,
    Told,
    Version,
    entry_of_version,
    view,
)
from tracbridge.engine.owned import put_back
from tracbridge.engine.portions import portions
from tracbridge.engine.retold import newly, retell, settled_by_itself
from tracbridge.engine.rhythm import Rhythm
from tracbridge.engine.writing import answers_of, writes_of
from tracbridge.mapping.synced import UNMARK, is_synced, mark, synced_at
from tracbridge.ports.connector import (
    Probes,
    Receipt,
    Record,
    Refusal,
    Staged,
    Stages,
    Write,
)
from tracbridge.ports.runtime import Step
from tracbridge.sync.fields import put_right
from tracbridge.sync.guard import grave
from tracbridge.sync.publish import (
    Need,
    Shown,
    content,
    declined,
    differs,
    need,
    next_version,
    staged,
)


class Outbound:
    """One pass from TracOS to the customer. ``whole``: not only what TracOS says is unsynced, and
    what a crash may have left is finished first.
    """

    def __init__(
        self,
        connection: Connection,
        tally: Tally,
        rhythm: Rhythm | None = None,
        *,
        whole: bool = True,
    ) -> None:
        self.connection, self.rhythm, self.whole = connection, rhythm, whole
        self.run, self.tally, self.withheld = tally.run, tally.outbound, tally.withheld
        self.counter = 0
        self.now = connection.clock.now()
        self.cases = DocumentCases(connection)
        self.brake: Brake[Version] = Brake(connection, Side.CUSTOMER, tally)
        self.approved: Collection[str] = ()
        self.stale: list[str] = []
        self.steps: list[str] = []
        self.outage: RetryableError | None = None
        self.more = False

    async def __call__(self) -> None:
        """Finish what was begun, then bring everything that differs to the customer.

        A system that is called at a pace gets a turn's worth: what is left (``more``) waits until
        what is new on both sides has been looked at.
        """
        connection = self.connection
        self.counter = await connection.passes.counter()
        await self.cases.look()
        if self.whole:
            await self.resume()
        before = self.tally["delivered"]
        candidates = Candidates(connection, self.rhythm, whole=self.whole)
        prepared = Prepared()
        async for portion in candidates.pages():
            if self.more:
                break
            # Disk and database work side by side: one page is laid aside while one is delivered.
            prepared, _ = await connection.together(
                self.prepare(portion, {v.ref for v in prepared.versions}), self.deliver(prepared)
            )
            await connection.steps.passed(Step.PAGE)
            # A turn in which nothing went out would come again and again.
            self.more = candidates.turn_over() and self.tally["delivered"] > before
        await self.deliver(prepared)
        await connection.steps.passed(Step.PAGE)
        if not self.more:
            await self._release()
            await candidates.remember()

    async def only(self, refs: Sequence[str]) -> None:
        """The same, for these orders alone."""
        self.counter = await self.connection.passes.counter()
        found = await self.connection.tracos.fetch(refs)
        records = [record for each in found.values() for record in each]
        page = await self.prepare(Portion(records, sure=False), ())
        await self.deliver(page)
        await self._release()

    async def _release(self) -> None:
        """The end of the pass: send what was kept back, or say that it is too much."""
        for versions in self.brake.released():
            page = Prepared(versions)
            await self._stage(page)
            await self.deliver(page)
            await self.connection.steps.passed(Step.PAGE)
        for one in self.brake.withheld():
            self.withheld.append(one)
            self.tally.update(failed=one.count, withheld=one.count)
            self.connection.observer.incident("mass_change", "outbound", f"{one}.")

    async def resume(self) -> None:
        """Publish what a crash left frozen or staged; drop what was staged and never announced."""
        customer = self.connection.customer
        if isinstance(customer, Probes):
            return  # what is on its way there was sent, and nobody knows with what effect
        async for refs in self.connection.ledger.on_their_way(Phase.INTENT, Phase.STAGED):
            links = await self.connection.ledger.find(refs)
            counts: Counter[str] = Counter(read=len(links))
            bad = await self.publish([Version(k, k) for k in links.values()], counts)
            await self.cases.refuse(bad, counts)
            self._count(counts)
            self._stop_here()
            await self.connection.steps.passed(Step.PAGE)
        if isinstance(customer, Stages):
            await customer.sweep()

    async def prepare(self, portion: Portion, busy: Collection[str]) -> Prepared:
        """Decide each order of the page and lay its version aside; writes nothing that counts.

        ``busy``: orders whose versions are being delivered; they wait for the next pass.
        """
        connection, page = self.connection, Prepared()
        self.now = connection.clock.now()
        refs = self._refs(portion.records)
        links = await connection.ledger.find(refs)
        self.approved = await approved(connection, refs)
        async for records in portions(portion.records, connection.pause):
            orders, bad = self._translate(records, links)
            page.bad += bad
            # What becomes of those that are being delivered is not known yet.
            page.sources += [record.source for record, link, _ in orders if link.ref not in busy]
            self._look(page, _willing(page, orders), busy, sure=portion.sure)
        page.versions = await self._kept_back(page.versions)
        await self._stage(page)
        return page

    def _look(
        self, page: Prepared, orders: Sequence[Told], busy: Collection[str], *, sure: bool
    ) -> None:
        """What each of these orders needs, into the page."""
        connection, traits = self.connection, self.connection.customer.traits
        rules, creates = connection.policies.rules, Side.TRACOS in connection.policies.creators
        for record, known, shown in orders:
            link = known
            if link.ref in busy or link.ref in self.brake.kinds:
                continue
            if his := newly(connection, link):
                link = settled_by_itself(link, his, content(link, shown.order))
                if newly(connection, link):
                    page.retold.append(link.ref)
                    continue
            what = need(
                link,
                shown,
                supersedes=traits.supersedes,
                resend=traits.resend,
                rules=rules,
                creates=creates,
            )
            if rules and put_right(rules, link.last_given or {}, shown.order.fields):
                page.owned.append(link.ref)
            if what is Need.PUBLISH:
                what = self._publish(page, record, link, shown)
            elif what in (Need.MARK, Need.UNMARK):
                values = mark(link.given or self.now) if what is Need.MARK else UNMARK
                page.flags.append((record, values))
            page.counts["read"] += sure or what is not Need.NOTHING
            page.counts["unchanged"] += what is not Need.PUBLISH and (
                sure or what is not Need.NOTHING
            )

    def _publish(self, page: Prepared, record: Record, link: Link, shown: Shown) -> Need:
        """The version that is due, or a step towards it; nothing where his system cannot be moved.

        That it is stuck, and why, is remembered with the link.
        """
        try:
            return self._decide(page, record, link, shown.order)
        except RecordError as error:
            page.bad.append((record, error))
            return Need.WAIT

    def _decide(self, page: Prepared, record: Record, link: Link, order: WorkOrder) -> Need:
        """The same; raises `RecordError` for what cannot be told to the customer, or may not."""
        connection, shown = self.connection, content(link, order)
        route = route_of(connection, link, order)
        step = ("", True)
        if route:
            order = replace(order, fields={**order.fields, "status": route.status})
            step = ("", True) if route.stuck else (route.state, route.last)
        stuck = route.stuck if route else ""
        if stuck != link.stuck:
            page.stuck.append(replace(link, stuck=stuck))
        said = told(connection, record, link, order, self.now, self.approved)
        order = order if said.new is order.fields else replace(order, fields=said.new)
        changed = stuck or said.by
        if said.ignored or (
            changed and not differs(link, content(link, order), connection.policies.rules)
        ):
            return Need.NOTHING
        version = self._version(record, replace(link, stuck=stuck), order, step)
        version.shown = shown
        page.versions.append(version)
        return Need.PUBLISH

    async def _kept_back(self, versions: list[Version]) -> list[Version]:
        """Leave out what has to be counted first."""
        for version in versions:
            kind = grave(version.before.last_given, version.link.last_given or {})
            if self.brake.watches(kind, version.ref):
                await self.brake.keep(version.ref, kind, version)
        return [version for version in versions if version.ref not in self.brake.kinds]

    async def deliver(self, page: Prepared) -> None:
        """Put on record, freeze and publish the page's versions; then its flags and cases."""
        await self.connection.lease.hold()
        await self._tell_stuck(page)
        page.bad += await self.send(page.versions, page.counts)
        await self.cases.refuse(page.bad, page.counts)
        await self.cases.close(page)
        await self._mark(page.flags)
        await put_back(self.connection, page.owned, self.run)
        await retell(self.connection, page.retold, self.run)
        self._count(page.counts)
        self._stop_here()

    def _stop_here(self) -> None:
        """The customer's system is away: what was done is on record, and the rest waits."""
        if self.outage:
            raise self.outage

    async def _tell_stuck(self, page: Prepared) -> None:
        """Remember and say of which orders his system cannot be moved; versions carry it along."""
        sent = {version.ref for version in page.versions}
        for link in page.stuck:
            if link.stuck:
                self.connection.observer.incident("unreachable", link.ref, link.stuck)
        page.counts["failed"] += sum(bool(link.stuck) for link in page.stuck)
        await self.connection.ledger.save([link for link in page.stuck if link.ref not in sent])

    def _refs(self, records: Sequence[Record]) -> list[str]:
        translation = self.connection.translation
        refs = (translation.tracos_ref(record.body or {}) for record in records)
        return list(dict.fromkeys(ref for ref in refs if ref))

    def _translate(
        self, records: Sequence[Record], links: dict[str, Link]
    ) -> tuple[list[Told], list[Bad]]:
        good, bad = [], []
        for record in records:
            body = record.body or {}
            ref = self.connection.translation.tracos_ref(body)
            link = links.get(ref or "")
            try:
                last = link.last_given if link else None
                order = self.connection.translation.from_tracos(body, last)
            except RecordError as error:
                bad.append((record, error))
                continue
            link = link or self.connection.new_link(order.ref, order.scope, order.kind)
            good.append((record, link, Shown(order, is_synced(body), synced_at(body))))
        return good, bad

    def _version(
        self, record: Record, link: Link, order: WorkOrder, step: tuple[str, bool]
    ) -> Version:
        for code in warnings_of(order, self.now):
            warn(self.connection, code, record.source)
        tracos = (record.body or {}).get("_id")
        rules = self.connection.policies.rules
        frozen = next_version(link, order, self.counter, self.now, tracos, rules, step)
        return Version(frozen, link, record)

    async def send(self, versions: list[Version], counts: Counter[str]) -> list[Bad]:
        """Put on record, freeze and publish versions that lie aside; returns what he refuses."""
        if not versions:
            return []
        await self.connection.history.put(
            [entry_of_version(self.connection, v, self.run) for v in versions]
        )
        await self.connection.steps.passed(Step.RECORDED)
        lost = await self.connection.ledger.save([v.link for v in versions])
        await self.connection.steps.passed(Step.STAGED)
        kept = [v for v in versions if v.ref not in lost]
        for version in kept:
            version.link = replace(version.link, rev=version.link.rev + 1)
        return await self.publish(kept, counts)

    async def _stage(self, page: Prepared) -> None:
        """Lay the versions beside their places, where the system can; those that cannot are bad."""
        customer, versions = self.connection.customer, page.versions
        if not versions:
            return
        writes = await writes_of(self.connection, versions)
        ready = [write for write in writes if isinstance(write, Write)]
        answers: Sequence[Write | Staged | RecordError] = ready
        if isinstance(customer, Stages):
            answers = await customer.stage(ready)
        each = iter(answers)
        page.versions = []
        for version, write in zip(versions, writes, strict=True):
            answer = next(each) if isinstance(write, Write) else write
            if isinstance(answer, Staged):
                version.link = staged(version.link, over=answer.over)
            if not isinstance(answer, RecordError):
                page.versions.append(version)
            elif version.record:
                page.bad.append((version.record, answer))

    async def publish(self, versions: list[Version], counts: Counter[str]) -> list[Bad]:
        """Show the versions to the customer, remember it, and mark TracOS's documents."""
        if not versions:
            return []
        await self.connection.lease.hold()
        customer = self.connection.customer
        answers: Sequence[Receipt | Refusal]
        if isinstance(customer, Stages):
            answers = await customer.publish([(v.key, v.ref) for v in versions])
        else:
            answers = await answers_of(self.connection, versions)
        await self.connection.steps.passed(Step.EFFECT)
        await self.connection.lease.hold()
        for version, answer in zip(versions, answers, strict=True):
            if isinstance(answer, Exception):
                self.connection.observer.incident("not_delivered", version.ref, str(answer))
        found = sorted_out(self.connection, versions, answers, self.counter)
        marks = [m for v, k in found.done if v.record for m in view(v.record, k)]
        # Both are true already; a crash between the two leaves the other to the next pass.
        lost, _ = await self.connection.together(
            self.connection.ledger.save([link for _, link in found.done]), self._mark(marks)
        )
        await take_back(self.connection, found)
        await self.connection.steps.passed(Step.PUBLISHED)
        counts["delivered"] += len(found.done) - len(lost)
        back = len(found.back) - len(found.bad) - len(found.stale)
        counts["failed"] += len(found.open) + back
        self.stale += found.stale
        self.steps += [v.ref for v, _ in found.done if v.link.out and not v.link.out.last]
        self.outage = found.outage
        return found.bad

    async def _mark(self, marks: Sequence[tuple[Record, Any]]) -> None:
        if marks:
            await self.connection.tracos.mark(marks)
            await self.connection.steps.passed(Step.MARKED)

    def _count(self, counts: Counter[str]) -> None:
        if any(counts.values()):
            self.tally.update(counts)
            self.connection.observer.batch("outbound", counts)


def _willing(page: Prepared, orders: Sequence[Told]) -> list[Told]:
    """Without those that his system has refused as they are; these stay on record."""
    left = []
    for record, link, shown in orders:
        if link.refused and declined(link, content(link, shown.order)):
            page.bad.append((record, RecordError.of(link.refused.why)))
        else:
            left.append((record, link, shown))
    return left
