"""The words of mappings and rules that changes were made by, so that they can be asked again."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, translated
from tracbridge.adapters.mongo.stores import insert_missing


class Use(Struct, frozen=True):
    """By what so many changes were made, between these times. ``version``: mapping, or
    mapping+rules.
    """

    version: str
    first: datetime
    last: datetime
    changes: int


class MongoVersions:
    """One row for each text; connections that say the same share it."""

    def __init__(self, database: AsyncDatabase[Document], host: str) -> None:
        self._rows, self._host = database["tracbridge_versions"], host

    async def keep(self, words: Mapping[str, str], at: datetime) -> None:
        """Remember these texts by their digests; those that are there stay."""
        rows = [{"_id": digest, "words": text, "at": at} for digest, text in words.items()]
        with translated(self._host):
            await insert_missing(self._rows, rows)

    async def words(self, digest: str) -> str | None:
        """The text of that digest, None if we never used it."""
        with translated(self._host):
            row = await self._rows.find_one({"_id": digest})
        return row["words"] if row else None

    async def used(self, connection: str, before: datetime) -> str | None:
        """What the last change before that time was made by: mapping, or mapping+rules."""
        query = {"c": connection, "at": {"$lt": before}, "why.words": {"$type": "string"}}
        with translated(self._host):
            history = self._rows.database["tracbridge_history"]
            row = await history.find_one(query, {"why.words": 1}, sort=[("at", -1)])
        return row["why"]["words"] if row else None

    async def uses(self, connection: str, most: int) -> list[Use]:
        """By what its latest changes were made, the last used first; so many are looked at."""
        pipeline: list[Document] = [
            {"$match": {"c": {"$eq": connection}}},
            {"$sort": {"at": -1}},
            {"$limit": most},
            {"$match": {"why.words": {"$type": "string"}}},
            {
                "$group": {
                    "_id": "$why.words",
                    "first": {"$min": "$at"},
                    "last": {"$max": "$at"},
                    "changes": {"$sum": 1},
                }
            },
            {"$sort": {"last": -1, "_id": 1}},
        ]
        with translated(self._host):
            history = self._rows.database["tracbridge_history"]
            rows = await history.aggregate(pipeline)
            return [Use(version=row.pop("_id"), **row) async for row in rows]
