"""What metrics and alerts read of many connections at once: a few grouped queries for all of them.

Asked again and again while everything works, so each question is answered by an index, and what is
not sent yet is read document by document only where there is little of it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.orders import ODDLY_SYNCED, UNSYNCED, Orders
from tracbridge.adapters.mongo.views import (
    AGAIN,
    HELD,
    MISSING,
    ON_ITS_WAY,
    REFUSED,
    STUCK,
    UNKNOWN,
    Unsent,
    Views,
    earlier,
)

EXACT = 2_000
"""Documents that are not sent yet: with more of them, they are counted by index only."""

COUNTED = 100_000
"""Documents up to which they are counted; with more of them, this number is told."""


class Pulse(Struct):
    """How one connection fares. ``moving``: versions on their way; ``oldest``: since when the first
    of them waits; ``cases``: open cases by code; ``cursors``: what is kept under these names.
    """

    moving: int = 0
    oldest: datetime | None = None
    held: int = 0
    refused: int = 0
    missing: int = 0
    unreachable: int = 0
    conflicts: int = 0
    leased: bool = False
    cases: dict[str, int] = field(default_factory=dict)
    cursors: dict[str, Any] = field(default_factory=dict)


async def pulses(
    database: AsyncDatabase[Document],
    host: str,
    connections: Collection[str],
    cursors: Sequence[str] = (),
) -> dict[str, Pulse]:
    """Each of these connections, whose memory is in that database.

    Raises `RetryableError` where the server is away.
    """
    found = {name: Pulse() for name in connections}
    with translated(host):
        await _Reading(database, found)(cursors)
    return found


class _Reading:
    def __init__(self, database: AsyncDatabase[Document], found: Mapping[str, Pulse]) -> None:
        self._db, self._found, self._names = database, found, list(found)

    async def __call__(self, cursors: Sequence[str]) -> None:
        await self._versions()
        again = {**AGAIN, "out.phase": {"$exists": False}}
        for name, conditions in (
            ("held", [HELD, UNKNOWN]),
            ("refused", [REFUSED]),
            ("missing", [MISSING]),
            ("unreachable", [STUCK]),
        ):
            for c, count in (await self._links(*conditions)).items():
                setattr(self._found[c], name, count)
        for c, count in (await self._links(again)).items():
            self._found[c].moving += count
        await self._waiting()
        await self._bookkeeping(cursors)

    async def _rows(self, collection: str, match: Document, group: Document) -> list[Document]:
        stages = [{"$match": match}, {"$group": group}]
        found = await self._db[f"tracbridge_{collection}"].aggregate(stages)
        return await found.to_list()

    async def _links(self, *conditions: Document) -> dict[str, int]:
        """Links that meet any of the conditions, by connection; each has its own index."""
        query = {"$or": [{"c": {"$in": self._names}, **condition} for condition in conditions]}
        rows = await self._rows("links", query, {"_id": "$c", "n": {"$sum": 1}})
        return {row["_id"]: row["n"] for row in rows}

    async def _versions(self) -> None:
        group = {"_id": "$c", "n": {"$sum": 1}, "at": {"$min": "$out.at"}}
        for row in await self._rows("links", {"c": {"$in": self._names}, **ON_ITS_WAY}, group):
            one = self._found[row["_id"]]
            one.moving, one.oldest = row["n"], earlier(None, row["at"])

    async def _waiting(self) -> None:
        """Cases and conflicts that wait for a person."""
        cases = {"c": {"$in": self._names}, "state": "open"}
        group = {"_id": {"c": "$c", "code": "$code"}, "n": {"$sum": 1}}
        for row in await self._rows("quarantine", cases, group):
            self._found[row["_id"]["c"]].cases[str(row["_id"].get("code"))] = row["n"]
        query = {"c": {"$in": self._names}, "decided": None}
        for row in await self._rows("conflicts", query, {"_id": "$c", "n": {"$sum": 1}}):
            self._found[row["_id"]].conflicts = row["n"]

    async def _bookkeeping(self, cursors: Sequence[str]) -> None:
        """Leases and cursors. Time is the server's."""
        held = {"owner": {"$exists": True}, "$expr": {"$gt": ["$expires", "$$NOW"]}}
        leases = self._db["tracbridge_leases"]
        async for row in leases.find({"_id": {"$in": self._names}, **held}, {"_id": 1}):
            self._found[row["_id"]].leased = True
        ids = {f"{c}:{name}": (c, name) for c in self._names for name in cursors}
        async for row in self._db["tracbridge_cursors"].find({"_id": {"$in": list(ids)}}):
            c, name = ids[row["_id"]]
            self._found[c].cursors[name] = row["cursor"]


async def unsent_of(views: Views, orders: Orders, *, creates: bool) -> Unsent:
    """What is not sent yet: exactly up to `EXACT` documents.

    Of more than that it is an upper bound, up to `COUNTED`: held and refused ones are in it, and
    the oldest is that of the first `EXACT`.
    """
    either = {"$or": [orders.ours(UNSYNCED), orders.ours(ODDLY_SYNCED)]}
    with translated(orders.host):
        many = await orders.collection.count_documents(either, limit=EXACT + 1)
    if not many:
        return Unsent(creates)
    if many <= EXACT:
        return await views.unsent(creates=creates)
    found = Unsent(creates)
    with translated(orders.host):
        found.new = await orders.collection.count_documents(orders.ours(UNSYNCED), limit=COUNTED)
        cursor = orders.collection.find(orders.ours(UNSYNCED), {"updatedAt": 1}).limit(EXACT)
        async for document in cursor:
            found.oldest = earlier(found.oldest, document.get("updatedAt"))
    return found


async def inventory(database: AsyncDatabase[Document], host: str) -> dict[str, Any]:
    """Our collections with their number of documents (as the server estimates it) and the names of
    their indexes; no document is read.
    """
    with translated(host):
        names = sorted(await database.list_collection_names())
        ours = [name for name in names if name.startswith("tracbridge_")]
        return {
            name: {
                "documents": await database[name].estimated_document_count(),
                "indexes": sorted(await database[name].index_information()),
            }
            for name in ours
        }


async def orders_inventory(orders: Orders) -> dict[str, Any]:
    """The same of TracOS's collection, as far as it is this connection's."""
    with translated(orders.host):
        indexes = (
            sorted(await orders.collection.index_information()) if await _there(orders) else []
        )
        return {
            "documents": await orders.collection.count_documents(orders.ours({}), limit=COUNTED),
            "indexes": [name for name in indexes if name.startswith(("tracbridge_", "_id"))],
        }


async def _there(orders: Orders) -> bool:
    named = {"name": orders.collection.name}
    return bool(await orders.collection.database.list_collection_names(filter=named))
