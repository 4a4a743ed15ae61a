"""TracOS as a connector: work orders as documents of one MongoDB collection.

We write mapped fields, ``isSynced`` and ``syncedAt``, nothing else. Every update is guarded by the
values that were read; filters hold typed scalars only and updates are plain ``$set``.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any

from bson import Decimal128, ObjectId
from bson.errors import InvalidDocument
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DocumentTooLarge

from tracbridge.adapters.mongo.client import Document, duplicates, halves, paged, translated
from tracbridge.adapters.mongo.digest import digest_of
from tracbridge.adapters.mongo.guard import guard, shows
from tracbridge.adapters.mongo.orders import ODDLY_SYNCED, UNSYNCED, Orders
from tracbridge.adapters.mongo.stream import Stream
from tracbridge.domain.errors import RecordError, StaleWriteError
from tracbridge.domain.link import Claim
from tracbridge.ports.connector import Cursor, Page, Receipt, Record, Refusal, Traits, Write
from tracbridge.ports.hints import Hint

PAGE = 1_000
LARGEST = 2**63 - 1


class TracosConnector:
    """One collection of work orders, seen by order number."""

    traits = Traits(checks_versions=True, reads_back=True, supersedes=True, answers=True)

    def __init__(self, orders: Orders, stream: Stream | None = None) -> None:
        self._stream = stream or Stream(orders.collection, orders.host)
        self._orders, self._host, self._ours = orders.collection, orders.host, orders.ours
        self._owner, self._shown = orders.owner, orders.shown
        self._guarded = orders.guarded

    async def check(self) -> None:
        with translated(self._host):
            await self._orders.find_one({}, {"_id": 1})

    async def read(self, since: Cursor | None, claim: Claim) -> AsyncIterator[Page]:
        """Documents that are not marked as synced; a marked one is not read again."""
        del since, claim
        for query in (UNSYNCED, ODDLY_SYNCED):
            async for page in self._pages(query):
                yield page

    async def news(self) -> AsyncIterator[Page]:
        async for page in self._pages(UNSYNCED):
            yield page

    async def changed(self, since: Any, lately: Any) -> AsyncIterator[Page]:
        edited = {"$expr": {"$gte": ["$updatedAt", "$syncedAt"]}}  # what has no time counts as less
        these = {"$or": [{"updatedAt": {"$gte": lately}}, edited]}
        async for page in self._pages({"updatedAt": {"$gte": since}, "isSynced": True, **these}):
            yield page

    async def freshest(self, since: datetime, limit: int) -> Sequence[Record]:
        query = self._ours({"updatedAt": {"$gte": since}, **UNSYNCED})
        with translated(self._host):
            found = self._orders.find(query, self._shown).sort("updatedAt", -1).limit(limit)
            return [record_of(document) for document in await found.to_list()]

    async def _pages(self, query: Document) -> AsyncIterator[Page]:
        with translated(self._host):
            cursor = self._orders.find(self._ours(query), self._shown, batch_size=PAGE)
            async for documents in paged(cursor, PAGE):
                records = tuple(record_of(document) for document in documents)
                yield Page(records, Cursor(str(documents[-1]["_id"])))

    def watch(self) -> AsyncIterator[Hint]:
        """Hints from a change stream; none where the server has none."""
        return self._stream.listen(self._owner)

    async def stamp(self, since: datetime) -> str | None:
        """The documents that `read` and `changed` would give, by their content."""
        queries = (UNSYNCED, ODDLY_SYNCED, {"updatedAt": {"$gte": since}})
        # Each has an index; whose the orders are stands in each, else one scan is made for all.
        query = {"$or": [self._ours(query) for query in queries]}
        with translated(self._host):
            return await digest_of(self._orders.find(query, self._shown))

    async def commit(self, cursor: Cursor) -> None:
        """Nothing to tell: what was read is marked one by one, see `mark`."""

    async def fetch(self, refs: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        numbers = [number for ref in refs if (number := number_of(ref))]
        found: dict[str, list[Record]] = {}
        wanted = {str(number) for number in numbers}
        with translated(self._host):
            query = self._ours({"number": {"$in": numbers}})
            documents = self._orders.find(query, self._shown, batch_size=PAGE + 1)
            for document in await documents.to_list():
                for ref in refs_of(document["number"]) & wanted:
                    found.setdefault(ref, []).append(record_of(document))
        return found

    async def made(self, ids: Sequence[object]) -> Mapping[object, str]:
        with translated(self._host):
            query = self._ours({"_id": {"$in": list(ids)}})
            documents = await self._orders.find(query, {"number": 1}).to_list()
        refs = {document["_id"]: refs_of(document.get("number")) for document in documents}
        return {id_: one for id_, found in refs.items() if len(found) == 1 for one in found}

    async def write(self, writes: Sequence[Write]) -> Sequence[Receipt | Refusal]:
        new = [w for w in writes if w.body is not None and w.replaces is None]
        old = [w for w in writes if w.body is not None and w.replaces is not None]
        answers = {**await self._insert(new), **await self._update(old)}
        return [answers[w.key] if w.body is not None else _undeletable(w) for w in writes]

    async def _insert(self, writes: Sequence[Write]) -> dict[str, Receipt | Refusal]:
        """One insert for all; a number that exists by now makes that write stale."""
        if not writes:
            return {}
        documents = [{"_id": ObjectId(), **self._owner, **(w.body or {})} for w in writes]
        there: set[int] | None = set()
        with translated(self._host):
            try:
                await self._orders.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                there = duplicates(error)
                if there is None:
                    raise
            except (DocumentTooLarge, InvalidDocument, OverflowError) as error:
                return await self._halved(writes, documents, error)
        return {
            write.key: _exists(write) if i in (there or ()) else Receipt(str(documents[i]["_id"]))
            for i, write in enumerate(writes)
        }

    async def _halved(
        self, writes: Sequence[Write], documents: list[Document], error: Exception
    ) -> dict[str, Receipt | Refusal]:
        """One order cannot be stored: find it by halving, so that the others are not held up."""
        if len(writes) == 1:
            why = f"MongoDB cannot store this order: {error}"
            return {writes[0].key: RecordError("not_storable", why, value=writes[0].ref or "")}
        ids = [document["_id"] for document in documents]
        stored = {d["_id"] async for d in self._orders.find({"_id": {"$in": ids}}, {"_id": 1})}
        done = {
            write.key: Receipt(str(document["_id"]))
            for write, document in zip(writes, documents, strict=True)
            if document["_id"] in stored
        }
        left = [write for write in writes if write.key not in done]
        middle = len(left) // 2
        first, second = await self._insert(left[:middle]), await self._insert(left[middle:])
        return {**done, **first, **second}

    async def _update(self, writes: Sequence[Write]) -> dict[str, Receipt | Refusal]:
        """One bulk for all, each guarded by what was read."""
        if not writes:
            return {}
        operations = [
            UpdateOne(self._guard(w.replaces), {"$set": {**(w.body or {})}}) for w in writes
        ]
        self._stream.marks.forget(_id(write.replaces) for write in writes)
        with translated(self._host):
            result = await self._orders.bulk_write(operations, ordered=False)
            lost = set() if result.matched_count == len(writes) else await self._lost(writes)
        return {w.key: _changed(w) if w.key in lost else Receipt(w.ref or "") for w in writes}

    async def _lost(self, writes: Sequence[Write]) -> set[str]:
        """Keys of the writes whose document does not show what they set."""
        ids = [_id(write.replaces) for write in writes]
        found = {repr(d["_id"]): d async for d in self._orders.find({"_id": {"$in": ids}})}
        return {
            write.key
            for write, id_ in zip(writes, ids, strict=True)
            if not shows(found.get(repr(id_), {}), write.body or {})
        }

    async def mark(self, marks: Sequence[tuple[Record, Any]]) -> int:
        return sum(await halves(self._mark, marks))

    async def _mark(self, marks: Sequence[tuple[Record, Any]]) -> int:
        pairs = [(guard(record, self._guarded), values) for record, values in marks]
        operations = [UpdateOne(self._ours(seen), {"$set": values}) for seen, values in pairs]
        if self._stream.heeded:
            # A guard that leaves out what cannot be compared says too little.
            whole = len(self._guarded) + 1
            self._stream.marks.note(
                seen for seen, values in pairs if values["isSynced"] and len(seen) == whole
            )
        with translated(self._host):
            result = await self._orders.bulk_write(operations, ordered=False)
        return result.matched_count

    def _guard(self, record: Record | None) -> Document:
        return self._ours(guard(record, self._guarded))

    async def aclose(self) -> None:
        """The client belongs to the composition root."""


def record_of(document: Document) -> Record:
    """A document as a record; its source is its id."""
    return Record(document, None, source=source_of(document))


def source_of(document: Document) -> str:
    """What people and our memory call a document."""
    name = f"tracos:{document['_id']}"
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()


def refs_of(number: Any) -> set[str]:
    """The refs under which MongoDB finds a document with this number, be it valid or not."""
    if type(number) is int:
        return {str(number)}
    numbers = number if isinstance(number, list) else [number]
    return {ref for one in numbers if (ref := _ref_of(one))}


def _ref_of(number: Any) -> str:
    value = number.to_decimal() if isinstance(number, Decimal128) else number
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return ""
    return str(int(value)) if isfinite(value) and value == int(value) else ""


def number_of(ref: str) -> int | None:
    """The number behind a ref, None if the ref is no number that TracOS could hold."""
    if not ref.isascii() or not ref.isdigit() or len(ref) > len(str(LARGEST)):
        return None
    return number if 0 < (number := int(ref)) <= LARGEST else None


def _id(record: Record | None) -> Any:
    return record.body["_id"] if record and record.body else None


def _exists(write: Write) -> StaleWriteError:
    return StaleWriteError(f"order {write.ref} exists in TracOS by now.")


def _undeletable(write: Write) -> RecordError:
    return RecordError("undeletable", "documents are never removed.", value=write.ref or "")


def _changed(write: Write) -> StaleWriteError:
    return StaleWriteError(f"order {write.ref} was changed in TracOS since it was read.")
