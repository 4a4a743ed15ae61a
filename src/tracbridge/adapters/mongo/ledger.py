"""Links, pass counter and resume points of one connection in MongoDB."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

from pymongo import InsertOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from tracbridge.adapters.mongo.client import Document, duplicates, halves, paged, translated
from tracbridge.adapters.mongo.digest import digest_of
from tracbridge.adapters.mongo.links import from_document, to_document
from tracbridge.domain.errors import FatalError
from tracbridge.domain.link import Claim, Link, Phase
from tracbridge.domain.workorder import KIND

PAGE = 1_000


class MongoLedger:
    """The links. ``fence`` is asked at each write: who lost the lease writes nothing."""

    def __init__(
        self,
        database: AsyncDatabase[Document],
        connection: str,
        host: str,
        fence: Callable[[], int],
    ) -> None:
        self._links = database["tracbridge_links"]
        self._c, self._host, self._fence = connection, host, fence

    def _orders(self) -> Document:
        """The key's part before the ref: work orders without a scope (the only ones today)."""
        return {"c": self._c, "kind": KIND, "scope": ""}

    async def find(self, refs: Sequence[str]) -> dict[str, Link]:
        with translated(self._host):
            found = self._links.find(
                {"c": self._c, "ref": {"$in": list(refs)}}, batch_size=PAGE + 1
            )
            return {document["ref"]: from_document(document) for document in await found.to_list()}

    async def save(self, links: Sequence[Link]) -> set[str]:
        if not links:
            return set()
        return set().union(*await halves(self._save, links))

    async def _save(self, links: Sequence[Link]) -> set[str]:
        operations = [_operation(link, self._fence()) for link in links]
        with translated(self._host):
            try:
                result = await self._links.bulk_write(operations, ordered=False)
            except BulkWriteError as error:
                if duplicates(error) is None:
                    raise
                return await self._lost(links)
            done = result.inserted_count + result.modified_count
            return set() if done == len(links) else await self._lost(links)

    async def _lost(self, links: Sequence[Link]) -> set[str]:
        """The refs under which something else is stored than what we wrote."""
        fence = self._fence()
        want = {link.id: (link.ref, to_document(link, fence)) for link in links}
        found = self._links.find({"_id": {"$in": list(want)}})
        stored = {document["_id"]: document async for document in found}
        if any(document["fence"] > fence for document in stored.values()):
            msg = "another process has taken over this connection; nothing more is written here."
            raise FatalError(msg)
        return {ref for id_, (ref, document) in want.items() if stored.get(id_) != document}

    async def linked(self) -> int:
        with translated(self._host):
            return await self._links.count_documents(self._orders())

    async def on_their_way(self, *phases: Phase) -> AsyncIterator[list[str]]:
        names = [phase.value for phase in phases]
        async for refs in self._refs({"c": self._c, "out.phase": {"$in": names}}):
            yield refs

    async def repushes(self) -> AsyncIterator[list[str]]:
        async for refs in self._refs({"c": self._c, "repush": True}):
            yield refs

    async def stamp(self, since: datetime) -> str | None:
        """The orders that are on their way or to be sent again, by revision, whatever their age."""
        del since
        phases = [phase.value for phase in Phase]
        out, again = {"out.phase": {"$in": phases}}, {"repush": True}
        query = {"$or": [{"c": self._c, **out}, {"c": self._c, **again}]}
        with translated(self._host):
            return await digest_of(self._links.find(query, {"rev": 1}))

    async def _refs(self, query: Document) -> AsyncIterator[list[str]]:
        with translated(self._host):
            cursor = self._links.find(query, {"_id": 0, "ref": 1}, batch_size=PAGE)
            async for page in paged(cursor, PAGE):
                yield [document["ref"] for document in page]

    async def rotation(
        self, after: str, limit: int, lately: tuple[datetime, datetime] | None = None
    ) -> tuple[list[str], str]:
        query = {**self._orders(), "ref": {"$gt": after}}
        names = {"_id": 0, "ref": 1, "given": 1}
        with translated(self._host):
            cursor = self._links.find(query, names, batch_size=limit).sort("ref", 1).limit(limit)
            rows = await cursor.to_list()
        refs = [row["ref"] for row in rows if not _within(row.get("given"), lately)]
        return refs, rows[-1]["ref"] if len(rows) == limit else ""


def _within(given: datetime | None, span: tuple[datetime, datetime] | None) -> bool:
    return given is not None and span is not None and span[0] <= given <= span[1]


def _operation(link: Link, fence: int) -> InsertOne[Document] | UpdateOne:
    """Over the revision that was read, by no older fence; a new link must not exist yet.

    Where that fails it changes nothing. As part of the filter the same guard costs MongoDB half as
    much again: whatever asks for more than the ``_id`` is planned anew each time.
    """
    document = to_document(link, fence)
    if not link.rev:
        return InsertOne(document)
    ours = {"$and": [{"$eq": ["$rev", link.rev]}, {"$lte": ["$fence", fence]}]}
    shown = {"$cond": [ours, {"$literal": document}, "$$ROOT"]}
    return UpdateOne({"_id": link.id}, [{"$replaceWith": shown}])


class MongoPasses:
    """The pass counter and the resume points."""

    def __init__(self, database: AsyncDatabase[Document], connection: str, host: str) -> None:
        self._passes, self._cursors = database["tracbridge_passes"], database["tracbridge_cursors"]
        self._c, self._host = connection, host

    async def begin(self, complete: int = 0, ahead: int = 0) -> Claim:
        change: Document = {"$inc": {"counter": 1 + ahead}}
        if complete:
            change["$max"] = {"complete": complete}
        with translated(self._host):
            row = await self._passes.find_one_and_update(
                {"_id": self._c}, change, upsert=True, return_document=True
            )
        return Claim(row["counter"] - ahead, row.get("complete", 0)) if row else Claim(1, 0)

    async def counter(self) -> int:
        with translated(self._host):
            row = await self._passes.find_one({"_id": self._c})
        return row["counter"] if row else 0

    async def completed(self) -> int:
        with translated(self._host):
            row = await self._passes.find_one({"_id": self._c})
        return int(row.get("complete", 0)) if row else 0

    async def complete(self, pass_: int) -> None:
        with translated(self._host):
            await self._passes.update_one({"_id": self._c}, {"$max": {"complete": pass_}})

    async def cursor(self, name: str) -> Any:
        with translated(self._host):
            row = await self._cursors.find_one({"_id": f"{self._c}:{name}"})
        return row["cursor"] if row else None

    async def keep_cursor(self, name: str, value: Any) -> None:
        with translated(self._host):
            await self._cursors.update_one(
                {"_id": f"{self._c}:{name}"}, {"$set": {"cursor": value}}, upsert=True
            )
