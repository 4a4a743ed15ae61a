"""Compare both sides with what they last agreed on, by content; heal what differs, by a pass.

Comparing writes nothing. Healing sets what makes the next pass act (send again, take a mark back,
ask a person) and never writes content itself: a pass decides about that, as always.
"""

from collections.abc import AsyncIterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tracbridge.domain.errors import ConfigError, RecordError
from tracbridge.domain.link import Link, Phase
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import KIND, Side, Value
from tracbridge.engine.adopt import adopt
from tracbridge.engine.connection import Connection
from tracbridge.engine.outgoing import Version
from tracbridge.engine.record import conflict_of
from tracbridge.engine.writing import writes_of
from tracbridge.mapping.synced import UNMARK, is_synced, synced_at
from tracbridge.ports.connector import Acknowledges, Fate, Peeks, Record, Shows, Write
from tracbridge.ports.views import Orders
from tracbridge.sync.drift import Cure, Drift, apart, cure_of, drift_of
from tracbridge.sync.merge import disagreement
from tracbridge.sync.publish import Shown, content

PAGE = 1_000


class Found(Struct, frozen=True):
    """One thing that is not as both sides agreed, and where it shows.

    ``fields``: what the customer has, and what he is to have. ``link`` and ``record``: what it was
    found on, for `heal`.
    """

    ref: str
    drift: Drift
    cure: Cure
    link: Link
    record: Record | None = None
    where: str = "TracOS"
    fields: Mapping[str, tuple[Value, Value]] = {}
    note: str = ""


class Looked(Struct, frozen=True):
    """How many orders were compared, and what was found."""

    orders: int
    found: Sequence[Found] = ()


Documents = Mapping[str, Sequence[Record]]
"""TracOS's documents by ref; of a ref without any we have a link."""


