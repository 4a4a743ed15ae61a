"""Old entries of one connection, removed from our own collections; never from TracOS's."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.domain.workorder import Side
from tracbridge.ports.retention import Needed

ENDED = ("closed", "retried", "discarded")


class MongoRetention:
    """What waits for a person, and what is old enough to be forgotten."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._db, self._c, self._host = database, connection, host

    async def needed(self) -> Needed:
        files: set[str] = set()
        days: set[date] = set()
        refs: set[str] = set()
        with translated(self._host):
            async for case in self._open("quarantine", {"state": "open"}, "file"):
                files.add(case["file"])
                refs.add(case["ref"] or "")
            async for conflict in self._open("conflicts", {"decided": None}, "at"):
                # Claimed the day before, if it was settled after midnight.
                days |= {conflict["at"].date(), conflict["at"].date() - timedelta(days=1)}
                refs.add(conflict["ref"])
        return Needed(files - {""}, days, refs)

    def _open(self, name: str, query: Document, shown: str) -> Any:
        query = {"c": self._c, **query}
        return self._db[f"tracbridge_{name}"].find(query, {"ref": 1, shown: 1})

    async def ended_cases(self, before: datetime, limit: int) -> Mapping[str, str]:
        """Without those of TracOS's documents that a person put away: they would come up again."""
        long_ago: dict[str, Any] = {state: {"$not": {"$gte": before}} for state in ENDED}
        query = {"c": self._c, "state": {"$in": list(ENDED)}, "at": {"$lt": before}, **long_ago}
        query["$nor"] = [{"state": "discarded", "side": Side.TRACOS.value}]
        with translated(self._host):
            found = self._db["tracbridge_quarantine"].find(query, {"file": 1}).limit(limit)
            return {case["_id"]: case["file"] async for case in found}

    async def forget_cases(self, ids: Collection[str]) -> None:
        await self._remove("quarantine", list(ids))

    async def forget(self, before: datetime, needed: Needed, limit: int) -> Mapping[str, int]:
        waiting = {"ref": {"$nin": list(needed.refs)}}
        decided = {"decided": {"$ne": None}, "decidedAt": {"$not": {"$gte": before}}}
        queries: dict[str, Document] = {
            "history": {"at": {"$lt": before}, **waiting},
            "conflicts": {"at": {"$lt": before}, **decided},
            "runs": {"started": {"$lt": before}},
        }
        return {name: await self._forget(name, query, limit) for name, query in queries.items()}

    async def _forget(self, name: str, query: Document, limit: int) -> int:
        with translated(self._host):
            rows = self._db[f"tracbridge_{name}"].find({"c": self._c, **query}, {"_id": 1})
            ids = [row["_id"] async for row in rows.limit(limit)]
        await self._remove(name, ids)
        return len(ids)

    async def _remove(self, name: str, ids: list[Any]) -> None:
        if ids:
            with translated(self._host):
                await self._db[f"tracbridge_{name}"].delete_many({"_id": {"$in": ids}})
