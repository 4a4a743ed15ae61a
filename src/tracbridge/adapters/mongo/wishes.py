"""What people ask of whoever works on a connection."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.stores import insert_missing
from tracbridge.ports.wishes import Wish

TOGETHER = 100
"""Wishes of one pass; more are for the next one."""


class MongoWishes:
    """One row for each wish. What has ended goes away by itself, by an index."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._rows, self._c, self._host = database["tracbridge_wishes"], connection, host

    async def put(self, wish: Wish) -> None:
        row = {
            "_id": wish.id,
            "c": self._c,
            "what": wish.what,
            "given": wish.given,
            "at": wish.at,
            "by": wish.by,
            "why": wish.why,
            "state": wish.state,
            "attempts": 0,
        }
        with translated(self._host):
            await insert_missing(self._rows, [row])

    async def find(self, id_: str) -> Wish | None:
        with translated(self._host):
            row = await self._rows.find_one({"_id": id_, "c": self._c})
        return to_wish(row) if row else None

    async def open(self) -> Sequence[Wish]:
        query = {"c": self._c, "state": "open"}
        with translated(self._host):
            rows = await self._rows.find(query).sort("at", 1).limit(TOGETHER).to_list()
        return [to_wish(row) for row in rows]

    async def begin(self, id_: str) -> None:
        await self._update(id_, {"$inc": {"attempts": 1}})

    async def end(
        self, id_: str, state: str, at: datetime, outcome: Any = None, error: str = ""
    ) -> None:
        told = {"state": state, "ended": at, "outcome": outcome, "error": error}
        await self._update(id_, {"$set": told, "$unset": {"given": ""}})

    async def _update(self, id_: str, change: Document) -> None:
        with translated(self._host):
            await self._rows.update_one({"_id": id_, "c": self._c, "state": "open"}, change)


def to_wish(row: Document) -> Wish:
    """The wish as it was stored."""
    return Wish(
        id=row["_id"],
        connection=row["c"],
        what=row["what"],
        given=row.get("given") or {},
        at=row["at"],
        by=row["by"],
        why=row["why"],
        state=row["state"],
        outcome=row.get("outcome"),
        error=row.get("error", ""),
        ended=row.get("ended"),
        attempts=row["attempts"],
    )