class Reconciliation:
    """One walk over all orders, or over ``only`` one. With ``fix`` it heals what it finds.

    Healing needs the lease, and a pass afterwards.
    """

    def __init__(
        self,
        connection: Connection,
        orders: Orders,
        *,
        only: str | None = None,
        fix: bool = False,
    ) -> None:
        self.connection, self.orders, self.only, self.fix = connection, orders, only, fix
        self.removes = False
        self._adopted = False

    async def __call__(self) -> AsyncIterator[Looked]:
        """First TracOS's orders by number, then the links whose documents are gone, in pages."""
        if self.only is not None:
            yield await self._one(self.only)
            return
        async for page in self.orders.by_number():
            yield await self._page(page)
        position, more = "", True
        while more:
            refs, position = await self.connection.ledger.rotation(position, PAGE)
            gone = set(refs) - await self.orders.present(refs)
            yield await self._page(dict.fromkeys(sorted(gone), ()))
            more = bool(position)

    async def _one(self, ref: str) -> Looked:
        documents, links = await self.connection.together(
            self.connection.tracos.fetch([ref]), self.connection.ledger.find([ref])
        )
        if not documents and not links:
            raise ConfigError(f"order {ref} is neither in TracOS nor was it ever given.")
        return await self._page(documents or {ref: ()})

    async def _page(self, documents: Documents) -> Looked:
        links = await self.connection.ledger.find(list(documents))
        found = await self.compare(documents, links)
        if found:
            # A run at work changes one after the other: only what is still so counts.
            again = list(dict.fromkeys(one.ref for one in found))
            fresh, links = await self.connection.together(
                self.connection.tracos.fetch(again), self.connection.ledger.find(again)
            )
            found = await self.compare({ref: fresh.get(ref, ()) for ref in again}, links)
        if found and self.fix:
            await heal(self, found)
        return Looked(len(documents), found)

    async def compare(self, documents: Documents, links: Mapping[str, Link]) -> list[Found]:
        """What is not as both sides agreed, order by order."""
        found = [one for ref in documents for one in self._order(ref, links, documents[ref])]
        return found + await self._files([links[ref] for ref in documents if ref in links])

    def _order(
        self, ref: str, links: Mapping[str, Link], documents: Sequence[Record]
    ) -> list[Found]:
        link = links.get(ref) or self.connection.new_link(ref, "", KIND)
        if len(documents) > 1:
            ids = ", ".join(record.source for record in documents)
            return [Found(ref, Drift.DUPLICATE, Cure.NONE, link, note=ids)]
        if not documents:
            return self._gone(link) if link.rev else []
        record = documents[0]
        try:
            order = self.connection.translation.from_tracos(record.body or {}, link.last_given)
        except RecordError as error:
            where, note = record.source, str(error)
            return [Found(ref, Drift.UNREADABLE, Cure.NONE, link, record, where, note=note)]
        shown = Shown(order, is_synced(record.body or {}), synced_at(record.body or {}))
        found = self._held(link, record)
        resend, policies = self.connection.customer.traits.resend, self.connection.policies
        rules, creates = policies.rules, Side.TRACOS in policies.creators
        if drift := drift_of(link, shown, resend=resend, rules=rules, creates=creates):
            fields = apart(link, content(link, order), rules) if link.rev else {}
            cure = cure_of(drift, link, shown, rules)
            found.append(Found(ref, drift, cure, link, record, record.source, fields))
        return found

    def _held(self, link: Link, record: Record) -> list[Found]:
        if not link.held:
            return []
        fields = {name: (held.customer, held.tracos) for name, held in link.held.items()}
        return [Found(link.ref, Drift.HELD, Cure.NONE, link, record, record.source, fields)]

    def _gone(self, link: Link) -> list[Found]:
        """No document: as a person decided, known by now, or news."""
        if link.dropped:
            return []
        if link.missing:
            return [Found(link.ref, Drift.HELD, Cure.NONE, link, note="gone from TracOS")]
        return [Found(link.ref, Drift.MISSING_DOCUMENT, Cure.ASK, link)]

    async def _files(self, links: Sequence[Link]) -> list[Found]:
        """The versions that were published and are not known to have arrived."""
        customer = self.connection.customer
        published = {k.ref: k for k in links if k.out and k.out.phase is Phase.PUBLISHED}
        if not published or not isinstance(customer, Acknowledges):
            return []
        fates = await customer.fates(list(published))
        found = []
        for ref, (fate, words) in fates.items():
            link, where = published[ref], self._named(ref)
            if fate is Fate.REFUSED:
                one = Found(ref, Drift.REFUSED, Cure.NONE, link, where=where, note=words)
                found.append(one)
            elif fate is Fate.TAKEN:
                cure = Cure.PASS if await self._takes() else Cure.AGAIN
                found.append(Found(ref, Drift.MISSING_FILE, cure, link, where=where))
        left = [ref for ref, (fate, _) in fates.items() if fate in THERE]
        return found + await self._altered({ref: published[ref] for ref in left})

    def _named(self, ref: str) -> str:
        customer = self.connection.customer
        return customer.named(ref) if isinstance(customer, Shows) else "customer"

    async def _takes(self) -> bool:
        """He was seen to take our files: one that is not there any more has arrived."""
        self.removes = self.removes or bool(await self.connection.passes.cursor("removes"))
        return self.removes

    async def _altered(self, links: Mapping[str, Link]) -> list[Found]:
        """The versions of which he can see something else than what was frozen."""
        customer = self.connection.customer
        if not links or not isinstance(customer, Shows):
            return []
        shown = await customer.shown(list(links))
        writes = await writes_of(self.connection, [Version(links[r], links[r]) for r in shown])
        found = []
        for (ref, record), write in zip(shown.items(), writes, strict=True):
            link, body = links[ref], record.body or {}
            meant = (write.body or {}) if isinstance(write, Write) else {}
            changed = [name for name, value in meant.items() if body.get(name) != value]
            if record.error or changed:
                note = str(record.error or ", ".join(changed))
                where = self._named(ref)
                one = Found(ref, Drift.ALTERED_FILE, Cure.AGAIN, link, where=where, note=note)
                found.append(one)
        return found

    async def look_in(self) -> None:
        """Link what the customer's inbound records show to be equal; once."""
        if not self._adopted and isinstance(self.connection.customer, Peeks):
            await adopt(self.connection, only=self.only)
        self._adopted = True


THERE = (Fate.WAITING, Fate.ACKNOWLEDGED)


async def heal(work: Reconciliation, found: Sequence[Found]) -> None:
    """Set what makes the next pass heal these orders. Repeatable; what somebody changed meanwhile
    stays as it is.
    """
    connection = work.connection
    await connection.lease.hold()
    cures: dict[str, set[Cure]] = {}
    for one in found:
        cures.setdefault(one.ref, set()).add(one.cure)
    await _unmark(connection, [one for one in found if one.cure is Cure.UNMARK])
    await _ask(connection, [one for one in found if one.cure is Cure.ASK])
    if unknown := [one for one in found if one.cure is Cure.LINK]:
        await work.look_in()
        known = await connection.ledger.find([one.ref for one in unknown])
        unknown = [one for one in unknown if one.ref not in known]
    again = {one.ref: one for one in found if one.cure is Cure.AGAIN} | {
        one.ref: one for one in unknown
    }
    await connection.ledger.save([replace(one.link, repush=True) for one in again.values()])


async def _unmark(connection: Connection, found: Sequence[Found]) -> None:
    marks = [(one.record, UNMARK) for one in found if one.record]
    if marks:
        await connection.tracos.mark(marks)


async def _ask(connection: Connection, found: Sequence[Found]) -> None:
    """On record as missing: whether to make the order again is a person's decision."""
    conflicts = []
    for one in found:
        if fields := one.link.last_given:
            names = list(fields)
            note = disagreement(Kind.MISSING, names, one.link, {}, fields, dict.fromkeys(names))
            conflicts.append(conflict_of(connection, one.link, note))
    if conflicts:
        await connection.conflicts.put(conflicts)
    await connection.ledger.save([replace(one.link, missing=True) for one in found])
