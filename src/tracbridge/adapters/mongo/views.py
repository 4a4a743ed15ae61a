"""What people ask: where orders stand, what happened to one, what waits for a person. Read only."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, paged, translated
from tracbridge.adapters.mongo.orders import ODDLY_SYNCED, UNSYNCED, Orders
from tracbridge.adapters.mongo.stores import to_case, to_conflict, to_entry
from tracbridge.adapters.mongo.tracos import refs_of, source_of
from tracbridge.domain.link import Phase
from tracbridge.domain.outcome import Kind
from tracbridge.domain.workorder import Side
from tracbridge.ports.approvals import Approval
from tracbridge.ports.state import Conflict, Entry, QuarantineCase
from tracbridge.ports.views import LastRun, Open, Standing

PAGE = 1_000

ON_ITS_WAY = {"out.phase": {"$in": [phase.value for phase in Phase]}}
AGAIN = {"repush": True}
HELD = {"held": {"$exists": True}}
MISSING = {"missing": True}
UNKNOWN = {"unknown": {"$exists": True}}
STUCK = {"stuck": {"$exists": True}}
REFUSED = {**ON_ITS_WAY, "out.error": {"$type": "string"}}


class Unsent(Struct):
    """Documents that are not marked as synced: how many go out, and since when they wait.

    ``creates``: new orders are made at the customer's. ``linked``: those whose link shows nothing
    open. ``kept``: new ones that do not go out.
    """

    creates: bool = True
    new: int = 0
    linked: int = 0
    kept: int = 0
    oldest: datetime | None = None

    def add(self, document: Document, *, linked: bool) -> None:
        """Count it."""
        if not linked and not self.creates:
            self.kept += 1
            return
        self.linked += linked
        self.new += not linked
        self.oldest = earlier(self.oldest, document.get("updatedAt"))


class Marks(Struct, frozen=True):
    """The links of one page of documents: all of them, the busy ones and the held ones, by name."""

    known: set[str] = set()
    busy: set[str] = set()
    held: set[str] = set()


async def marks_of(links: AsyncCollection[Document], query: Document, name: str) -> Marks:
    """The links that fit; orders are named by that field of them."""
    marks = Marks()
    shown = {name: 1, "out.phase": 1, "repush": 1, "held": 1, "missing": 1}
    async for link in links.find(query, shown, batch_size=PAGE + 1):
        marks.known.add(link[name])
        if link.get("held"):
            marks.held.add(link[name])
        elif link.get("out") or link.get("repush") or link.get("missing"):
            marks.busy.add(link[name])
    return marks


class Views:
    """Questions about one connection."""

    def __init__(self, database: AsyncDatabase[Document], orders: Orders, connection: str) -> None:
        self._db, self._orders, self._ours = database, orders.collection, orders.ours
        self._c, self._host = connection, orders.host

    async def one(self, name: str, query: dict[str, Any]) -> Document | None:
        """One document of our collection ``tracbridge_<name>`` for this connection."""
        with translated(self._host):
            return await self._db[f"tracbridge_{name}"].find_one({"c": self._c, **query})

    # -- where orders stand ----------------------------------------------------------------

    async def standing(self, unsent: Unsent) -> Standing:
        """All figures, each by an index, over what is `unsent`."""
        with translated(self._host):
            linked = await self._db["tracbridge_links"].count_documents({"c": self._c})
            restless = await self._links(ON_ITS_WAY, AGAIN, HELD, MISSING)
            moving = await self._links(ON_ITS_WAY, AGAIN)
            return Standing(
                connection=self._c,
                last_run=await self._last_run(),
                worker=await self._worker(),
                in_sync=linked - restless - unsent.linked,
                on_their_way=moving + unsent.linked + unsent.new,
                open=await self.open(),
                oldest=earlier(unsent.oldest, await self._oldest_version()),
            )

    async def open(self) -> Open:
        """What waits for a person."""
        cases = {"c": self._c, "state": "open"}
        with translated(self._host):
            return Open(
                held=await self._links(HELD, UNKNOWN),
                quarantined=await self._db["tracbridge_quarantine"].count_documents(cases),
                refused=await self._links(REFUSED),
                unreachable=await self._links(STUCK),
                missing=await self._links(MISSING),
            )

    async def _links(self, *conditions: Document) -> int:
        """Links that meet any of the conditions; each is answered by an index."""
        query = {"$or": [{"c": self._c, **condition} for condition in conditions]}
        return await self._db["tracbridge_links"].count_documents(query)

    async def _last_run(self) -> LastRun | None:
        query = {"c": self._c, "undoes": {"$exists": False}}
        row = await self._db["tracbridge_runs"].find_one(query, sort=[("started", -1)])
        return last_run(row) if row else None

    async def _worker(self) -> str:
        """Who holds the lease; time is the server's."""
        held = {"_id": self._c, "owner": {"$exists": True}, "$expr": {"$gt": ["$expires", "$$NOW"]}}
        row = await self._db["tracbridge_leases"].find_one(held)
        return f"process {row['owner']['pid']} on {row['owner']['host']}" if row else ""

    async def _oldest_version(self) -> datetime | None:
        cursor = self._db["tracbridge_links"].find({"c": self._c, **ON_ITS_WAY}, {"out.at": 1})
        async for document in cursor.sort("out.at", 1).limit(1):
            return earlier(None, document["out"]["at"])
        return None

    async def unsent(self, *, creates: bool) -> Unsent:
        """What is not sent yet, read document by document; ``creates``: new orders go out."""
        found, shown = Unsent(creates), {"number": 1, "updatedAt": 1}
        with translated(self._host):
            refused = await self._refused_documents()
            for query in (UNSYNCED, ODDLY_SYNCED):
                cursor = self._orders.find(self._ours(query), shown, batch_size=PAGE)
                async for page in paged(cursor, PAGE):
                    left = [d for d in page if source_of(d) not in refused]
                    await self._count_unsent(left, found)
        return found

    async def _count_unsent(self, documents: Sequence[Document], found: Unsent) -> None:
        refs = [ref_of(d.get("number")) for d in documents]
        query = {"c": self._c, "ref": {"$in": refs}}
        marks = await marks_of(self._db["tracbridge_links"], query, "ref")
        for document in documents:
            ref = ref_of(document.get("number"))
            if ref not in marks.held and ref not in marks.busy:
                found.add(document, linked=ref in marks.known)

    async def _refused_documents(self) -> set[str]:
        query = {"c": self._c, "state": "open", "side": Side.TRACOS.value}
        cursor = self._db["tracbridge_quarantine"].find(query, {"source": 1})
        return {document["source"] async for document in cursor}

    async def taken_numbers(self, numbers: Sequence[int]) -> list[int]:
        """Which of these numbers TracOS holds already."""
        with translated(self._host):
            query = self._ours({"number": {"$in": list(numbers)}})
            found = self._orders.find(query, {"number": 1})
            refs = [refs_of(document["number"]) async for document in found]
        return sorted({int(ref) for some in refs for ref in some} & set(numbers))

    # -- one order -------------------------------------------------------------------------

    async def history(self, ref: str, limit: int = 10_000) -> list[Entry]:
        """What was done to the order, oldest first; of a version that was made twice the last."""
        query = {"c": self._c, "ref": ref, "superseded": {"$ne": True}}
        with translated(self._host):
            cursor = self._db["tracbridge_history"].find(query).sort("at", -1).limit(limit)
            entries = [to_entry(document) async for document in cursor]
        return once_each(list(reversed(entries)))

    async def approvals(self, ref: str) -> list[Approval]:
        """What was approved of the order, oldest first."""
        query = {"c": self._c, "ref": ref}
        with translated(self._host):
            rows = await self._db["tracbridge_approvals"].find(query).sort("at", 1).to_list()
        names = ("_id", "ref", "rule", "at", "by", "why")
        return [Approval(*(row[name] for name in names)) for row in rows]

    # -- what waits for a person -----------------------------------------------------------

    def cases(self, *, ref: str | None = None) -> AsyncIterator[QuarantineCase]:
        """Open cases without their bytes, newest first."""
        query = {"c": self._c, "state": "open"}
        return self._cases(query if ref is None else {**query, "ref": ref})

    async def _cases(self, query: Document) -> AsyncIterator[QuarantineCase]:
        with translated(self._host):
            cursor = self._db["tracbridge_quarantine"].find(query, {"raw": 0}, batch_size=PAGE)
            async for document in cursor.sort("at", -1):
                yield to_case(document)

    async def to_approve(self, since: datetime | None = None) -> int:
        """How many open cases, or of those opened since then, wait for an approval."""
        query: Document = {"c": self._c, "state": "open", "token": {"$exists": True}}
        query |= {"at": {"$gte": since}} if since else {}
        with translated(self._host):
            return await self._db["tracbridge_quarantine"].count_documents(query)

    async def conflict(self, id_: str) -> Conflict | None:
        """One conflict by its id."""
        found = await self.one("conflicts", {"_id": id_})
        return to_conflict(found) if found else None

    async def conflicts(
        self,
        *,
        ref: str | None = None,
        kind: Kind | None = None,
        field: str | None = None,
        since: datetime | None = None,
    ) -> list[Conflict]:
        """Disagreements, newest first: waiting ones before those that were decided."""
        query: Document = {"c": self._c}
        query |= {} if ref is None else {"ref": ref}
        query |= {} if kind is None else {"kind": kind.value}
        query |= {} if field is None else {"fields": field}
        query |= {} if since is None else {"at": {"$gte": since}}
        with translated(self._host):
            cursor = self._db["tracbridge_conflicts"].find(query).sort("at", -1)
            found = [to_conflict(document) async for document in cursor]
        return sorted(found, key=lambda conflict: conflict.decided is not None)


def last_run(row: Document) -> LastRun:
    """The row of a run, whatever became of it."""
    counts = row.get("counts") or {}
    parts = counts.get("connections") or [{}]
    return LastRun(
        run=row["_id"],
        started=row["started"],
        ended=row["ended"],
        seconds=parts[0].get("seconds"),
        exit=row.get("exit"),
        error=row.get("error", ""),
    )


def earlier(one: datetime | None, other: Any) -> datetime | None:
    """The earlier of two times; what is no time does not count."""
    if not isinstance(other, datetime):
        return one
    return min(one, other) if one else other


def ref_of(number: Any) -> str:
    """The ref of a document's number, "" if it is none."""
    whole = isinstance(number, (int, float)) and not isinstance(number, bool) and number % 1 == 0
    return str(int(number)) if whole else ""


def once_each(entries: list[Entry]) -> list[Entry]:
    """A version whose making was repeated counts once, as it was made last."""
    last = {e.number: e.id for e in entries if e.side is Side.CUSTOMER}
    return [e for e in entries if e.side is Side.TRACOS or last[e.number] == e.id]
