"""Requests that were taken over HTTP, until they are where they belong."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.ports.inbox import Arrival

KEPT: Final = timedelta(days=7)
"""For so long after it was done, the same request is known again."""

FEW: Final = 100

INDEXES: Final = [
    IndexModel(
        [("c", 1), ("event", 1)],
        name="event",
        unique=True,
        partialFilterExpression={"event": {"$exists": True}},
    ),
    IndexModel([("held", 1)], name="held", partialFilterExpression={"held": {"$exists": True}}),
    IndexModel([("done", 1)], name="done", expireAfterSeconds=int(KEPT.total_seconds())),
]

BARE: Final = {"raw": 0}


class MongoInbox:
    """One row for each request. ``held``: when somebody began to work on it, until it is done."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._db, self._rows = database, database["tracbridge_inbox"]
        self._c, self._host = connection, host

    async def prepare(self) -> None:
        """The indexes are there."""
        with translated(self._host):
            await self._rows.create_indexes(INDEXES)

    async def put(self, arrival: Arrival) -> Arrival | None:
        row: Document = {
            "_id": self._name(arrival.id),
            "c": self._c,
            "at": arrival.at,
            "held": arrival.at,
            "digest": arrival.digest,
            "raw": arrival.raw,
            "records": arrival.records,
            "counter": arrival.counter,
            "state": arrival.state,
            **({"event": arrival.event} if arrival.event else {}),
        }
        with translated(self._host):
            try:
                await self._rows.insert_one(row)
            except DuplicateKeyError:
                same: list[Document] = [{"_id": row["_id"]}]
                same += [{"c": self._c, "event": arrival.event}] if arrival.event else []
                found = await self._rows.find_one({"$or": same}, BARE)
                return self._arrival(found) if found else arrival
        return None

    async def take_over(self, id_: str, before: datetime, now: datetime) -> Arrival | None:
        query = {"_id": self._name(id_), "state": "stored", "held": {"$lt": before}}
        with translated(self._host):
            row = await self._rows.find_one_and_update(query, {"$set": {"held": now}})
        return self._arrival(row) if row else None

    async def done(self, id_: str, at: datetime) -> None:
        change = {"$set": {"state": "done", "done": at}, "$unset": {"raw": "", "held": ""}}
        with translated(self._host):
            await self._rows.update_one({"_id": self._name(id_), "state": "stored"}, change)

    async def find(self, id_: str) -> Arrival | None:
        with translated(self._host):
            row = await self._rows.find_one({"_id": self._name(id_)}, BARE)
        return self._arrival(row) if row else None

    async def unfinished(self, before: datetime) -> Sequence[str]:
        query = {"c": self._c, "held": {"$lt": before}}
        with translated(self._host):
            rows = await self._rows.find(query, {"_id": 1}).sort("held", 1).to_list(FEW)
        return [self._id(row) for row in rows]

    async def left(self, before: datetime) -> set[str]:
        with translated(self._host):
            found: list[str] = await self._rows.distinct("c", {"held": {"$lt": before}})
        return set(found)

    async def cases(self, source: str, since: datetime) -> Sequence[str]:
        query = {"c": self._c, "state": "open", "at": {"$gte": since}, "source": source}
        with translated(self._host):
            rows = await self._db["tracbridge_quarantine"].find(query, {"_id": 1}).to_list(FEW)
        return [str(row["_id"]) for row in rows]

    def _name(self, id_: str) -> str:
        return f"{self._c}:{id_}"

    def _id(self, row: Document) -> str:
        return str(row["_id"]).removeprefix(f"{self._c}:")

    def _arrival(self, row: Document) -> Arrival:
        return Arrival(
            id=self._id(row),
            connection=self._c,
            at=row["at"],
            digest=row["digest"],
            raw=bytes(row.get("raw") or b""),
            event=row.get("event", ""),
            records=row["records"],
            counter=row["counter"],
            state=row["state"],
        )
