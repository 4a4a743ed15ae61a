"""What people have approved that a rule held."""

from collections.abc import Sequence

from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.stores import insert_missing
from tracbridge.ports.approvals import Approval


class MongoApprovals:
    """One row for each approved change."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._rows, self._c, self._host = database["tracbridge_approvals"], connection, host

    async def of(self, refs: Sequence[str]) -> set[str]:
        query = {"c": self._c, "ref": {"$in": list(refs)}}
        with translated(self._host):
            rows = await self._rows.find(query, {"_id": 1}).to_list()
        return {row["_id"] for row in rows}

    async def put(self, approvals: Sequence[Approval]) -> None:
        rows = [
            {
                "_id": one.token,
                "c": self._c,
                "ref": one.ref,
                "rule": one.rule,
                "at": one.at,
                "by": one.by,
                "why": one.why,
            }
            for one in approvals
        ]
        with translated(self._host):
            await insert_missing(self._rows, rows)
