"""One order's values removed from our own collections; never from TracOS's."""

from collections.abc import Collection, Mapping
from datetime import datetime

from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.domain.workorder import Side

VALUES: Document = {"why.forgotten": {"$exists": False}}
"""History entries that hold values."""

PUT_AWAY = {"side": Side.TRACOS.value, "state": "discarded"}
"""Cases of TracOS's documents that a person put away stay: they would come up again."""

BARE = {"value": "", "reason": "forgotten", "hint": "", "raw": b"", "file": ""}


class MongoForgotten:
    """History, conflicts and quarantine of one order."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._db, self._c, self._host = database, connection, host

    async def waiting(self, ref: str) -> Collection[str]:
        open_: dict[str, Document] = {"conflict": {"decided": None}, "case": {"state": "open"}}
        names = {"conflict": "conflicts", "case": "quarantine"}
        with translated(self._host):
            return [
                f"{kind} {row['_id']}"
                for kind, query in open_.items()
                async for row in self._db[f"tracbridge_{names[kind]}"].find(
                    {"c": self._c, "ref": ref, **query}, {"_id": 1}
                )
            ]

    async def of_order(self, ref: str) -> Mapping[str, int]:
        queries: dict[str, Document] = {
            "history": VALUES,
            "conflicts": {},
            "quarantine": {"$nor": [{**PUT_AWAY, **BARE}]},
        }
        with translated(self._host):
            return {
                name: await self._db[f"tracbridge_{name}"].count_documents(
                    {"c": self._c, "ref": ref, **query}
                )
                for name, query in queries.items()
            }

    async def forget(self, ref: str, at: datetime) -> None:
        mine: Document = {"c": self._c, "ref": ref}
        history, cases = self._db["tracbridge_history"], self._db["tracbridge_quarantine"]
        bare: Document = {"after": {}, "why": {"forgotten": at}}
        with translated(self._host):
            await cases.update_many({**mine, **PUT_AWAY}, {"$set": BARE})
            await cases.delete_many({**mine, "state": {"$ne": "open"}, "$nor": [PUT_AWAY]})
            ended = {**mine, "decided": {"$ne": None}}
            await self._db["tracbridge_conflicts"].delete_many(ended)
            # Nothing before means that the order was new, and goes on meaning it.
            await history.update_many({**mine, **VALUES, "before": None}, {"$set": bare})
            await history.update_many({**mine, **VALUES}, {"$set": {**bare, "before": {}}})
