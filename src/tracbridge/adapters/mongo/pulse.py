"""What metrics, alerts and dashboard read of many connections at once, by a few grouped queries.

Asked again and again while everything works, so each question is answered by an index.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.orders import Orders
from tracbridge.adapters.mongo.views import (
    AGAIN,
    HELD,
    MISSING,
    ON_ITS_WAY,
    REFUSED,
    STUCK,
    UNKNOWN,
    earlier,
    last_run,
)
from tracbridge.ports.views import LastRun

COUNTED = 100_000
"""Documents up to which they are counted; with more of them, this number is told."""


class Pulse(Struct):
    """How one connection fares. ``moving``: versions on their way; ``oldest``: since when the first
    of them waits; ``cases``: open cases by code, ``to_approve``: those of them that a rule holds;
    ``worker``: who works on it just now, or ""; ``cursors``: what is kept under these names.
    """

    moving: int = 0
    oldest: datetime | None = None
    held: int = 0
    refused: int = 0
    missing: int = 0
    unreachable: int = 0
    conflicts: int = 0
    worker: str = ""
    to_approve: int = 0
    cases: dict[str, int] = field(default_factory=dict)
    cursors: dict[str, Any] = field(default_factory=dict)

    @property
    def leased(self) -> bool:
        """Whether a process holds the right to work."""
        return bool(self.worker)


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
        """Links that meet any of the conditions, by connection; each is answered by an index."""
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
        group: Document = {"_id": {"c": "$c", "code": "$code"}, "n": {"$sum": 1}}
        group["held"] = {"$sum": {"$cond": [{"$gt": ["$token", None]}, 1, 0]}}
        for row in await self._rows("quarantine", cases, group):
            one = self._found[row["_id"]["c"]]
            one.cases[str(row["_id"].get("code"))] = row["n"]
            one.to_approve += row["held"]
        query = {"c": {"$in": self._names}, "decided": None}
        for row in await self._rows("conflicts", query, {"_id": "$c", "n": {"$sum": 1}}):
            self._found[row["_id"]].conflicts = row["n"]

    async def _bookkeeping(self, cursors: Sequence[str]) -> None:
        """Leases and cursors. Time is the server's."""
        held = {"owner": {"$exists": True}, "$expr": {"$gt": ["$expires", "$$NOW"]}}
        leases = self._db["tracbridge_leases"]
        async for row in leases.find({"_id": {"$in": self._names}, **held}, {"owner": 1}):
            owner = row["owner"]
            self._found[row["_id"]].worker = f"process {owner['pid']} on {owner['host']}"
        ids = {f"{c}:{name}": (c, name) for c in self._names for name in cursors}
        async for row in self._db["tracbridge_cursors"].find({"_id": {"$in": list(ids)}}):
            c, name = ids[row["_id"]]
            self._found[c].cursors[name] = row["cursor"]


async def last_runs(
    database: AsyncDatabase[Document], host: str, connections: Collection[str]
) -> dict[str, LastRun]:
    """The last run of each of these connections that has one; undone runs are left out."""
    names, found = list(connections), {}
    # In the order of the index, so that one key of each connection is looked at.
    stages: list[Document] = [
        {"$match": {"c": {"$in": names}}},
        {"$sort": {"c": 1, "started": -1}},
        {"$group": {"_id": "$c", "row": {"$first": "$$ROOT"}}},
    ]
    with translated(host):
        runs = database["tracbridge_runs"]
        async for one in await runs.aggregate(stages):
            row = one["row"]
            if "undoes" in row:
                query = {"c": row["c"], "undoes": {"$exists": False}}
                row = await runs.find_one(query, sort=[("started", -1)])
            if row:
                found[one["_id"]] = last_run(row)
    return found


async def linked(
    database: AsyncDatabase[Document], host: str, connections: Collection[str]
) -> dict[str, tuple[int, int]]:
    """Of each of these connections how many orders have a link, and how many of these links are not
    at rest. Takes longer the more orders there are.
    """
    names = list(connections)
    restless = (ON_ITS_WAY, AGAIN, HELD, MISSING)
    group = {"_id": "$c", "n": {"$sum": 1}}
    links = database["tracbridge_links"]
    with translated(host):
        every = await links.aggregate([{"$match": {"c": {"$in": names}}}, {"$group": group}])
        whole = {row["_id"]: row["n"] async for row in every}
        query = {"$or": [{"c": {"$in": names}, **one} for one in restless]}
        some = await links.aggregate([{"$match": query}, {"$group": group}])
        moved = {row["_id"]: row["n"] async for row in some}
    return {name: (whole.get(name, 0), moved.get(name, 0)) for name in names}


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
