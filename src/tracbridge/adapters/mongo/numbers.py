"""Which of TracOS's numbers belongs to which key of the customer's."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson import Int64, ObjectId
from pymongo import ReturnDocument, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from tracbridge.adapters.mongo.client import Document, duplicates, translated
from tracbridge.domain.workorder import KIND
from tracbridge.ports.numbers import Key, Numbered
from tracbridge.sync.identity import link_id, record_id

FIRST = 1_000_000_001
"""Where numbers that we allocate begin, unless the connection says otherwise: far above those that
people give by hand.
"""


class MongoNumbers:
    """One row for each key, made once; the counter only grows, so a number is never used again."""

    def __init__(
        self,
        database: AsyncDatabase[Document],
        connection: str,
        host: str,
        owner: Mapping[str, Any] | None = None,
        first: int = FIRST,
    ) -> None:
        self._rows, self._counters = database["tracbridge_numbers"], database["tracbridge_passes"]
        self._c, self._host, self._first = connection, host, first
        self._owner = sorted((owner or {}).items())

    def _id(self, key: Key) -> str:
        return link_id(self._c, KIND, key.scope, key.ref)

    def document(self, key: Key) -> ObjectId:
        # Others may have connections of that name on orders of the same collection.
        return ObjectId(record_id(self._id(key), self._owner)[:24])

    async def known(self, keys: Sequence[Key]) -> Mapping[Key, Numbered]:
        ids = {self._id(key): key for key in keys}
        with translated(self._host):
            rows = await self._rows.find({"_id": {"$in": list(ids)}}).to_list()
        return {ids[row["_id"]]: _numbered(row) for row in rows}

    async def of(self, keys: Sequence[Key]) -> Mapping[Key, Numbered]:
        """Asked for new keys: a row for each is made without looking. Where another process was
        quicker, its row stands; of a number that was paired with another key the next one is taken.
        """
        found: dict[Key, Numbered] = {}
        while new := [key for key in dict.fromkeys(keys) if key not in found]:
            found |= await self._made(new)
        return found

    async def _made(self, new: Sequence[Key]) -> Mapping[Key, Numbered]:
        """Those of these keys that have a row by now."""
        numbers = await self._next(len(new))
        rows = [
            self._row(key, number, self.document(key))
            for key, number in zip(new, numbers, strict=True)
        ]
        there: set[int] = set()
        with translated(self._host):
            try:
                await self._rows.insert_many(rows, ordered=False)
            except BulkWriteError as error:
                positions = duplicates(error)
                if positions is None:
                    raise
                there = positions
        made = {
            key: _numbered(row, fresh=True)
            for at, (key, row) in enumerate(zip(new, rows, strict=True))
            if at not in there
        }
        return {**made, **(await self.known([new[at] for at in there]) if there else {})}

    def _row(self, key: Key, number: int, document: Any) -> Document:
        return {
            "_id": self._id(key),
            "c": self._c,
            "scope": key.scope,
            "ref": key.ref,
            "number": Int64(number),
            "doc": document,
        }

    async def _next(self, count: int) -> range:
        """So many numbers that nobody was given before."""
        query, name = {"_id": f"{self._c} numbers"}, "next"
        with translated(self._host):
            await self._counters.update_one(
                query, {"$setOnInsert": {name: Int64(self._first)}}, upsert=True
            )
            row = await self._counters.find_one_and_update(
                query, {"$inc": {name: count}}, return_document=ReturnDocument.BEFORE
            )
        start = int((row or {})[name])
        return range(start, start + count)

    async def keys(self, numbers: Sequence[str]) -> Mapping[str, Key]:
        wanted = [Int64(number) for number in numbers if number.isdigit()]
        query = {"c": self._c, "number": {"$in": wanted}}
        with translated(self._host):
            rows = await self._rows.find(query, {"number": 1, "ref": 1, "scope": 1}).to_list()
        return {str(row["number"]): Key(row["ref"], row["scope"]) for row in rows}

    async def pair(self, pairs: Mapping[Key, str]) -> set[Key]:
        if not pairs:
            return set()
        rows = [self._row(key, int(number), None) for key, number in pairs.items()]
        with translated(self._host):
            try:
                await self._rows.insert_many(rows, ordered=False)
            except BulkWriteError as error:
                if duplicates(error) is None:
                    raise
        there = await self.known(list(pairs))
        return {k for k, number in pairs.items() if k not in there or there[k].number != number}

    async def again(self, keys: Sequence[Key]) -> None:
        if not keys:
            return
        numbers = await self._next(len(keys))
        with translated(self._host):
            await self._rows.bulk_write(
                [
                    UpdateOne({"_id": self._id(key)}, {"$set": {"number": Int64(number)}})
                    for key, number in zip(keys, numbers, strict=True)
                ],
                ordered=False,
            )


def _numbered(row: Document, *, fresh: bool = False) -> Numbered:
    return Numbered(str(row["number"]), row["doc"], fresh=fresh)
