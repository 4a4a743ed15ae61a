"""Comments in TracOS's documents, and which of them both sides have.

TracOS's list holds ``{id, text, author, createdAt, externalId}``: ``externalId`` is the customer's
key, and is missing from a comment that he does not have yet.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from tracbridge.adapters.mongo.client import Document, paged, translated
from tracbridge.adapters.mongo.orders import Orders
from tracbridge.adapters.mongo.stores import insert_missing
from tracbridge.adapters.mongo.tracos import number_of, record_of
from tracbridge.domain.comment import COMMENT, Comment
from tracbridge.mapping.tracos import ref_or_none
from tracbridge.ports.comments import Sent
from tracbridge.sync.identity import link_id

PAGE = 200


class MongoTracosComments:
    """The list ``field`` in the documents of one connection. Updates touch nothing but it."""

    def __init__(self, orders: Orders, field: str) -> None:
        self._orders, self._ours, self._host = orders.collection, orders.ours, orders.host
        self._owner, self._field = orders.owner, field

    async def prepare(self) -> None:
        """The index by which comments are found that the customer does not have."""
        suffix = "".join(f"_{name}" for name in self._owner)
        keys = [*((name, ASCENDING) for name in self._owner), (self._key, ASCENDING)]
        index = IndexModel(
            keys,
            name=f"tracbridge_{self._field}{suffix}",
            partialFilterExpression={self._text: {"$exists": True}},
        )
        with translated(self._host):
            await self._orders.create_indexes([index])

    @property
    def _key(self) -> str:
        return f"{self._field}.externalId"

    @property
    def _text(self) -> str:
        return f"{self._field}.text"

    async def unsent(self) -> AsyncIterator[list[tuple[str, Sequence[Comment]]]]:
        query = self._ours({self._text: {"$exists": True}, self._key: None})
        shown = {"number": 1, self._field: 1}
        with translated(self._host):
            cursor = self._orders.find(query, shown, batch_size=PAGE)
            async for documents in paged(cursor, PAGE):
                found = [await self._named(document) for document in documents]
                yield [(ref, comments) for ref, comments in found if ref and comments]

    async def _named(self, document: Document) -> tuple[str, Sequence[Comment]]:
        """The document's unsent comments, each with an id by now."""
        listed = document.get(self._field)
        ref = ref_or_none((record_of(document).body or {}).get("number")) or ""
        found: list[Comment] = []
        for index, one in enumerate(listed if isinstance(listed, list) else ()):
            if not isinstance(one, dict) or one.get("externalId") is not None:
                continue
            if isinstance(text := one.get("text"), str) and text:
                id_ = one.get("id") or await self._give_id(document["_id"], index, one)
                if id_:
                    author, at = one.get("author"), one.get("createdAt")
                    named = author if isinstance(author, str) else ""
                    when = at if isinstance(at, datetime) else None
                    found.append(Comment(text, named, when, id=str(id_)))
        return ref, found

    async def _give_id(self, document: Any, index: int, one: Document) -> str:
        """A new id for a comment that has none, where it still stands as read; else ""."""
        id_, place = str(ObjectId()), f"{self._field}.{index}"
        found = await self._orders.update_one(
            {"_id": document, place: one}, {"$set": {f"{place}.id": id_}}
        )
        return id_ if found.matched_count else ""

    async def append(self, ref: str, comments: Sequence[Comment]) -> bool:
        with translated(self._host):
            found = await self._orders.find_one(self._order(ref), {"_id": 1})
            if found is None:
                return False
            for one in comments:
                guard = {"_id": found["_id"], self._key: {"$ne": one.key}}
                await self._orders.update_one(guard, {"$push": {self._field: _document(one)}})
            return True

    async def name(self, ref: str, id_: str, key: str) -> None:
        place = f"{self._field}.$.externalId"
        with translated(self._host):
            query = {**self._order(ref), f"{self._field}.id": id_}
            await self._orders.update_one(query, {"$set": {place: key}})

    def _order(self, ref: str) -> Document:
        return self._ours({"number": {"$eq": number_of(ref)}})


def _document(one: Comment) -> Document:
    """A comment of the customer's as TracOS keeps it."""
    said = {"author": one.author, "createdAt": one.at}
    kept = {name: value for name, value in said.items() if value}
    return {"id": one.id or one.key, "text": one.text, **kept, "externalId": one.key}


class MongoCommentMemory:
    """One row for each comment that both sides have, or that is on its way to the customer."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._rows, self._c, self._host = database["tracbridge_comments"], connection, host

    def _id(self, ref: str, name: str) -> str:
        return link_id(self._c, COMMENT, ref, name)

    async def known(self, ref: str, keys: Collection[str]) -> set[str]:
        query = {"c": self._c, "ref": ref, "key": {"$in": list(keys)}}
        with translated(self._host):
            return {row["key"] for row in await self._rows.find(query, {"key": 1}).to_list()}

    async def sent(self, ref: str) -> Mapping[str, Sent]:
        query = {"c": self._c, "ref": ref, "id": {"$exists": True}}
        with translated(self._host):
            return {row["id"]: _sent(row) for row in await self._rows.find(query).to_list()}

    async def unsettled(self) -> AsyncIterator[list[Sent]]:
        query = {"c": self._c, "open": True}
        with translated(self._host):
            async for rows in paged(self._rows.find(query, batch_size=PAGE), PAGE):
                yield [_sent(row) for row in rows]

    async def begin(self, sent: Sent) -> None:
        row = {
            "_id": self._id(sent.ref, f"ours {sent.id}"),
            "c": self._c,
            "ref": sent.ref,
            "id": sent.id,
            "at": sent.at,
            "text": sent.text,
            "open": True,
        }
        with translated(self._host):
            await insert_missing(self._rows, [row])

    async def settle(self, sent: Sent, key: str) -> None:
        row = {"_id": self._id(sent.ref, f"ours {sent.id}")}
        with translated(self._host):
            await self._rows.update_one(
                row, {"$set": {"key": key}, "$unset": {"open": "", "text": ""}}
            )

    async def forget(self, sent: Sent) -> None:
        row = {"_id": self._id(sent.ref, f"ours {sent.id}"), "open": True}
        with translated(self._host):
            await self._rows.delete_one(row)

    async def took(self, ref: str, keys: Sequence[str]) -> None:
        rows = [
            {"_id": self._id(ref, f"his {key}"), "c": self._c, "ref": ref, "key": key}
            for key in keys
        ]
        with translated(self._host):
            await insert_missing(self._rows, rows)


def _sent(row: Document) -> Sent:
    return Sent(row["ref"], row["id"], row["at"], row.get("key", ""), row.get("text", ""))
