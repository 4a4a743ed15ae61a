"""One order's values removed from our own collections; never from TracOS's."""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime

from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.stores import to_case
from tracbridge.domain.workorder import Side
from tracbridge.ports.state import QuarantineCase

VALUES: Document = {"why.forgotten": {"$exists": False}}
"""History entries that hold values."""

PUT_AWAY = {"side": Side.TRACOS.value, "state": "discarded"}
"""Cases of TracOS's documents that a person put away stay: they would come up again."""

BARE = {"value": "", "reason": "forgotten", "hint": "", "raw": b"", "file": ""}


class MongoForgotten:
    """History, conflicts, quarantine and approvals of one order."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._db, self._c, self._host = database, connection, host

    async def unnamed(self) -> AsyncIterator[QuarantineCase]:
        with translated(self._host):
            async for row in self._db["tracbridge_quarantine"].find({"c": self._c, "ref": None}):
                yield to_case(row)

    async def waiting(self, ref: str, cases: Collection[str]) -> Collection[str]:
        order, refused = self._queries(ref, cases)
        open_ = {
            "conflict": ("conflicts", {**order, "decided": None}),
            "case": ("quarantine", {**refused, "state": "open"}),
        }
        with translated(self._host):
            return [
                f"{kind} {row['_id']}"
                for kind, (name, query) in open_.items()
                async for row in self._db[f"tracbridge_{name}"].find(query, {"_id": 1})
            ]

    async def of_order(self, ref: str, cases: Collection[str]) -> Mapping[str, int]:
        order, refused = self._queries(ref, cases)
        queries: dict[str, Document] = {
            "history": {**order, **VALUES},
            "conflicts": order,
            "quarantine": {**refused, "$nor": [{**PUT_AWAY, **BARE}]},
        }
        with translated(self._host):
            return {
                name: await self._db[f"tracbridge_{name}"].count_documents(query)
                for name, query in queries.items()
            }

    async def forget(self, ref: str, cases: Collection[str], at: datetime) -> None:
        order, refused = self._queries(ref, cases)
        history, quarantine = self._db["tracbridge_history"], self._db["tracbridge_quarantine"]
        bare: Document = {"after": {}, "why": {"forgotten": at}}
        with translated(self._host):
            await quarantine.update_many({**refused, **PUT_AWAY}, {"$set": BARE})
            await quarantine.delete_many({**refused, "state": {"$ne": "open"}, "$nor": [PUT_AWAY]})
            # That it was approved, and by whom, goes on counting; the words are a person's own.
            await self._db["tracbridge_approvals"].update_many(order, {"$set": {"why": ""}})
            ended = {**order, "decided": {"$ne": None}}
            await self._db["tracbridge_conflicts"].delete_many(ended)
            # Nothing before means that the order was new, and goes on meaning it.
            await history.update_many({**order, **VALUES, "before": None}, {"$set": bare})
            await history.update_many({**order, **VALUES}, {"$set": {**bare, "before": {}}})

    def _queries(self, ref: str, cases: Collection[str]) -> tuple[Document, Document]:
        """The order's entries, and its refused records."""
        either = [{"ref": ref}, {"_id": {"$in": list(cases)}}]
        return {"c": self._c, "ref": ref}, {"c": self._c, "$or": either}
