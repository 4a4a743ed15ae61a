"""The audit in MongoDB: one document for each action. This file inserts and reads, nothing else."""

from collections.abc import Sequence

import msgspec
from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.stores import insert_missing
from tracbridge.ports.audit import AuditEntry

INDEX = IndexModel([("tenant", 1), ("_id", -1)], name="tenant")


class MongoAudit:
    """The collection ``tracbridge_audit`` of the home database."""

    def __init__(self, database: AsyncDatabase[Document], host: str) -> None:
        self._rows, self._host = database["tracbridge_audit"], host

    async def prepare(self) -> None:
        """Its index, where it is not there."""
        with translated(self._host):
            await self._rows.create_indexes([INDEX])

    async def add(self, entry: AuditEntry) -> None:
        row = msgspec.structs.asdict(entry)
        with translated(self._host):
            await insert_missing(self._rows, [{"_id": row.pop("id"), **row}])

    async def entries(
        self,
        tenants: frozenset[str] | None,
        *,
        connection: str = "",
        action: str = "",
        before: str = "",
        limit: int = 100,
    ) -> Sequence[AuditEntry]:
        query: Document = {} if tenants is None else {"tenant": {"$in": sorted(tenants - {""})}}
        query |= {"connection": {"$eq": connection}} if connection else {}
        query |= {"action": {"$eq": action}} if action else {}
        query |= {"_id": {"$lt": before}} if before else {}
        with translated(self._host):
            found = self._rows.find(query).sort("_id", -1).limit(limit)
            return [AuditEntry(id=row.pop("_id"), **row) async for row in found]
